"""The decoders: one message at a time, what is kept between messages, and what the end of a connection means."""

import pytest

from balancer.core.http1 import Limits, RequestDecoder, ResponseDecoder
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.errors import RequestRefused, ResponseInvalid, TLSToPlainPort, UpstreamGone

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def expecting(method: str = "GET", limits: Limits | None = None) -> ResponseDecoder:
    """A decoder on which the answer to one request is due."""
    decoder = ResponseDecoder(limits or Limits())
    decoder.expect(method)
    return decoder


def shape(messages: list[Message]) -> list[object]:
    """The messages with statuses and methods for heads."""
    brief: list[object] = []
    for message in messages:
        match message:
            case RequestHead():
                brief.append(message.method)
            case ResponseHead():
                brief.append(message.status)
            case _:
                brief.append(message)
    return brief


def test_a_request_ends_before_the_next_is_read() -> None:
    """What is pipelined behind a request stays unread, whatever it is, until it is asked for."""
    decoder = RequestDecoder()
    assert shape(decoder.receive(POST + b"abc" + GET)) == ["POST", b"abc", END]
    assert decoder.receive(b"garbage\r\n\r\n") == []
    assert decoder.buffered == len(GET) + 11
    assert shape(decoder.next()) == ["GET", END]
    with pytest.raises(RequestRefused):
        decoder.next()


@pytest.mark.parametrize("before", [b"", GET])
@pytest.mark.parametrize("data", [b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_tls_is_told_by_its_first_byte(before: bytes, data: bytes) -> None:
    """TLS in place of a request is called so, however it is cut and whatever went before."""
    decoder = RequestDecoder()
    if before:
        decoder.receive(before)
        decoder.next()
    for _ in "again":
        with pytest.raises(TLSToPlainPort, match="use http://"):
            decoder.receive(data)


def test_next_without_more_waits_for_more() -> None:
    """With nothing kept there is nothing to start on, and the next bytes begin a request."""
    decoder = RequestDecoder()
    decoder.receive(GET)
    assert decoder.next() == []
    assert shape(decoder.receive(GET)) == ["GET", END]


def test_a_request_in_pieces() -> None:
    """Head, body and end come as they are complete."""
    decoder = RequestDecoder()
    pieces = (POST[:-2], POST[-2:], b"ab", b"", b"c")
    assert [shape(decoder.receive(piece)) for piece in pieces] == [[], ["POST"], [b"ab"], [], [b"c", END]]
    decoder.next()
    assert shape(decoder.receive(CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\n\r\n")) == ["POST", b"x", End((("a", "b"),))]


def test_a_connection_is_idle_only_between_requests() -> None:
    """Idle means that nothing is begun, kept or unanswered: then it may be closed without loss."""
    decoder = RequestDecoder()
    idle = [decoder.idle]
    for data in (b"\r\n", GET[:5], GET[5:]):
        decoder.receive(data)
        idle.append(decoder.idle)
    decoder.next()
    assert [*idle, decoder.idle] == [True, True, False, False, True]
    decoder.receive(POST)
    assert not decoder.idle


def test_what_is_buffered_is_counted() -> None:
    """Part of a head, part of a chunk line and what is kept all count."""
    decoder = RequestDecoder()
    buffered = []
    for data in (CHUNKED[:10], CHUNKED[10:], b"0;a", b"\r\n\r\nxyz"):
        decoder.receive(data)
        buffered.append(decoder.buffered)
    assert buffered == [10, 0, 3, 3]


@pytest.mark.parametrize(
    ("data", "least"), [(POST, 3), (POST + b"ab", 1), (POST + b"abc", None), (CHUNKED, None), (b"", None)]
)
def test_how_much_of_a_request_is_to_come_may_be_known(data: bytes, least: int | None) -> None:
    """A body with a length ends within what is left of it, and of all else nothing is known."""
    decoder = RequestDecoder()
    decoder.receive(data)
    found = [size for size in range(5) if decoder.ends_within(size)]
    assert found == ([] if least is None else list(range(least, 5)))


def test_a_refusal_of_a_request_is_final() -> None:
    """After bytes that were refused nothing is read, so that they cannot hide another request."""
    decoder = RequestDecoder()
    for data in (b"GET / HTTP/1.1\r\n\r\n", GET, GET):
        with pytest.raises(RequestRefused, match="Host"):
            decoder.receive(data)


def test_bounds_of_a_request_are_told_apart() -> None:
    """A long request line is 414, a large head or many fields 431 (RFC 9110 15.5.15, RFC 6585 5)."""
    limits = Limits(line=40, head=80, fields=2)
    for data, status in (
        (b"GET /" + b"x" * 40 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (GET[:-2] + b"A: " + b"x" * 80, 431),
        (GET[:-2] + b"A: b\r\nC: d\r\n\r\n", 431),
    ):
        with pytest.raises(RequestRefused) as refused:
            RequestDecoder(limits).receive(data)
        assert refused.value.status == status


def test_answers_come_one_for_each_request() -> None:
    """A connection with clean framing carries one answer after another."""
    decoder = ResponseDecoder()
    for _ in range(2):
        assert decoder.reusable
        decoder.expect("GET")
        assert not decoder.reusable
        assert shape(decoder.receive(OK[:7]) + decoder.receive(OK[7:])) == [200, END]


def test_an_answer_with_a_body_in_pieces() -> None:
    """Head, body and end come as they are complete, and no bytes are no message."""
    decoder = expecting()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert [shape(decoder.receive(piece)) for piece in (head, b"ab", b"", b"c")] == [[200], [b"ab"], [], [b"c", END]]
    assert decoder.reusable


def test_interim_heads_come_before_the_answer() -> None:
    """Each 1xx is a head without an end; they may come together with the answer or alone."""
    decoder = expecting()
    assert shape(decoder.receive(b"HTTP/1.1 100 Continue\r\n\r\n")) == [100]
    assert shape(decoder.receive(b"HTTP/1.1 103 x\r\nLink: y\r\n\r\n" + OK)) == [103, 200, END]
    assert decoder.reusable


def test_an_interim_head_that_announces_a_body_is_the_end_of_reuse() -> None:
    """Such a body would come when it may be taken for an answer."""
    decoder = expecting()
    decoder.receive(b"HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n" + OK)
    assert not decoder.reusable


def test_interim_heads_are_bounded() -> None:
    """A backend cannot keep a client waiting by 1xx for ever."""
    interim = b"HTTP/1.1 102 x\r\n\r\n"
    limits = Limits(interim=2)
    assert shape(expecting(limits=limits).receive(interim * 2 + OK)) == [102, 102, 200, END]
    with pytest.raises(ResponseInvalid):
        expecting(limits=limits).receive(interim * 3)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"x",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 204 x\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_connection_that_may_mislead_or_ends_is_not_reusable(answer: bytes) -> None:
    """Bytes behind an answer are never the next one, and a backend that wants to close may."""
    decoder = expecting()
    assert decoder.receive(answer)[-1] is END
    assert not decoder.reusable
    with pytest.raises(RuntimeError):
        decoder.expect("GET")


def test_only_one_answer_is_due_at_a_time() -> None:
    """To expect a second one is the caller's mistake, and said so."""
    with pytest.raises(RuntimeError):
        expecting().expect("GET")


def test_bytes_that_nobody_expects_are_invalid() -> None:
    """A backend that speaks unasked is not believed, then or later."""
    decoder = ResponseDecoder()
    with pytest.raises(ResponseInvalid):
        decoder.receive(OK)
    assert not decoder.reusable
    with pytest.raises(ResponseInvalid):
        decoder.receive(OK)


def test_a_backend_that_speaks_no_http_is_known_at_once() -> None:
    """Bytes that cannot begin an answer are refused as they come, not when the time for an answer is up."""
    with pytest.raises(ResponseInvalid, match="HTTP/"):
        expecting().receive(b"SSH-2.0-OpenSSH_9.2\r\n")
    decoder = expecting()
    assert decoder.receive(b"HT") == []
    with pytest.raises(ResponseInvalid, match="HTTP/"):
        decoder.receive(b"X")


def test_a_refusal_of_an_answer_is_final() -> None:
    """After bytes that were refused nothing is read."""
    decoder = expecting()
    for data in (b"HTTP/1.1 200 OK\r\nX\r\n\r\n", OK):
        with pytest.raises(ResponseInvalid, match="field line 1"):
            decoder.receive(data)
    assert not decoder.reusable


def test_the_end_of_the_connection_ends_a_body_that_has_no_other() -> None:
    """A body until close is complete when the connection ends (RFC 9112 6.3, case 8)."""
    decoder = expecting()
    assert shape(decoder.receive(b"HTTP/1.1 200 OK\r\n\r\nabc")) == [200, b"abc"]
    assert decoder.finish() == [END]
    assert decoder.finish() == []
    assert not decoder.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    ],
)
def test_the_end_of_the_connection_is_a_fault_before_the_answer_is_complete(data: bytes) -> None:
    """A missing or cut answer is never taken for a whole one (RFC 9112 8)."""
    decoder = expecting()
    decoder.receive(data)
    with pytest.raises(UpstreamGone):
        decoder.finish()


def test_an_unused_connection_may_end() -> None:
    """When nothing is due, its end is no fault, and it carries nothing more."""
    decoder = ResponseDecoder()
    assert decoder.finish() == []
    assert not decoder.reusable


def test_after_an_upgrade_all_bytes_pass() -> None:
    """What follows a 101 is the other protocol's, from the first byte to the end of the connection."""
    decoder = ResponseDecoder()
    decoder.expect("GET", upgrade=True)
    assert shape(decoder.receive(b"HTTP/1.1 101 x\r\n\r\n" + OK)) == [101, OK]
    assert decoder.receive(b"\x00") == [b"\x00"]
    assert not decoder.reusable
    assert decoder.finish() == [END]


def test_an_upgrade_may_be_declined() -> None:
    """Any other answer is read as ever."""
    decoder = ResponseDecoder()
    decoder.expect("GET", upgrade=True)
    assert shape(decoder.receive(OK)) == [200, END]
    assert decoder.reusable
