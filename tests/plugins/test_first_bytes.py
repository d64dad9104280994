"""The matchers on first bytes: what each takes, and that any prefix is undecided or answered for good."""

from __future__ import annotations

import ssl
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.hello import HELLO_LIMIT
from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import MORE, Found, IMatcher, IMatcherPlugin, Kind
from balancer.plugins.first_bytes import (
    ALPN,
    HTTP1,
    HTTP2,
    SNI,
    SSH,
    MQTTClientID,
    Postgres,
    PostgresSSL,
    Redis,
    TLSHello,
)
from balancer.testing import FakeSession


def client_hello(name: str | None = None, *protocols: str) -> bytes:
    """The first bytes of OpenSSL as a client."""
    settings = ssl.create_default_context()
    settings.check_hostname = False
    settings.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def startup(*items: bytes, minor: int = 0) -> bytes:
    """A StartupMessage of PostgreSQL."""
    payload = b"\0\3" + minor.to_bytes(2, "big") + b"".join(item + b"\0" for item in items) + b"\0"
    return (len(payload) + 4).to_bytes(4, "big") + payload


def connect(
    name: bytes, version: bytes = b"\0\4MQTT\4", between: bytes = b"\2\0\x3c", *, length: bytes | None = None
) -> bytes:
    """A CONNECT packet of MQTT."""
    payload = version + between + len(name).to_bytes(2, "big") + name
    return b"\x10" + (bytes([len(payload)]) if length is None else length) + payload


PLAIN, NAMED = client_hello(), client_hello("A.Example", "h2", "http/1.1")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SSL_REQUEST, GSS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30"
CANCEL = b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes(8)
ANN = startup(b"user", b"ann", b"database", b"shop", b"options", b"")
LONG_ID = connect(b"x" * 120, length=b"\x84\x01")

CASES: list[tuple[Any, bytes, Found]] = [
    (TLSHello(), PLAIN, True),
    (TLSHello(), NAMED, {"server_name": "a.example"}),
    (TLSHello(), b"GET / HTTP/1.1\r\n", False),
    (TLSHello(), b"\x16\x03\x01\x40\x00\x01\x00\x40\x01", False),
    (SNI("a.example"), NAMED, {"server_name": "a.example"}),
    (SNI("b.example", "*.Example."), NAMED, {"server_name": "a.example"}),
    (SNI("example", "*.a.example", "xa.example"), NAMED, False),
    (SNI("*.example"), client_hello("xexample").replace(b"xexample", b".example"), False),
    (SNI("a.example"), PLAIN, False),
    (SNI("a.example"), b"SSH-2.0-x\r\n", False),
    (ALPN("http/1.1", "h2"), NAMED, {"alpn": "h2"}),
    (ALPN("http/1.1"), NAMED, {"alpn": "http/1.1"}),
    (ALPN("h3"), NAMED, False),
    (ALPN("h2"), PLAIN, False),
    (HTTP1(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
    (HTTP1(), b"M-SEARCH * HTTP/1.0\r\n", True),
    (HTTP1(), b"GET http://a.test/?q=\xe9 HTTP/1.1\r\n", True),
    (HTTP1(), PREFACE, False),
    (HTTP1(), b"GET /\r\n", False),
    (HTTP1(), b"GET  / HTTP/1.1\r\n", False),
    (HTTP1(), b" GET / HTTP/1.1\r\n", False),
    (HTTP1(), b"G(T / HTTP/1.1\r\n", False),
    (HTTP1(), b"GET / RTSP/1.0\r\n", False),
    (HTTP1(), b"A" * 33, False),
    (HTTP1(), b"GET /" + b"a" * 8192, False),
    (HTTP2(), PREFACE + b"\0\0\0\4", True),
    (HTTP2(), PREFACE[:-1] + b"\r", False),
    (PostgresSSL(), SSL_REQUEST, True),
    (PostgresSSL(), GSS_REQUEST, False),
    (PostgresSSL(), ANN, False),
    (Postgres(), ANN, {"user": "ann", "database": "shop"}),
    (Postgres(), startup(b"user", b"ann", minor=2), {"user": "ann", "database": "ann"}),
    (Postgres(), startup(b"user", b"ann", b"database", b""), {"user": "ann", "database": "ann"}),
    (Postgres(), startup(b"user", b"eve", b"user", b"ann"), {"user": "ann", "database": "ann"}),
    (Postgres(user="ann"), ANN, {"user": "ann", "database": "shop"}),
    (Postgres(database="shop"), ANN, {"user": "ann", "database": "shop"}),
    (Postgres(user="j\u00f8rn"), startup(b"user", b"j\xc3\xb8rn"), {"user": "j\u00f8rn", "database": "j\u00f8rn"}),
    (Postgres(user="bob"), ANN, False),
    (Postgres(user="ann", database="ann"), ANN, False),
    (Postgres(), SSL_REQUEST, False),
    (Postgres(), GSS_REQUEST, False),
    (Postgres(), CANCEL, False),
    (Postgres(), startup(), False),
    (Postgres(), startup(b"database", b"shop"), False),
    (Postgres(), startup(b"user", b""), False),
    (Postgres(), startup(b"user", b"\xff"), False),
    (Postgres(), startup(b"user", b"ann", b"database"), False),
    (Postgres(), startup(b"user", b"ann", b"", b"x"), False),
    (Postgres(), ANN[:3] + bytes([ANN[3] - 1]) + ANN[4:], False),
    (Postgres(), b"\0\0\0\x17\0\3\0\0user\0ann\0name\0x", False),
    (Postgres(), b"\0\0\0\7\0\3\0\0", False),
    (Postgres(), b"\0\0\x27\x11\0\3\0\0", False),
    (MQTTClientID(), connect(b"sensor-7"), {"client_id": "sensor-7"}),
    (MQTTClientID("sensor-7"), connect(b"sensor-7"), {"client_id": "sensor-7"}),
    (MQTTClientID("gateway", "sensor-*"), connect(b"sensor-7") + b"\xc0\0", {"client_id": "sensor-7"}),
    (MQTTClientID("sensor-?"), connect(b"sensor-7", b"\0\6MQIsdp\3"), {"client_id": "sensor-7"}),
    (MQTTClientID("s"), connect(b"s", b"\0\4MQTT\5", b"\2\0\x3c\5\x11\0\0\0\1"), {"client_id": "s"}),
    (MQTTClientID("x*"), LONG_ID, {"client_id": "x" * 120}),
    (MQTTClientID(), connect(b""), {"client_id": ""}),
    (MQTTClientID("Sensor-7", "ensor-*"), connect(b"sensor-7"), False),
    (MQTTClientID(), b"\x20\2\0\0", False),
    (MQTTClientID(), connect(b"s", b"\0\4MQTT\3"), False),
    (MQTTClientID(), connect(b"s", b"\0\4MQTX\4"), False),
    (MQTTClientID(), connect(b"s", length=b"\x0c"), False),
    (MQTTClientID(), connect(b"s", length=b"\x80\x80\x80\x80\1"), False),
    (MQTTClientID(), connect(b"s", b"\0\4MQTT\5", b"\2\0\x3c\xff\xff\x03", length=b"\xff\x7f"), False),
    (MQTTClientID(), connect(b"\xff"), False),
    (MQTTClientID(), connect(b"a\0b"), False),
    (Redis(), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", True),
    (Redis(), b"*1048576\r\n$", True),
    (Redis(), b"ping\r\n", True),
    (Redis(), b"AUTH secret\r\n", True),
    (Redis(), b"*0\r\n$", False),
    (Redis(), b"*10485760\r\n$", False),
    (Redis(), b"*1\r\n:1\r\n", False),
    (Redis(), b"HELO mail\r\n", False),
    (Redis(), b"PINGS\r\n", False),
    (Redis(), b"\r\n", False),
    (SSH(), b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\0\0", {"software": "OpenSSH_9.2p1"}),
    (SSH(), b"SSH-2.0-JSCH-0.1.54\n", {"software": "JSCH-0.1.54"}),
    (SSH(), b"SSH-1.5-old\r\n", False),
    (SSH(), b"SSH-2.0-\r\n", False),
    (SSH(), b"SSH-2.0-a b\0c\r\n", False),
    (SSH(), b"SSH-2.0-" + b"a" * 246 + b"\r\n", False),
]
MATCHERS = list(dict.fromkeys(matcher for matcher, _, _ in CASES))


def asked(matcher: Any, data: bytes, kind: Kind = Kind.TCP) -> Found:
    """What the matcher says of a connection that began with these bytes."""
    found: Found = matcher.matches(Session(kind, ("192.0.2.1", 40000), 0.0, peek=data))
    return found


def name_of(value: object) -> str:
    """What shows a case briefly."""
    return repr(value)[:40]


@pytest.mark.parametrize("matcher", MATCHERS, ids=repr)
def test_provides_the_interface(matcher: Any) -> None:
    """Every matcher provides `IMatcher`, is listed as a plugin, and says how many bytes it may need."""
    assert verifyObject(IMatcher, matcher)
    assert IPlugin.providedBy(type(matcher))
    assert IMatcherPlugin.providedBy(type(matcher))
    assert 0 < matcher.peek <= HELLO_LIMIT
    assert matcher.always is False


@pytest.mark.parametrize(("matcher", "data", "found"), CASES, ids=name_of)
def test_tells_from_the_first_bytes(matcher: Any, data: bytes, found: Found) -> None:
    """What a client of the protocol sends matches, with what can be read off it, and what only looks alike does not."""
    assert asked(matcher, data) == found


@pytest.mark.parametrize(("matcher", "data", "found"), CASES, ids=name_of)
def test_every_prefix_is_undecided_or_final(matcher: Any, data: bytes, found: Found) -> None:
    """Each prefix leaves the answer open or gives the final one, and from there it stays."""
    answers = [asked(matcher, data[:end]) for end in range(len(data) + 1)]
    decided = [answer is not MORE for answer in answers]
    assert decided == sorted(decided)
    assert answers[0] is MORE
    assert all(answer is MORE or answer == found for answer in answers)


mutated = st.builds(
    lambda case, at, put, cut: case[1][: at % (len(case[1]) + 1)] + put + case[1][at % (len(case[1]) + 1) + cut :],
    st.sampled_from(CASES),
    st.integers(0, 30) | st.integers(0, 2000),
    st.binary(max_size=3),
    st.integers(0, 3),
)


@given(st.sampled_from(MATCHERS), st.binary(max_size=40) | mutated, st.integers(0, 300))
def test_any_bytes_have_an_answer_that_stays(matcher: Any, data: bytes, end: int) -> None:
    """Nothing a client sends makes a matcher raise, or change an answer it has given."""
    before, after = asked(matcher, data[:end]), asked(matcher, data)
    assert before is MORE or before == after


@given(st.sampled_from(MATCHERS), st.binary(max_size=20) | mutated, st.binary(min_size=1, max_size=1))
def test_never_undecided_about_all_it_asked_for(matcher: Any, data: bytes, filler: bytes) -> None:
    """With `peek` bytes there is a definite answer, and bytes behind them have no say in it."""
    full = (data + filler * matcher.peek)[: matcher.peek]
    assert asked(matcher, full) is not MORE
    assert asked(matcher, full) == asked(matcher, full + b"more")


@pytest.mark.parametrize(("matcher", "data", "found"), CASES, ids=name_of)
@pytest.mark.parametrize("kind", [Kind.UDP, Kind.HTTP])
def test_only_connections_match(matcher: Any, data: bytes, found: Found, kind: Kind) -> None:
    """Datagrams and requests have no first bytes of a connection, and do not match."""
    assert asked(matcher, data, kind) is False


@pytest.mark.parametrize(
    ("matcher", "found"),
    [
        (SNI("a.example"), {"server_name": "a.example"}),
        (SNI("b.example"), False),
        (ALPN("postgresql", "h2"), {"alpn": "h2"}),
        (ALPN("postgresql"), False),
        (TLSHello(), {"server_name": "a.example"}),
        (HTTP1(), MORE),
    ],
    ids=repr,
)
def test_where_tls_ends_here(matcher: Any, found: Found) -> None:
    """What the hello has told is known before the first bytes in the clear are there, and these are not for TLS."""
    session = FakeSession(tls=True, server_name="a.example", alpn="h2")
    assert matcher.matches(session) == found
    assert not SNI("a.example").matches(FakeSession(tls=True))
    assert not ALPN("h2").matches(FakeSession(tls=True))


def test_are_values() -> None:
    """Matchers made alike are equal, cannot change and show what they stand for."""
    assert SNI("b.test", "A.test") == SNI("a.test.", "b.test")
    assert repr(SNI("b.test", "a.test") & ALPN("h2")) == "(SNI(names=['a.test', 'b.test']) & ALPN(protocols=('h2',)))"
    assert repr(MQTTClientID("a*")) == "MQTTClientID(patterns=('a*',))"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Postgres().user = "ann"  # type: ignore[misc]  # that it cannot be set is the point


@pytest.mark.parametrize(
    ("make", "given_", "line"),
    [
        (SNI, ("a:1",), "SNI: names: 'a:1' is not a server name; write 'example.com'"),
        (SNI, ("good.test", "*"), "SNI: names: '*' is not a server name; write "),
        (SNI, (None,), "SNI: names: None is not a server name; write "),
        (SNI, (), r"SNI: names: () is not a server name; write "),
        (ALPN, ("",), "ALPN: protocols: '' is not a protocol; write "),
        (ALPN, ("h" * 256,), "ALPN: protocols: 'hhhh"),
        (ALPN, ("h\u0142",), "ALPN: protocols: 'h\u0142' is not a protocol; write "),
        (ALPN, (b"h2",), "ALPN: protocols: b'h2' is not a protocol; write "),
        (ALPN, (), "ALPN: protocols: () is not a protocol; write "),
        (Postgres, ("",), "Postgres: user: '' is not a name; write 'app', or None for any"),
        (Postgres, ("ann", "a\0b"), r"Postgres: database: 'a\x00b' is not a name; write "),
        (Postgres, (7,), "Postgres: user: 7 is not a name; write "),
        (MQTTClientID, ("a", b"b"), "MQTTClientID: patterns: b'b' is not a text; write 'sensor-*'"),
    ],
)
def test_refuses_settings_that_could_not_match(make: Any, given_: tuple[Any, ...], line: str) -> None:
    """A setting that no client could meet is refused in one line that names it and a remedy."""
    with pytest.raises(ConfigError) as caught:
        make(*given_)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(line)
