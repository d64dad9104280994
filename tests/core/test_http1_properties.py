"""What holds for every message: any split, there and back, two in a row, and the agreement of another reader."""

from collections.abc import Callable, Iterable, Sequence

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core.http1 import RequestDecoder, RequestEncoder, ResponseDecoder, ResponseEncoder
from balancer.core.messages import END, End, Fields, Message, RequestHead, ResponseHead
from balancer.errors import BalancerError

NAMES = st.sampled_from(["a", "b-c", "x!#$%&'*+.^_`|~0", "cookie", "accept"])
TEXT = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=8)
FIELDS: st.SearchStrategy[Fields] = st.lists(st.tuples(NAMES, TEXT.map(lambda value: value.strip(" ")))).map(tuple)
BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)
TARGETS = st.text(st.sampled_from('ab/?&=%20;.~*"<>'), max_size=8).map("/".__add__)
FRAGMENTS = [
    b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 x\r\n", b"Host: a\r\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"abc", b"\n",
    b"\r", b" ", b"\x00", b"x: y\r\n",
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map(b"".join)


@st.composite
def request_messages(draw: st.DrawFn) -> list[Message]:
    """A request with its body and end."""
    pieces, chunked = draw(BODIES), draw(st.booleans())
    length = None if chunked else sum(map(len, pieces))
    method = draw(st.sampled_from(["GET", "POST", "M-SEARCH"]))
    authority = draw(st.sampled_from(["a", "a.b:80", "[::1]:8080", ""]))
    head = RequestHead(method, draw(TARGETS), authority, fields=draw(FIELDS), length=length)
    return [head, *pieces, End(draw(FIELDS)) if chunked else END]


@st.composite
def response_messages(draw: st.DrawFn) -> list[Message]:
    """A response with its body and end."""
    pieces, chunked = draw(BODIES), draw(st.booleans())
    length = None if chunked else sum(map(len, pieces))
    head = ResponseHead(draw(st.sampled_from([200, 205, 404, 599])), draw(TEXT), fields=draw(FIELDS), length=length)
    return [head, *pieces, End(draw(FIELDS)) if chunked else END]


def joined(messages: Sequence[Message]) -> tuple[list[Message], bytes]:
    """Heads and ends in order, and the body as one."""
    body = b"".join(message for message in messages if isinstance(message, bytes))
    return [message for message in messages if not isinstance(message, bytes)], body


def requests_in(pieces: Sequence[bytes]) -> object:
    """All that a request decoder makes of the pieces: messages, or the refusal alone."""
    decoder = RequestDecoder()
    messages: list[Message] = []
    try:
        for piece in pieces:
            messages += decoder.receive(piece)
            while messages and isinstance(messages[-1], End) and (more := decoder.next()):
                messages += more
    except BalancerError as refusal:
        return str(refusal), refusal.status
    return joined(messages), decoder.idle, decoder.buffered, decoder.persistent


def response_in(pieces: Sequence[bytes]) -> object:
    """All that a response decoder makes of the pieces, up to the end of the connection."""
    decoder = ResponseDecoder()
    decoder.expect("GET")
    messages: list[Message] = []
    try:
        for piece in pieces:
            if not (messages and isinstance(messages[-1], End)):
                messages += decoder.receive(piece)
        messages += decoder.finish()
    except BalancerError as refusal:
        return type(refusal), str(refusal)
    return joined(messages)


def encoded(encoder: RequestEncoder | ResponseEncoder, messages: Sequence[Message]) -> bytes:
    """The bytes of messages."""
    data = b""
    for message in messages:
        match message, encoder:
            case RequestHead(), RequestEncoder():
                data += encoder.head(message)
            case ResponseHead(), ResponseEncoder():
                data += encoder.head(message, close=False)
            case End(), _:
                data += encoder.end(message)
            case bytes(), _:
                data += encoder.data(message)
    return data


def any_split_agrees(read: Callable[[Sequence[bytes]], object], stream: bytes, cut: int) -> bool:
    """Whether the stream whole, byte by byte and in two reads the same."""
    whole = read([stream])
    bytewise = [stream[i : i + 1] for i in range(len(stream))]
    return whole == read(bytewise) == read([stream[:cut], stream[cut:]])


@settings(max_examples=300)
@given(STREAMS, st.integers(0, 100))
def test_any_split_of_requests_reads_the_same(stream: bytes, cut: int) -> None:
    """Bytes in any split give the same requests, or the same refusal."""
    assert any_split_agrees(requests_in, stream, cut)


@settings(max_examples=300)
@given(STREAMS, st.integers(0, 100))
def test_any_split_of_a_response_reads_the_same(stream: bytes, cut: int) -> None:
    """Bytes in any split give the same response, or the same refusal."""
    assert any_split_agrees(response_in, b"HTTP/1.1 200 OK\r\n" + stream, cut)


@given(request_messages(), st.integers(0, 400))
def test_a_request_that_is_written_reads_back_the_same(messages: list[Message], cut: int) -> None:
    """There and back, in any split, nothing changes and nothing is left over."""
    data = encoded(RequestEncoder(), messages)
    assert requests_in([data[:cut], data[cut:]]) == (joined(messages), True, 0, True)


@given(response_messages(), st.integers(0, 400))
def test_a_response_that_is_written_reads_back_the_same(messages: list[Message], cut: int) -> None:
    """There and back, in any split, nothing changes."""
    data = encoded(ResponseEncoder(RequestHead("GET", "/")), messages)
    assert response_in([data[:cut], data[cut:]]) == joined(messages)


@settings(max_examples=300)
@given(STREAMS)
def test_what_was_read_and_written_is_read_as_the_same_one_request(stream: bytes) -> None:
    """Two codecs in a row make of bytes one request or an error: no second request can hide in the first."""
    decoder = RequestDecoder()
    try:
        first = decoder.receive(b"POST / HTTP/1.1\r\nHost: a\r\n" + stream)
    except BalancerError:
        return
    if not first or not isinstance(first[-1], End):
        return
    again = RequestDecoder()
    second = again.receive(encoded(RequestEncoder(), first))
    assert joined(second) == joined(first)
    assert again.buffered == 0


def body_by_h11(connection: h11.Connection) -> tuple[h11.Request | h11.Response, bytes, Fields]:
    """The next message as h11 reads it: head, body, trailers."""
    head = connection.next_event()
    assert isinstance(head, h11.Request | h11.Response)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    return head, body, text(event.headers)


def text(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Fields of h11 as ours, without those that frame."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    return tuple(pair for pair in pairs if pair[0] not in {"host", "content-length", "transfer-encoding"})


@given(request_messages())
def test_another_reader_agrees_on_requests(messages: list[Message]) -> None:
    """What is written is read by h11 as what was meant."""
    head, end = messages[0], messages[-1]
    assert isinstance(head, RequestHead)
    assert isinstance(end, End)
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(encoded(RequestEncoder(), messages))
    seen, body, trailers = body_by_h11(connection)
    assert isinstance(seen, h11.Request)
    assert (seen.method.decode(), seen.target.decode(), text(seen.headers)) == (head.method, head.target, head.fields)
    assert (body, trailers) == (joined(messages)[1], end.trailers)


@given(response_messages())
def test_another_reader_agrees_on_responses(messages: list[Message]) -> None:
    """The same of answers."""
    head, end = messages[0], messages[-1]
    assert isinstance(head, ResponseHead)
    assert isinstance(end, End)
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(encoded(ResponseEncoder(RequestHead("GET", "/")), messages))
    seen, body, trailers = body_by_h11(connection)
    assert isinstance(seen, h11.Response)
    assert (seen.status_code, seen.reason.decode("latin-1"), text(seen.headers)) == (
        head.status,
        head.phrase,
        head.fields,
    )
    assert (body, trailers) == (joined(messages)[1], end.trailers)


@given(BODIES, FIELDS, st.booleans())
def test_what_another_writer_means_is_read(pieces: list[bytes], fields: Fields, chunked: bool) -> None:
    """Requests that h11 writes are read as what was meant."""
    length = sum(map(len, pieces))
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(length))
    headers = [(name.encode(), value.encode("latin-1")) for name, value in (("host", "a"), framing, *fields)]
    writer = h11.Connection(h11.CLIENT)
    data = writer.send(h11.Request(method="PUT", target="/x", headers=headers)) or b""
    for piece in pieces:
        data += writer.send(h11.Data(data=piece)) or b""
    data += writer.send(h11.EndOfMessage()) or b""
    head = RequestHead("PUT", "/x", "a", fields=fields, length=None if chunked else length)
    assert requests_in([data]) == (([head, END], b"".join(pieces)), True, 0, True)
