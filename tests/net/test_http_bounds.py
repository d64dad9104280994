"""What is too much of a request: refused before a backend is asked if that can be known, and never passed on whole."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener, Pool, Route
from tests.net.house import FRONT, Far, House, answer, request

CHUNKED = "transfer-encoding: chunked"
EXPECTING = "expect: 100-continue"


def opened(house: House, **settings: Any) -> Far:
    """A backend behind a listener with these settings."""
    far = house.far()
    house.open(HTTPListener(f"tcp:{FRONT}", pool=Pool("site", backends=["127.0.0.1:9001"]), **settings))
    return far


def refused(heard: bytes, status: int) -> bool:
    """Whether this is one answer of that status that closes the connection."""
    return (
        heard.startswith(b"HTTP/1.1 %d " % status)
        and heard.count(b"HTTP/1.1") == 1
        and b"\r\nconnection: close\r\n" in heard
    )


@pytest.mark.parametrize("fields", [(), (EXPECTING,)])
@pytest.mark.parametrize("body", [b"", b"abc", b"123456", b"123456" + request()])
def test_a_body_that_is_declared_too_large(house: House, body: bytes, fields: tuple[str, ...]) -> None:
    """It is refused with 413 and a close before any backend is asked, whether its client waits to send it or not."""
    far = opened(house, max_body=5)
    client = house.client(request("POST /", "content-length: 6", *fields, body=body))
    assert refused(client.hear(), 413)
    assert client.finished
    assert not far.calls
    client.close()


def test_a_body_as_large_as_it_may_be(house: House) -> None:
    """The bound itself is allowed, with a length and in chunks, and the connection stays."""
    far = opened(house, max_body=5)
    client = house.client()
    for body in (
        request("POST /", "content-length: 5", body=b"12345"),
        request("POST /", CHUNKED, body=b"5\r\n12345\r\n0\r\n\r\n"),
    ):
        client.say(body)
        assert b"12345" in far.last.hear()
        far.last.say(answer())
        assert client.hear() == answer()
    assert len(far.calls) == 1


@pytest.mark.parametrize("cut", range(1, 27, 5))
def test_a_body_in_chunks_that_becomes_too_large(house: House, cut: int) -> None:
    """The client is told 413 and the backend's request broken off, so that nobody takes the part for the whole."""
    far = opened(house, max_body=5)
    client = house.client(request("POST /", CHUNKED))
    body = b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" + request()
    client.say(body[:cut])
    client.say(body[cut:])
    assert refused(client.hear(), 413)
    assert far.last.gone
    heard = far.last.hear()
    assert heard.startswith(b"POST / ")
    assert not heard.endswith(b"0\r\n\r\n")
    assert house.active == 0
    client.close()


def test_chunks_that_come_with_their_head(house: House) -> None:
    """What is too much already then asks no backend."""
    far = opened(house, max_body=2)
    client = house.client(request("POST /", CHUNKED, body=b"3\r\nabc\r\n"))
    assert refused(client.hear(), 413)
    assert not far.calls
    client.close()


def test_too_much_behind_an_answer_that_has_begun(house: House) -> None:
    """The status is out, so the connection is cut."""
    far = opened(house, max_body=5)
    client = house.client(request("POST /", CHUNKED, body=b"3\r\nabc\r\n"))
    far.last.say(answer(b"abcdef")[:-3])
    assert client.hear().endswith(b"abc")
    client.say(b"3\r\ndef\r\n")
    assert client.ending
    assert not client.hear()
    assert far.last.gone


def test_too_much_behind_an_answer_that_is_complete(house: House) -> None:
    """What nobody waits for any more is not read for ever."""
    far = opened(house, max_body=5)
    client = house.client(request("POST /", CHUNKED, body=b"3\r\nabc\r\n"))
    far.last.say(answer(b"early"))
    assert client.hear().endswith(b"early")
    for _ in range(3):
        if not client.ending:
            client.say(b"3\r\ndef\r\n")
    client.finish()
    assert client.gone
    assert house.active == 0


def test_a_route_has_a_bound_of_its_own(house: House) -> None:
    """It counts before the listener's, whichever is larger."""
    far = house.far()
    pool = Pool("site", backends=["127.0.0.1:9001"])

    def large(session: Any) -> bool:
        return bool(session.request.path == "/large")

    house.open(HTTPListener(f"tcp:{FRONT}", routes=[Route(large, pool, max_body=9), Route(pool=pool)], max_body=3))
    client = house.client(request("PUT /large", "content-length: 9", body=b"123456789"))
    assert far.last.hear().endswith(b"123456789")
    far.last.say(answer())
    assert client.hear() == answer()
    client.say(request("PUT /small", "content-length: 4", body=b"1234"))
    assert refused(client.hear(), 413)
    client.close()


def test_a_connection_carries_so_many_requests(house: House) -> None:
    """The last of them is told so, and what comes behind it is not served."""
    far = opened(house, max_requests=2)
    client = house.client(b"".join(request(f"GET /{turn}") for turn in range(3)))
    far.last.say(answer(b"0"))
    assert client.hear() == answer(b"0")
    far.last.say(answer(b"1"))
    assert client.hear() == answer(b"1", "connection: close")
    assert client.finished
    assert b"GET /2" not in far.last.hear()
    client.close()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (request("GET /" + "a" * 100), 414),
        (request("GET /", "a: " + "b" * 2000), 431),
        (request("GET /", *["a: b"] * 6), 431),
        (request("POST /", CHUNKED, body=b"0\r\na: " + b"b" * 100 + b"\r\n\r\n"), 431),
        (request("POST /", CHUNKED, body=b"0\r\n" + b"a: b\r\n" * 6 + b"\r\n"), 431),
    ],
)
def test_lines_heads_fields_and_trailers_are_bounded(house: House, said: bytes, status: int) -> None:
    """Each by its setting, and the answer says by which."""
    opened(house, max_line=64, max_head=1024, max_fields=5, max_trailers=64)
    client = house.client(said)
    assert refused(client.hear(), status)
    client.close()


@pytest.mark.parametrize(
    "said",
    [
        answer(b"", "a: " + "b" * 2000), answer(b"", *["a: b"] * 6),
        b"HTTP/1.1 103 x\r\n\r\n" * 3 + answer(),
    ],
)  # fmt: skip
def test_answers_are_bounded(house: House, said: bytes) -> None:
    """The bounds of a pool hold for what its backends say; beyond them it is no answer."""
    far = house.far()
    pool = Pool("site", backends=["127.0.0.1:9001"], max_head=1024, max_fields=5, max_interim=2)
    house.open(HTTPListener(f"tcp:{FRONT}", pool=pool))
    client = house.client(request())
    far.last.say(said)
    assert client.hear().split(b" ")[1] == b"502"
    assert far.last.gone
