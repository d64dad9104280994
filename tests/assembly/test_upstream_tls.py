"""How backends are spoken to over TLS: who is asked for, who must answer, and what changes with the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import formatEvent

from balancer.assembly.upstream_tls import Upstream, expected, faults, server_name, terms_of
from balancer.config import Backend, Config, Health, HTTPListener, Pool, UpstreamTLS
from balancer.config.upstream_tls import UNVERIFIED
from balancer.core.kept import Identity
from balancer.errors import StartError
from balancer.plugins.health import HTTPCheck, TCPCheck
from tests.assembly.parts import assembled, relay
from tests.net.authority import Authority
from tests.net.house import House, lines, listening


@pytest.fixture
def house() -> Iterator[House]:
    """A balancer in memory; whatever it leaves open at the end fails the test."""
    house = House()
    yield house
    house.end()


NAMED, ADDRESSED, SOCKET = Backend("app.example:443"), Backend("[fe80::1%eth0]:443"), Backend("unix:/run/app")
RENAMED = Backend("app.example:443", server_name="own.example")


@pytest.mark.parametrize(
    ("settings", "backend", "asked", "proven"),
    [
        ({}, NAMED, "app.example", ("app.example",)),
        ({}, ADDRESSED, None, ("fe80::1",)),
        ({}, RENAMED, "own.example", ("own.example",)),
        ({"server_name": "a.example"}, NAMED, "a.example", ("a.example",)),
        ({"server_name": "a.example"}, SOCKET, "a.example", ("a.example",)),
        ({"server_name": "a.example"}, RENAMED, "own.example", ("own.example",)),
        ({"expect": ["b.example", "10.0.0.1"]}, NAMED, "app.example", ("b.example", "10.0.0.1")),
        ({"expect": "b.example"}, RENAMED, "own.example", ("b.example",)),
        ({"expect": "b.example"}, SOCKET, None, ("b.example",)),
        ({"verify": False}, NAMED, "app.example", ()),
        ({"verify": False}, SOCKET, None, ()),
    ],
)
def test_names(settings: Any, backend: Backend, asked: str | None, proven: tuple[str, ...]) -> None:
    """Who is asked for is the backend, by the name nearest to it; who must answer is that, unless told otherwise."""
    tls = UpstreamTLS(**settings)
    assert (server_name(tls, backend), expected(tls, backend)) == (asked, proven)


def test_connections_in_the_clear() -> None:
    """Without a word there is no TLS."""
    (pool,) = assembled(relay()).pools.values()
    assert [backend.secure for backend in pool.backends] == [None]


def test_files_that_change(tmp_path: Path) -> None:
    """With other files connections are made anew, and those of before are kept for nobody."""
    authority = Authority()
    ca, own = authority.store(tmp_path), authority.leaf("us").store(tmp_path)
    health = Health(TCPCheck(), tls=UpstreamTLS(ca=ca, server_name="a.example"))
    pool = Pool("site", backends=["127.0.0.1:1"], tls=UpstreamTLS(ca=ca, certificate=own), health=health)
    assembly = assembled(HTTPListener("tcp:80", pool=pool))
    (backend,) = assembly.pools[pool].backends
    identity = Identity(("127.0.0.1", 1), "", backend.secure)
    assert identity.suits(backend)
    assert list(assembly.reloads) == ["Pool 'site': tls", "Pool 'site': health: tls"]
    for files in assembly.reloads.values():
        files.now()
    assert not identity.suits(backend)
    assert [files.reloaded for files in assembly.reloads.values()] == [1, 1]


def test_files_that_break(tmp_path: Path) -> None:
    """What is of no use is told, and what was there before stays."""
    ca = Authority().store(tmp_path)
    assembly = assembled(relay(tls=UpstreamTLS(ca=ca)))
    (files,), ((backend,),) = assembly.reloads.values(), [pool.backends for pool in assembly.pools.values()]
    before = backend.secure
    Path(ca).write_text("broken")
    with listening() as told:
        files.now()
    assert lines(told)[0].startswith(f"{ca}: holds no PEM block")
    assert (backend.secure, files.refused) == (before, 1)


def test_what_is_watched(tmp_path: Path) -> None:
    """Files are watched where there are any, and a change of each is seen."""
    assert assembled(relay(tls=True)).reloads == {}
    authority = Authority()
    crl = tmp_path / "list.crl"
    crl.write_bytes(authority.crl())
    tls = UpstreamTLS(ca=authority.store(tmp_path), crl=crl, certificate=authority.leaf("us").store(tmp_path))
    upstream = Upstream(terms_of(tls), lambda _loaded: None)
    upstream.tick()
    for path in tmp_path.iterdir():
        before = upstream.look()
        assert upstream.look() == before
        path.write_bytes(path.read_bytes() + b"\n")
        assert upstream.look() != before


def test_a_start_with_files_of_no_use(tmp_path: Path) -> None:
    """The balancer does not start, and says why in one line; a check of the config says the same."""
    ca = f"{tmp_path}/absent.pem"
    health = Health(TCPCheck(), tls=UpstreamTLS(ca=ca))
    for owner, settings in (("tls", {"tls": UpstreamTLS(ca=ca)}), ("health: tls", {"health": health})):
        listener = relay(**settings)
        line = f"Pool 'pool': {owner}: {ca}: cannot be read: No such file or directory"
        with pytest.raises(StartError) as caught:
            assembled(listener)
        assert str(caught.value).startswith(line)
        assert [fault.startswith(line) for fault in faults(Config(listener))] == [True]
    assert list(faults(Config(relay(tls=True)))) == []


@pytest.mark.parametrize(
    ("of_pool", "of_check", "first"),
    [
        (None, None, b"GET"),
        (True, None, b"\x16\x03"),
        (True, False, b"GET"),
        (None, True, b"\x16\x03"),
        (UpstreamTLS(starttls="postgres"), True, b"\x16\x03"),
    ],
)
def test_of_checks(house: House, of_pool: Any, of_check: Any, first: bytes) -> None:
    """A check is made over TLS as the pool's connections are, unless it has its own way."""
    far = house.far()
    health = Health(HTTPCheck("/"), every=1, tls=of_check)
    house.open(relay("127.0.0.1:9001", health=health, tls=of_pool))
    assert far.last.hear().startswith(first)


def test_what_operators_are_warned_of(tmp_path: Path) -> None:
    """Who verifies nothing, or writes secrets, is told so at the start."""
    keylog = f"{tmp_path}/keys"
    with listening() as told:
        assembly = assembled(relay(tls=UpstreamTLS(verify=False, keylog=keylog)))
    assert [formatEvent(event) for event in told] == [
        f"Pool 'pool': tls: the secrets of all connections are written to {keylog}",
        f"Pool 'pool': tls: {UNVERIFIED}",
    ]
    assert {event["log_level"].name for event in told} == {"warn"}
    assembly.close()
