"""Clients that wait before they send a body, and interim answers: relayed, never invented, and never to the old."""

from __future__ import annotations

import pytest

from tests.net.house import House, answer, request

EXPECTING = ("content-length: 5", "expect: 100-continue")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_backend_says_whether_to_go_on(house: House) -> None:
    """The expectation reaches the backend, its 100 the client, and only then the body the backend."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", *EXPECTING))
    heard = far.last.hear()
    assert b"\r\nexpect: 100-continue\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")
    assert not client.hear()
    far.last.say(CONTINUE)
    assert client.hear() == CONTINUE
    client.say(b"hello")
    assert far.last.hear() == b"hello"
    far.last.say(answer(b"thanks"))
    assert client.hear() == answer(b"thanks")
    client.say(request("GET /next"))
    assert b"GET /next" in far.last.hear()


@pytest.mark.parametrize("pieces", [(), (b"he",), (b"he", b"llo" + request("GET /next"))])
def test_a_final_answer_in_place_of_a_100(house: House, pieces: tuple[bytes, ...]) -> None:
    """It is passed on whole and is the last of its connection, for nobody knows what its client does with the body."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", *EXPECTING))
    refusal = answer(b"no", status="401 Unauthorized")
    far.last.say(refusal)
    assert client.hear() == refusal.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    for piece in pieces:
        client.say(piece)
    client.finish()
    assert client.gone
    assert b"GET /next" not in b"".join(call.hear() for call in far.calls)
    assert house.active == 0


def test_a_client_that_waits_for_ever_is_let_go(house: House) -> None:
    """After the final answer what is left of the request is waited for, but not long."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", *EXPECTING))
    far.last.say(answer(b"no", status="413 Content Too Large"))
    assert b"413" in client.hear()
    house.network.advance(15.0)
    assert client.gone


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answers_are_not_for_the_old(house: House, status: str) -> None:
    """An HTTP/1.0 client gets the final answer alone, and its expectation goes no further (RFC 9110 10.1.1, 15.2)."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", *EXPECTING, version="1.0", body=b"hello"))
    heard = far.last.hear()
    assert b"expect" not in heard
    assert heard.endswith(b"\r\n\r\nhello")
    far.last.say(f"HTTP/1.1 {status}\r\nlink: x\r\n\r\n".encode())
    assert not client.hear()
    far.last.say(answer(b"final"))
    assert client.hear() == answer(b"final", "connection: close")


def test_interim_answers_have_no_fields_of_the_connection(house: House) -> None:
    """What belongs to the backend's connection stays behind, and so does what would frame a body."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\n")
    assert client.hear() == b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"


def test_a_flood_of_interim_answers(house: House) -> None:
    """More than the pool allows are no answer, though the client has had some of them."""
    far = house.far()
    house.site(9001, max_interim=2)
    client = house.client(request())
    for _ in range(2):
        far.last.say(CONTINUE)
        assert client.hear() == CONTINUE
    far.last.say(CONTINUE)
    assert client.hear().startswith(b"HTTP/1.1 502 ")
    assert far.last.gone
