"""How a user says that backends are spoken to over TLS: what is taken, and each mistake with its exact line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from balancer.config import Backend, Config, Health, HTTPListener, Pool, TCPListener, UDPListener, UpstreamTLS
from balancer.errors import ConfigError

WRONG = {
    "ca": ("", "ca: '' is not text of one line; give a name in quotes"),
    "certificate": ([7], "certificate: 7 is not text of one line; give a name in quotes"),
    "server_name": (
        "10.0.0.1",
        "server_name: '10.0.0.1' is an address, for which nobody can ask; give a name, or expect='10.0.0.1'",
    ),
    "expect": (["a b"], "expect: 'a b' is neither a host name nor an IP address; give one such as 'app.example'"),
    "alpn": ([""], "alpn: '' is no protocol's name; give one such as 'http/1.1'"),
    "verify": (0, "verify: 0 is not a choice; give True or False"),
    "minimum": ("1.1", "minimum: '1.1' is not a choice; give '1.2' or '1.3'"),
    "reload_every": (0.5, "reload_every: 0.5 is less than 1 seconds; give one such as 10"),
    "starttls": ("smtp", "starttls: 'smtp' is not a choice; give None or 'postgres'"),
}


def mistakes(make: Any) -> list[str]:
    """The lines with which that is refused."""
    with pytest.raises(ConfigError) as caught:
        make()
    return list(caught.value.mistakes)


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_settings(setting: str) -> None:
    """Each wrong setting is one line that names it, what was given, and what to give."""
    given, line = WRONG[setting]
    settings: dict[str, Any] = {setting: given}
    assert mistakes(lambda: UpstreamTLS(**settings)) == [f"UpstreamTLS: {line}"]


@pytest.mark.parametrize("name", ["", "b..example", 5, "1.2.3"])
def test_no_server_name(name: Any) -> None:
    """What nobody can be called is refused, of a pool as of one backend."""
    for make in (UpstreamTLS, lambda **given: Backend("a:1", **given)):
        (line,) = mistakes(lambda make=make: make(server_name=name))
        assert line.endswith("is no host name; give one such as 'app.example'")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"verify": False, "ca": "/ca"}, "ca: would be ignored, for verify=False looks at no certificate"),
        ({"verify": False, "expect": "a"}, "expect: would be ignored, for verify=False looks at no certificate"),
        ({"verify": False, "crl": "/crl"}, "crl: would be ignored, for verify=False looks at no certificate"),
        ({"reload_every": 5}, "reload_every: would be ignored, for there are no files"),
        ({"passphrase": str}, "passphrase: would be ignored, for there is no certificate"),
        ({"ciphers": "AES", "minimum": "1.3"}, "ciphers: would be ignored, for it names those of TLS 1.2"),
    ],
)
def test_what_would_be_ignored(settings: Any, line: str) -> None:
    """A setting that another one leaves without a meaning is a mistake."""
    (told,) = mistakes(lambda: UpstreamTLS(**settings))
    assert told.startswith(f"UpstreamTLS: {line}")


def test_secrets_stay_secret() -> None:
    """A passphrase that was written into the config is refused, and shown neither then nor in a plan."""
    wrong: Any = "s3cret"
    (line,) = mistakes(lambda: UpstreamTLS(certificate="/c.pem", passphrase=wrong))
    assert line.startswith("UpstreamTLS: passphrase: it is not callable; give a function")
    assert "s3cret" not in line
    assert "passphrase" not in repr(UpstreamTLS(certificate="/c.pem", passphrase=lambda _path: "s3cret"))


def test_what_is_taken() -> None:
    """Paths may be objects, lists may be single items, and True stands for all defaults."""
    tls = UpstreamTLS(ca=Path("/ca"), certificate=Path("/c.pem"), expect="10.0.0.1", alpn="h2")
    assert (tls.ca, tls.certificate, tls.expect, tls.alpn) == ("/ca", ("/c.pem",), ("10.0.0.1",), ("h2",))
    assert Pool("p", backends=["a:1"], tls=True).tls == UpstreamTLS()
    assert Pool("p", backends=["a:1"], tls=False).tls is Pool("p", backends=["a:1"]).tls is None


def test_of_pools() -> None:
    """A pool takes nothing else, and no name of a backend's that nobody would ask for."""
    wrong: Any = "yes"
    assert mistakes(lambda: Pool("p", backends=["a:1"], tls=wrong)) == [
        "Pool 'p': tls: 'yes' is not an UpstreamTLS; give True, or one such as UpstreamTLS(ca='/etc/ca.pem')"
    ]
    assert mistakes(lambda: Pool("p", backends=[Backend("a:1", server_name="b")])) == [
        "Pool 'p': backends: Backend 'a:1': server_name would be ignored, for the pool has no tls; give it tls=True"
    ]


def test_backends_without_a_name() -> None:
    """A unix socket has no name that a certificate could be for, unless it is told or nobody looks."""
    assert mistakes(lambda: Pool("p", backends=["unix:/s", "a:1", "10.0.0.1:1"], tls=True)) == [
        "Pool 'p': tls: Backend 'unix:/s' has no name that a certificate could be for; give it a server_name"
    ]
    for tls in (UpstreamTLS(server_name="a"), UpstreamTLS(expect="a"), UpstreamTLS(verify=False)):
        assert Pool("p", backends=["unix:/s"], tls=tls).tls == tls
    assert Pool("p", backends=[Backend("unix:/s", server_name="a")], tls=True).tls


def test_of_checks() -> None:
    """A check is in the clear or over TLS as its pool, unless it is told otherwise."""

    def check(_target: Any) -> Any:
        """Never run."""

    wrong: Any = "no"
    assert Health(check).tls is None
    assert Health(check, tls=False).tls is False
    assert Health(check, tls=True).tls == UpstreamTLS()
    assert mistakes(lambda: Health(check, tls=wrong)) == [
        "Health: tls: 'no' is not an UpstreamTLS; give True, False, or one such as UpstreamTLS(verify=False)"
    ]


def test_what_suits_no_http() -> None:
    """Where HTTP/1.1 is spoken, no other protocol is offered, and connections do not begin as PostgreSQL's."""
    tls = UpstreamTLS(alpn=["h2", "http/1.1"], starttls="postgres")
    pool = Pool("p", backends=["a:1"], tls=tls)
    assert mistakes(lambda: Config([HTTPListener("tcp:80", pool=pool)])) == [
        "Pool 'p': tls: alpn: 'h2' is not what the HTTPListener that uses it speaks; give 'http/1.1'",
        "Pool 'p': tls: starttls: 'postgres' is not what the HTTPListener that uses it speaks; leave it out",
    ]
    assert Config([TCPListener("tcp:80", pool=pool)]).pools == (pool,)


def test_datagrams_have_none() -> None:
    """A pool for datagrams alone has no TLS."""
    pool = Pool("p", backends=["a:1"], tls=True)
    assert mistakes(lambda: Config([UDPListener("udp:80", pool=pool)])) == [
        "Pool 'p': tls: would be ignored, for no TCPListener or HTTPListener uses the pool; leave it out"
    ]
