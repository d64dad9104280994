"""Bodies on their way through the HTTP edge: as they come, whole or not at all, and never piled up."""

from __future__ import annotations

import pytest

from tests.net.house import House, answer, request

MEBIBYTE = 1 << 20
CHUNKED = "transfer-encoding: chunked"
ANSWER_IN_CHUNKS = f"HTTP/1.1 200 OK\r\n{CHUNKED}\r\n\r\n".encode()
EARLY = answer(b"no", status="413 Content Too Large")


def test_an_upload_with_its_length(house: House) -> None:
    """A body with a Content-Length arrives as it was sent, cut anyhow."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", "content-length: 6"))
    for piece in (b"ab", b"c", b"def"):
        client.say(piece)
    head, _, body = far.last.hear().partition(b"\r\n\r\n")
    assert head.endswith(b"\r\ncontent-length: 6")
    assert body == b"abcdef"


def test_an_upload_in_chunks(house: House) -> None:
    """A chunked body arrives chunked, and each piece before the next is sent."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", CHUNKED))
    assert far.last.hear().endswith(f"\r\n{CHUNKED}\r\n\r\n".encode())
    client.say(b"3\r\none\r\n")
    assert far.last.hear() == b"3\r\none\r\n"
    client.say(b"0\r\n\r\n")
    assert far.last.hear() == b"0\r\n\r\n"
    far.last.say(answer())
    assert client.hear() == answer()


def test_events_pass_as_they_happen(house: House) -> None:
    """Each piece of a streamed answer reaches the client before the backend sends the next."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(ANSWER_IN_CHUNKS)
    assert client.hear() == ANSWER_IN_CHUNKS
    for piece in (b"b\r\ndata: one\n\n\r\n", b"b\r\ndata: two\n\n\r\n", b"0\r\n\r\n"):
        far.last.say(piece)
        assert client.hear() == piece
    client.say(request())
    assert len(far.calls) == 1


def test_a_body_that_ends_with_the_connection(house: House) -> None:
    """A backend's body without length, ended by its close, reaches the client in chunks and complete."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(b"HTTP/1.0 200 OK\r\n\r\nendless")
    far.last.close()
    assert client.hear() == ANSWER_IN_CHUNKS + b"7\r\nendless\r\n0\r\n\r\n"
    assert house.active == 0


def test_a_body_without_length_that_breaks_off_is_not_complete(house: House) -> None:
    """A backend's reset does not pass for the end of a body: the client hears of no end but that of the connection."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(b"HTTP/1.0 200 OK\r\n\r\nendl")
    far.last.cut()
    assert client.heard == ANSWER_IN_CHUNKS + b"4\r\nendl\r\n"
    assert client.gone


@pytest.mark.parametrize("begun", [answer(b"whole")[:-2], ANSWER_IN_CHUNKS + b"5\r\nwhole\r\n"])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_backend_that_dies_within_its_answer(house: House, begun: bytes, at_once: bool) -> None:
    """What came of an answer that breaks off arrives, and is never made to look like a whole one."""
    far = house.far()
    house.site(9001)
    client = house.client(request() + request("GET /next"))
    if at_once:
        far.last.transport.write(begun)
    else:
        far.last.say(begun)
    far.last.close()
    assert client.hear() == begun
    assert client.finished
    assert (house.active, house.backends[0].failed) == (0, 1)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_body_that_would_seem_whole_is_cut(house: House, at_once: bool) -> None:
    """An old client, to which only the close tells the end of a body, gets a reset for a body that breaks off."""
    far = house.far()
    house.site(9001)
    client = house.client(request(version="1.0"))
    if at_once:
        far.last.transport.write(ANSWER_IN_CHUNKS + b"5\r\nwhole\r\n")
    else:
        far.last.say(ANSWER_IN_CHUNKS + b"5\r\nwhole\r\n")
    far.last.close()
    assert client.ending == "ConnectionLost"
    assert (house.active, house.backends[0].failed) == (0, 1)


def test_nonsense_within_an_answer_closes_both_connections(house: House) -> None:
    """A broken chunk ends both connections and passes nothing on."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(ANSWER_IN_CHUNKS)
    far.last.say(b"zz\r\n")
    assert client.hear() == ANSWER_IN_CHUNKS
    assert client.gone
    assert far.last.ending == "ConnectionLost"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("HEAD /", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("GET /", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET /", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
    ],
)
def test_answers_without_a_body(house: House, line: str, said: bytes) -> None:
    """HEAD, 204 and 304 have no body, whatever their length says, and the next answer is not taken for it."""
    far = house.far()
    house.site(9001)
    client = house.client(request(line))
    far.last.say(said)
    assert client.hear() == said
    client.say(request())
    far.last.say(answer(b"next"))
    assert client.hear() == answer(b"next")
    assert len(far.calls) == 1


def test_a_client_that_waits_for_a_100_gets_it_from_the_backend(house: House) -> None:
    """Expect: 100-continue and the 100 pass; the body follows, and then the answer."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", "expect: 100-continue", "content-length: 4"))
    assert b"\r\nexpect: 100-continue\r\n" in far.last.hear()
    far.last.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.hear() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.say(b"body")
    assert far.last.hear() == b"body"
    far.last.say(answer(b"thanks"))
    assert client.hear() == answer(b"thanks")


def test_early_hints_pass(house: House) -> None:
    """A 103 reaches the client before the answer."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
    far.last.say(hints)
    assert client.hear() == hints
    far.last.say(answer(b"page"))
    assert client.hear() == answer(b"page")


def test_an_early_answer_reaches_a_client_that_still_sends(house: House) -> None:
    """An answer before the end of the upload passes; what is still sent is dropped, and both connections close."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", f"content-length: {8 * MEBIBYTE}", body=b"first"))
    far.last.say(EARLY)
    for _ in range(7):
        client.say(bytes(MEBIBYTE))
    assert client.hear() == EARLY.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert far.last.ending == "ConnectionLost"
    client.finish()
    assert client.gone
    assert house.active == 0


def test_a_client_that_does_not_read_holds_the_backend(house: House) -> None:
    """While a client reads nothing, a large answer stays with the backend; later all of it arrives."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.hold()
    far.last.say(answer(bytes(MEBIBYTE))[:-MEBIBYTE].replace(b"1048576", b"67108864"))
    for _ in range(64):
        far.last.say(bytes(MEBIBYTE))
    assert client.transport.other.most_buffered <= 2 * MEBIBYTE
    assert far.last.transport.buffered >= 61 * MEBIBYTE
    client.go_on()
    assert len(client.heard) >= 64 * MEBIBYTE
    assert house.active == 0


def test_a_backend_that_does_not_read_holds_the_client(house: House) -> None:
    """While a backend reads nothing, a large upload stays with the client; later all of it arrives."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", f"content-length: {64 * MEBIBYTE}"))
    far.last.hold()
    far.last.hear()
    for _ in range(64):
        client.say(bytes(MEBIBYTE))
    assert far.last.transport.other.most_buffered <= 2 * MEBIBYTE
    assert client.transport.buffered >= 61 * MEBIBYTE
    far.last.go_on()
    assert len(far.last.heard) == 64 * MEBIBYTE
    far.last.say(answer())
    assert client.hear() == answer()


def test_an_upload_waits_for_its_connection(house: House) -> None:
    """Until a backend stands, no more of an upload is read than came with the head."""
    far = house.far()
    house.network.hang(9001)
    house.site(9001)
    client = house.client(request("POST /", "content-length: 1048581", body=b"first"))
    client.say(bytes(MEBIBYTE))
    assert client.transport.buffered == MEBIBYTE
    house.network.allow(9001)
    house.network.pump()
    assert far.last.hear().endswith(b"\r\n\r\nfirst" + bytes(MEBIBYTE))


def test_a_client_that_stops_reading_is_cut(house: House) -> None:
    """A client that takes nothing of its answer for `idle` seconds loses it, and its backend is free."""
    far = house.far()
    house.site(9001, idle=30, response_timeout=20)
    client = house.client(request())
    client.hold()
    whole = answer(bytes(MEBIBYTE))
    far.last.say(whole[:-MEBIBYTE])
    for _ in range(2):
        far.last.say(bytes(MEBIBYTE // 2))
    house.network.advance(29)
    assert house.active == 1
    house.network.advance(2)
    assert house.active == 0
    assert house.backends[0].failed == 0
    assert client.gone


def test_a_last_answer_is_read_in_peace(house: House) -> None:
    """A close behind a large answer waits for a slow client, and `idle` seconds at most."""
    far = house.far()
    house.site(9001, idle=30)
    client = house.client(request("GET /", "connection: close"))
    client.hold()
    far.last.say(answer(bytes(MEBIBYTE)))
    house.network.advance(29)
    assert not client.gone
    house.network.advance(2)
    assert client.gone


@pytest.mark.parametrize("slow", [False, True])
def test_a_body_that_begins_behind_another_request(house: House, slow: bool) -> None:
    """What is left of a request that came too early is read once it is its turn, also on a connection that stands."""
    far = house.far()
    house.site(9001)
    client = house.client(request() + request("POST /", "content-length: 6") + b"abc")
    if slow:
        client.hold()
    assert far.last.hear()
    far.last.say(answer(bytes(MEBIBYTE)))
    client.go_on()
    assert far.last.hear().endswith(b"abc")
    client.say(b"def")
    assert far.last.hear() == b"def"
    client.hear()
    far.last.say(answer(b"stored"))
    assert client.hear() == answer(b"stored")
    assert len(far.calls) == 1
