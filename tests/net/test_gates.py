"""PROXY headers in front of a listener: whose is read, what it changes, and what cuts the connection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent

from balancer.config import HTTPListener, Pool, TCPListener
from balancer.core.proxy_protocol import encode_v1, encode_v2
from balancer.core.proxy_tlvs import alpn_tlv, authority_tlv
from balancer.errors import BackendDown
from tests.net.house import FRONT, Far, House, Speaker, answer, lines, request

CLIENT, CALLED = ("192.0.2.7", 4711), ("198.51.100.1", 443)
TLVS = (alpn_tlv("mqtt"), authority_tlv("Broker.example"))
HEADERS = [encode_v1(CLIENT, CALLED), encode_v2(CLIENT, CALLED, tlvs=TLVS)]


def gated(house: House, kind: Any = TCPListener, **settings: Any) -> Far:
    """Open a listener that believes clients of 127.0.0.0/8, over one backend."""
    far = house.far()
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    house.open(kind(f"tcp:{FRONT}", pool=pool, **{"accept_proxy": "127.0.0.0/8", **settings}))
    return far


def sessions_of(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The sessions for which a backend will have been picked."""
    (pool,) = house.assembly.pools.values()
    sessions: list[Any] = []
    pick = pool.pick

    def noted(session: Any) -> Any:
        sessions.append(session)
        return pick(session)

    monkeypatch.setattr(type(pool), "pick", lambda _pool, session: noted(session))
    return sessions


@pytest.mark.parametrize("header", HEADERS)
def test_the_session_is_the_clients(house: House, monkeypatch: pytest.MonkeyPatch, header: bytes) -> None:
    """A session has the address that the header tells, with what its vectors say, and the bytes behind it pass on."""
    far = gated(house)
    sessions = sessions_of(house, monkeypatch)
    house.client(header + b"hello")
    assert far.last.hear() == b"hello"
    names = ("broker.example", "mqtt") if header == HEADERS[1] else (None, None)
    assert [(one.client, one.server_name, one.alpn) for one in sessions] == [(CLIENT, *names)]


@given(st.sampled_from(HEADERS), st.lists(st.integers(0, 120), max_size=5))
def test_any_split(header: bytes, cuts: list[int]) -> None:
    """However header and data are cut, the backend sees the data alone, and all of it."""
    house = House()
    far, data = gated(house), header + b"0123456789"
    client = house.client()
    ends = sorted(min(cut, len(data)) for cut in cuts)
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        client.say(data[start:end])
    assert far.last.hear() == b"0123456789"
    house.end()


def test_who_waits_for_a_header_is_shown(house: House) -> None:
    """A connection without its header yet is shown with the address that is seen, and has no backend to leave."""
    gated(house)
    client = house.client()
    house.network.advance(1)
    ((_, listener),) = house.assembly.listeners
    address = client.transport.getHost()
    (sight,) = listener.look()
    assert (sight.client, sight.backend) == ((address.host, address.port), None)
    assert house.network.seconds() - sight.began == pytest.approx(1, abs=0.2)
    assert [*listener.leave(house.backends[0], BackendDown("sick"))] == [None]
    assert not client.gone


def test_data_and_end_behind_a_header(house: House) -> None:
    """A client that says all in one piece and finishes is served in full."""
    far = gated(house)
    client = house.client(HEADERS[0] + b"question")
    client.finish()
    assert far.last.hear() == b"question"
    assert far.last.finished
    far.last.say(b"answer")
    far.last.close()
    assert client.hear() == b"answer"


@pytest.mark.parametrize("header", [encode_v2(None, None, local=True), encode_v2(None, None), b"PROXY UNKNOWN\r\n"])
def test_no_client_told(house: House, monkeypatch: pytest.MonkeyPatch, header: bytes) -> None:
    """With LOCAL, or where the sender does not know, the session has the socket's address."""
    gated(house)
    sessions = sessions_of(house, monkeypatch)
    house.client(header)
    assert [one.client[0] for one in sessions] == ["127.0.0.1"]


def test_a_client_of_a_unix_socket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that the sender has over a unix socket has no address, and surely not the sender's."""
    gated(house)
    sessions = sessions_of(house, monkeypatch)
    house.client(encode_v2(b"/a", b"/b", transport="unix"))
    assert [one.client for one in sessions] == [("", 0)]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"PROXY TCP9 ", encode_v2(None, None)[:13] + b"\x44"])
def test_a_wrong_header(house: House, told: list[LogEvent], start: bytes) -> None:
    """What is no header cuts the connection; the 1st, 2nd and 4th time are told, and no backend hears of it."""
    far = gated(house)
    for _ in range(5):
        assert house.client(start + b" \r\n").ending == "ConnectionLost"
    assert [line.rsplit(", ")[-1] for line in lines(told)] == ["1 so far", "2 so far", "4 so far"]
    assert lines(told)[0].startswith("connection from 127.0.0.1 turned away: ")
    assert far.calls == []


def test_a_late_header(house: House, told: list[LogEvent]) -> None:
    """A header has its own time to come, however slowly; one that takes longer cuts the connection."""
    gated(house, proxy_timeout=2)
    slow, quick = house.client(b"PROXY"), house.client(b"PROXY")
    house.network.advance(1.5)
    quick.say(b" UNKNOWN\r\n")
    house.network.advance(1.5)
    assert (slow.ending, quick.ending) == ("ConnectionLost", "")
    assert lines(told) == ["connection from 127.0.0.1 turned away: no whole PROXY header within 2 s, 1 so far"]


@pytest.mark.parametrize("listed", [["10.0.0.0/8"], ["127.0.0.2", "::1"]])
def test_an_unlisted_source(house: House, told: list[LogEvent], listed: list[str]) -> None:
    """Where headers are required, who is not listed is refused, whatever it says."""
    far = gated(house, accept_proxy=listed)
    client = house.client(HEADERS[0])
    assert client.gone
    assert far.calls == []
    assert lines(told) == [
        "connection from 127.0.0.1 turned away: it is not a listed source of PROXY headers, 1 so far"
    ]


def test_optional(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where headers are optional, a listed source may send one, and other bytes are data from the first on."""
    far = gated(house, proxy="optional")
    sessions = sessions_of(house, monkeypatch)
    house.client(HEADERS[0] + b"x")
    assert far.last.hear() == b"x"
    house.client(b"PROXI")
    assert far.last.hear() == b"PROXI"
    assert [one.client[0] for one in sessions] == [CLIENT[0], "127.0.0.1"]


def test_optional_and_unlisted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where headers are optional, one from a source that is not listed is data, and tells of no client."""
    far = gated(house, accept_proxy="10.0.0.1", proxy="optional")
    sessions = sessions_of(house, monkeypatch)
    house.client(HEADERS[0])
    assert far.last.hear() == HEADERS[0]
    assert [one.client[0] for one in sessions] == ["127.0.0.1"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_http(house: House, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Behind an HTTP listener X-Forwarded-For tells of the header's client, and every request's session too."""
    far = gated(house, HTTPListener)
    sessions = sessions_of(house, monkeypatch)
    client = house.client(HEADERS[version == "v2"] + request())
    for _ in range(2):
        assert b"\r\nx-forwarded-for: 192.0.2.7\r\n" in far.last.hear().lower()
        far.last.say(answer(b"ok"))
        assert client.hear().endswith(b"ok")
        client.say(request())
    assert {(one.client, one.alpn) for one in sessions} == {(CLIENT, "mqtt" if version == "v2" else None)}


def test_counted_once(house: House) -> None:
    """A connection is one session of its listener, before its header and after."""
    gated(house)
    ((_, listener),) = house.assembly.listeners
    sessions: Any = listener.sessions  # type: ignore[attr-defined]  # a stream listener has them
    client = house.client()
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (1, 1, 1)
    client.say(HEADERS[0])
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (1, 1, 1)
    client.cut()
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (0, 1, 0)


def test_room(house: House) -> None:
    """Those who wait for a header take room, and who finds none is closed at once."""
    gated(house)
    house.assembly.room.limit = 1
    house.client()
    assert house.client().gone


def test_drain(house: House) -> None:
    """A connection without its header has begun nothing, and does not hold up a drain."""
    gated(house)
    client = house.client(b"PROXY")
    (drained,) = house.drain()
    assert client.gone
    assert drained.called


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_sent(house: House, version: str) -> None:
    """A backend is told first where the client is and where it connected to, before any byte of the client's."""
    far = gated(house, accept_proxy=(), send_proxy=version)
    client = house.client(b"hello")
    socket = client.transport.getHost(), client.transport.getPeer()
    encode = encode_v1 if version == "v1" else encode_v2
    assert far.last.hear() == encode(*((end.host, end.port) for end in socket)) + b"hello"


def test_passed_on(house: House) -> None:
    """Between two headers, what the first told is told in the second."""
    far = gated(house, send_proxy="v1")
    house.client(HEADERS[1] + b"hello")
    assert far.last.hear() == HEADERS[0] + b"hello"
    house.client(encode_v2(b"/a", b"/b", transport="unix"))
    assert far.last.hear() == b"PROXY UNKNOWN\r\n"


def test_a_backend_that_speaks_first(house: House) -> None:
    """A client that says nothing but its header hears the backend's greeting."""
    far = gated(house, send_proxy="v2")
    far.greeting = b"220 ready"
    client: Speaker = house.client(HEADERS[0])
    assert client.hear() == b"220 ready"
    assert far.last.hear() == encode_v2(CLIENT, CALLED)
