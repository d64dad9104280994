"""The whole of a config as a value, and what it accepts."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.service import Service

from balancer.config import (
    ACME,
    TLS,
    Backend,
    Config,
    Health,
    HTTPListener,
    Pool,
    Route,
    TCPListener,
    UDPListener,
)
from balancer.errors import ConfigError
from balancer.interfaces import Kind
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.first_bytes import SNI
from balancer.plugins.hashing import Hash, SourceHash, header, source
from balancer.plugins.sticky import AppCookie, OwnCookie, Sticky


class Check:
    """A health check for the kinds it is told; a function, for all that matters here."""

    def __init__(self, *protocols: Kind) -> None:
        self.protocols = protocols

    async def __call__(self, target: object) -> None:
        """Find everything well."""


def test_pools_in_use() -> None:
    """The pools of all listeners, in order of first use and each once."""
    one, two = Pool("one", backends=["a:1"]), Pool("two", backends=["a:1"])
    config = Config([TCPListener("tcp:1", pool=two), HTTPListener("tcp:2", pool=one), TCPListener("tcp:3", pool=two)])
    assert config.pools == (two, one)


def test_what_checks_of_a_pool_are_told() -> None:
    """For each pool there are the kinds of listener that use it, and whether datagrams open with a PROXY header."""
    both, plain = Pool("both", backends=["a:1"]), Pool("plain", backends=["a:1"])
    datagrams = UDPListener("udp:1", pool=both, send_proxy="v2"), UDPListener("udp:2", pool=plain)
    config = Config([*datagrams, TCPListener("tcp:1", pool=both)])
    assert (config.kinds(both), config.kinds(plain)) == ((Kind.UDP, Kind.TCP), (Kind.UDP,))
    assert (config.proxies_datagrams(both), config.proxies_datagrams(plain)) == (True, False)


def test_one_listener_needs_no_list() -> None:
    """A single listener or companion may stand without its list."""
    companion = Service()
    config = Config(HTTPListener("tcp:80", pool=Pool("site", backends=["a:1"])), companions=companion)
    assert (len(config.listeners), config.companions) == (1, (companion,))


def test_the_path_of_the_control_socket() -> None:
    """Commands are taken at the path that was written, if any was; the longest that the system takes is taken."""
    web = HTTPListener("tcp:80", pool=Pool("site", backends=["a:1"]))
    longest = f"/{'b' * 106}"
    assert Config(web).control_path is None
    assert Config(web, control=f"unix:{longest}").control_path == longest


def test_one_pool_for_both_transports() -> None:
    """A pool whose addresses name no transport serves TCP and UDP at once, as a name server does."""
    dns = Pool("dns", backends=["a:53"], health=Health(Check(Kind.TCP, Kind.UDP)))
    config = Config([TCPListener("tcp:53", pool=dns), UDPListener("udp:53", pool=dns)])
    assert config.pools == (dns,)


def test_a_function_probes_for_every_kind() -> None:
    """A health check that says nothing of the kinds it can probe for is taken at its word, for UDP as well."""

    async def well(target: object) -> None:
        """Find everything well."""

    dns = Pool("dns", backends=["a:53"], health=Health(well))
    assert Config(UDPListener("udp:53", pool=dns)).pools == (dns,)


def test_settings_that_nobody_heeds() -> None:
    """What none of the listeners of a pool looks at is known, and is less the more kinds of listener use it."""
    http = (
        "response_timeout",
        "stall_timeout",
        "keepalive",
        "keepalive_timeout",
        "max_head",
        "max_fields",
        "max_interim",
        "max_age",
        "max_uses",
        "warm",
    )
    stream = ("connect_timeout", "attempts", "queue", "queue_timeout", "tls")
    limited = Backend("a:1", max_connections=5)
    one, two, three = (Pool(name, backends=[limited]) for name in ("one", "two", "three"))
    config = Config(
        [
            UDPListener("udp:1", pool=one),
            *(UDPListener("udp:2", pool=two), TCPListener("tcp:2", pool=two)),
            *(TCPListener("tcp:3", pool=three), HTTPListener("tcp:4", pool=three)),
        ]
    )
    sharing = ("spill", "panic", "slow_start")
    expected = [(*stream, *http, *sharing), (*http, *sharing), sharing]
    assert [config.unheeded(pool) for pool in (one, two, three)] == expected


@pytest.mark.parametrize(
    ("most", "queue", "unheeded"),
    [(None, 100, ("queue", "queue_timeout")), (5, 0, ("queue_timeout",)), (5, 1, ())],
)
def test_settings_that_the_pool_itself_leaves_unused(most: int | None, queue: int, unheeded: tuple[str, ...]) -> None:
    """Without a limit there is no queue, and without a queue no wait."""
    settings: dict[str, Any] = {} if most is None else {"queue": queue}
    pool = Pool("site", backends=[Backend("a:1", max_connections=most)], **settings)
    assert Config(HTTPListener("tcp:80", pool=pool)).unheeded(pool) == (*unheeded, "spill", "panic", "slow_start")


@pytest.mark.parametrize("setting", ["response_timeout", "stall_timeout", "keepalive_timeout", "max_interim"])
def test_http_settings_are_for_http(setting: str) -> None:
    """What HTTP alone looks at may be set on a pool as soon as one HTTP listener uses it."""
    settings: dict[str, Any] = {setting: 7}
    pool = Pool("mixed", backends=["a:1"], **settings)
    config = Config([TCPListener("tcp:1", pool=pool), HTTPListener("tcp:2", pool=pool)])
    assert config.pools == (pool,)


def test_certificates_to_be_obtained() -> None:
    """They are found wherever TLS is spoken, inside of routes too, each once; somebody has to answer for them."""
    first, second = (
        ACME(name, storage="s", agree_to_terms=True, challenge="tls-alpn-01") for name in ("a.example", "b.example")
    )
    pool, tls = Pool("site", backends=["a:1"]), TLS(acme=first)
    inside = HTTPListener(tls=TLS("b", acme=second), pool=pool)
    config = Config(
        [
            TCPListener("tcp:1", routes=[Route(SNI("b.example"), serve=inside), Route(pool=pool)]),
            HTTPListener("tcp:2", pool=pool, tls=tls),
            HTTPListener("tcp:3", pool=pool, tls=tls),
            UDPListener("udp:4", pool=pool),
        ]
    )
    assert config.acmes == (second, first)
    plain = ACME("a.example", storage="s", agree_to_terms=True)
    with pytest.raises(ConfigError, match=r"^Config: ACME 'a\.example': challenge: 'http-01' would never be answered"):
        Config(HTTPListener("tcp:2", pool=pool, tls=TLS(acme=plain)))
    answering = Config([HTTPListener("tcp:2", pool=pool, tls=TLS(acme=plain)), HTTPListener("tcp:80", pool=pool)])
    assert answering.acmes == (plain,)


@pytest.mark.parametrize(
    "algorithm",
    [Hash(header("x")), Sticky(OwnCookie("lb", b"x" * 16)), Sticky(AppCookie("c")), Sticky(header("x"), SourceHash())],
)
def test_algorithms_for_requests_alone(algorithm: Any) -> None:
    """An algorithm that goes by requests is told where none use the pool, and is none where some do."""
    for setting in ("algorithm", "on_policy_error"):
        pool = Pool("site", backends=["a:1"], **{setting: algorithm})
        tcp, http = TCPListener("tcp:1", pool=pool), HTTPListener("tcp:2", pool=pool)
        Config([tcp, http])
        with pytest.raises(ConfigError) as caught:
            Config([tcp, UDPListener("udp:1", pool=pool)])
        (line,) = caught.value.mistakes
        assert line.startswith(f"Pool 'site': {setting}: {type(algorithm).__name__}(")
        assert line.endswith(
            " could tell no session from another, for no HTTPListener uses the pool; "
            "give one that goes by what all sessions say, such as SourceHash()"
        )


@pytest.mark.parametrize("algorithm", [RoundRobin(), Hash(source()), Sticky(lambda session: session.server_name)])
def test_algorithms_for_all_sessions(algorithm: Any) -> None:
    """What goes by nothing, by what every session says, or by what nobody can judge, serves every listener."""
    Config(TCPListener("tcp:1", pool=Pool("site", backends=["a:1"], algorithm=algorithm)))
