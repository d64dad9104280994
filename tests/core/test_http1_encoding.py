"""Encoding: what goes out is framed anew, and never says anything but what it was given."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.http1_encoding import RequestEncoder, ResponseEncoder
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.errors import PolicyFailed, RequestRefused, ResponseInvalid

GET = RequestHead("GET", "/", "a")
OLD = RequestHead("GET", "/", "a", version="1.0")
HEAD = RequestHead("HEAD", "/", "a")
TRAILERS = End((("a", "b"), ("content-length", "5")))


def answer(request: RequestHead | None, head: ResponseHead, *, close: bool = False) -> tuple[bytes, bool]:
    """The answer's bytes with a body of two pieces, as far as it has one, and whether the connection lives on."""
    encoder = ResponseEncoder(request)
    data = encoder.head(head, close=close) + encoder.data(b"ab") + encoder.data(b"") + encoder.data(b"c")
    return data + encoder.end(END), encoder.persistent


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (GET, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (OLD, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (RequestHead("OPTIONS", "*", ""), b"OPTIONS * HTTP/1.1\r\nhost: \r\n\r\n"),
        (RequestHead("POST", "/", "a"), b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"),
        (RequestHead("GET", "/", "a", length=3), b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n"),
        (RequestHead("PUT", "/", "a", length=None), b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"),
        (
            RequestHead("GET", "/", "a", fields=(("b", "\xe9"), ("b", ""))),
            b"GET / HTTP/1.1\r\nhost: a\r\nb: \xe9\r\nb: \r\n\r\n",
        ),
    ],
)
def test_a_request_head_is_framed_by_its_length(head: RequestHead, expected: bytes) -> None:
    """Host comes first, then the fields as they are, then the framing, in HTTP/1.1 always."""
    assert RequestEncoder().head(head) == expected


def test_framing_and_host_among_the_fields_do_not_go_out() -> None:
    """Whatever a filter adds, one field says whom a request is for and one where it ends."""
    false = (("host", "b"), ("content-length", "9"), ("transfer-encoding", "chunked"))
    assert RequestEncoder().head(RequestHead("GET", "/", "a", fields=false)) == RequestEncoder().head(GET)
    plain = ResponseHead(200, "OK", length=3)
    assert answer(GET, ResponseHead(200, "OK", fields=false[1:], length=3)) == answer(GET, plain)


@pytest.mark.parametrize(
    "head",
    [
        RequestHead("GET", "/ HTTP/1.1\r\nx: y", "a"),
        RequestHead("GET", "/a b", "a"),
        RequestHead("GET", "", "a"),
        RequestHead("G T", "/", "a"),
        RequestHead("GET", "/", "a\r\nx: y"),
        RequestHead("GET", "/", "a", fields=(("b", "c\r\nx: y"),)),
        RequestHead("GET", "/", "a", fields=(("b", "c\nx: y"),)),
        RequestHead("GET", "/", "a", fields=(("b\rx", "c"),)),
        RequestHead("GET", "/", "a", fields=(("b", "\u20ac"),)),
    ],
)
def test_a_head_that_would_read_as_another_is_an_error(head: RequestHead) -> None:
    """No line can be smuggled in by way of a method, target, authority or field."""
    with pytest.raises(PolicyFailed):
        RequestEncoder().head(head)


def test_neither_can_a_response_carry_another_line() -> None:
    """The same for a reason phrase, a field and a trailer."""
    with pytest.raises(PolicyFailed):
        ResponseEncoder(GET).head(ResponseHead(200, "OK\r\nx: y"), close=False)
    with pytest.raises(PolicyFailed):
        ResponseEncoder(GET).head(ResponseHead(200, fields=(("x", "y\n"),)), close=False)
    encoder = ResponseEncoder(GET)
    encoder.head(ResponseHead(200, length=None), close=False)
    with pytest.raises(PolicyFailed):
        encoder.end(End((("x", "y\r\n"),)))


def test_one_encoder_writes_requests_one_after_another() -> None:
    """Nothing of one request bears on the next."""
    encoder = RequestEncoder()
    for head, body in (
        (RequestHead("PUT", "/", "a", length=None), b"1\r\nx\r\n"),
        (RequestHead("PUT", "/", "a", length=1), b"x"),
    ):
        encoder.head(head)
        assert encoder.data(b"x") == body
        assert encoder.end(END) in {b"", b"0\r\n\r\n"}
    assert encoder.head(GET).startswith(b"GET / HTTP/1.1\r\n")


def test_an_empty_piece_does_not_end_a_chunked_body() -> None:
    """A chunk of no bytes would be the last one (RFC 9112 7.1)."""
    encoder = RequestEncoder()
    encoder.head(RequestHead("PUT", "/", "a", length=None))
    assert encoder.data(b"") == b""
    assert encoder.data(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_trailers_go_out_where_there_is_room() -> None:
    """Chunks carry trailers, but none that frames; other framings drop them."""
    encoder = RequestEncoder()
    encoder.head(RequestHead("PUT", "/", "a", length=None))
    assert encoder.end(TRAILERS) == b"0\r\na: b\r\n\r\n"
    encoder.head(GET)
    assert encoder.end(TRAILERS) == b""


@given(st.integers(0, 5), st.lists(st.binary(max_size=3), max_size=3))
def test_a_body_of_another_length_than_declared_is_an_error(length: int, pieces: list[bytes]) -> None:
    """Never a byte more than the head said, and no end before it (RFC 9112 8)."""
    encoder = RequestEncoder()
    encoder.head(RequestHead("PUT", "/", "a", length=length))
    actual = sum(map(len, pieces))
    try:
        assert sum(len(encoder.data(piece)) for piece in pieces) + len(encoder.end(END)) == length
    except RequestRefused:
        assert actual != length
    else:
        assert actual == length


def test_a_response_keeps_to_its_length_too() -> None:
    """The same of answers, and nothing may follow the end of one."""
    encoder = ResponseEncoder(GET)
    encoder.head(ResponseHead(200, length=2), close=False)
    encoder.data(b"a")
    with pytest.raises(ResponseInvalid):
        encoder.end(END)
    encoder.head(ResponseHead(200, length=None), close=False)
    encoder.end(END)
    with pytest.raises(ResponseInvalid):
        encoder.data(b"x")


@pytest.mark.parametrize(
    ("request_head", "head", "expected", "persistent"),
    [
        (GET, ResponseHead(200, "OK", length=3), b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", True),
        (OLD, ResponseHead(200, "OK", length=3),
         b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nabc", True),
        (GET, ResponseHead(200, "", length=None),
         b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", True),
        (OLD, ResponseHead(200, "OK", length=None), b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc", False),
        (None, ResponseHead(400, "No", length=3),
         b"HTTP/1.1 400 No\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc", False),
        (GET, ResponseHead(204, "x"), b"HTTP/1.1 204 x\r\n\r\n", True),
        (HEAD, ResponseHead(204, "x", fields=(("content-length", "5"),)), b"HTTP/1.1 204 x\r\n\r\n", True),
        (GET, ResponseHead(304, "x", fields=(("content-length", "5"),)),
         b"HTTP/1.1 304 x\r\ncontent-length: 5\r\n\r\n", True),
        (HEAD, ResponseHead(200, "x", fields=(("content-length", "5"), ("transfer-encoding", "x"))),
         b"HTTP/1.1 200 x\r\ncontent-length: 5\r\n\r\n", True),
        (HEAD, ResponseHead(200, "x", length=None), b"HTTP/1.1 200 x\r\n\r\n", True),
        (GET, ResponseHead(101, "x", fields=(("upgrade", "w"),), length=None),
         b"HTTP/1.1 101 x\r\nupgrade: w\r\n\r\nabc", False),
    ],
)  # fmt: skip
def test_an_answer_is_framed_for_who_asked(
    request_head: RequestHead | None, head: ResponseHead, expected: bytes, persistent: bool
) -> None:
    """Length, chunks, close or no body at all, by the status, the method and the client's version (RFC 9112 6)."""
    assert answer(request_head, head) == (expected, persistent)


def test_an_answer_can_be_the_last_on_its_connection() -> None:
    """Who wants the connection closed says so in the head (RFC 9112 9.6)."""
    expected = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
    assert answer(GET, ResponseHead(200, "OK", length=3), close=True) == (expected, False)


def test_an_empty_answer_says_so() -> None:
    """An answer that could have a body has a length even when it is empty, 205 included (RFC 9110 15.3.6)."""
    for status in (200, 205):
        data = ResponseEncoder(GET).head(ResponseHead(status, "x"), close=False)
        assert data == b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % status


def test_interim_heads_go_before_the_answer_but_not_to_old_clients() -> None:
    """A 1xx has no framing and decides nothing; HTTP/1.0 does not know it (RFC 9110 15.2)."""
    hint = ResponseHead(103, "Early", fields=(("link", "</x>"),))
    encoder = ResponseEncoder(GET)
    assert encoder.head(hint, close=True) == b"HTTP/1.1 103 Early\r\nlink: </x>\r\n\r\n"
    assert encoder.head(ResponseHead(200, "x"), close=False).endswith(b"content-length: 0\r\n\r\n")
    assert ResponseEncoder(OLD).head(hint, close=False) == b""


@pytest.mark.parametrize(
    ("request_", "length", "seen"), [(GET, 5, True), (GET, None, True), (OLD, None, False), (OLD, 5, True)]
)
def test_whether_a_broken_answer_is_seen_to_be_one(request_: RequestHead, length: int | None, seen: bool) -> None:
    """A client misses the rest of a length, or the last chunk; where only the close ends a body it cannot tell."""
    encoder = ResponseEncoder(request_)
    encoder.head(ResponseHead(200, "OK", length=length), close=False)
    encoder.data(b"ab")
    assert encoder.break_off() is seen
    assert not encoder.persistent


def test_fields_whose_lines_are_known_go_out_as_these() -> None:
    """A head that nobody changed is not spelled anew."""
    head = RequestHead("PUT", "/x", "a", fields=(("b", "c"),), length=3)
    spelled = RequestEncoder().head(head)
    head.lines = "b: c\r\n"
    assert RequestEncoder().head(head) == spelled == b"PUT /x HTTP/1.1\r\nhost: a\r\nb: c\r\ncontent-length: 3\r\n\r\n"


def test_a_whole_answer_is_its_parts() -> None:
    """What is sent in one step is what would have been sent message by message, or is not sent in one step."""
    statuses, lengths, bodies = (200, 204, 304), (None, 3, 0), (b"", b"abc", bytes(5000))
    at_once = 0
    for request, status, length, body in product((None, GET, HEAD, OLD), statuses, lengths, bodies):
        for close, known, dated in product((False, True), repeat=3):
            head, encoder = ResponseHead(status, length=length), ResponseEncoder(GET)
            if known:
                encoder.head(head, close=close)
            head.dated = dated
            messages: list[Message] = [head, body, END] if body else [head, END]
            encoder.begin(request)
            whole = encoder.whole(messages, close=close)
            if whole is not None:
                parts = ResponseEncoder(request)
                assert known
                assert dated
                assert whole == parts.head(head.copy(), close=close) + parts.data(body) + parts.end(END)
                assert encoder.persistent == parts.persistent
                at_once += 1
            assert encoder.whole([body], close=close) is None
    assert at_once == 2 * 4  # closing or not: of a GET the empty one of each status, and the one of three bytes


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("length", [None, 0, 3])
def test_a_head_that_was_sent_before_goes_out_alike(length: int | None, close: bool) -> None:
    """A head that many answers share is spelled once, and each of them is framed as the first was."""
    head = ResponseHead(200, "OK", fields=(("b", "c"),), length=length)
    said = []
    for _ in range(2):
        encoder = ResponseEncoder(GET)
        data = encoder.head(head, close=close) + (encoder.data(b"abc") if length != 0 else b"")
        said.append((data + encoder.end(END), encoder.persistent))
    assert said[0] == said[1]
    assert said[0][1] is not close


def test_bytes_that_go_past_an_encoder_count() -> None:
    """Only a body of exactly the length that is left may go past, and it is then complete."""
    encoder = ResponseEncoder(GET)
    encoder.head(ResponseHead(200, length=9), close=False)
    assert (encoder.passes(8), encoder.passes(9)) == (False, True)
    encoder.skip(9)
    assert encoder.end(END) == b""
    encoder.head(ResponseHead(200, length=None), close=False)
    assert not encoder.passes(0)
