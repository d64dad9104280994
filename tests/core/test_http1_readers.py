"""Other readers of what is passed on: whatever was accepted, they find the one same message in it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs
import h11
import httptools
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core.forwarding import Forwarding
from balancer.core.headers import for_downstream, trailers_for_downstream, trailers_for_upstream
from balancer.core.http1 import (
    KnownAnswer,
    RequestDecoder,
    RequestEncoder,
    ResponseDecoder,
    ResponseEncoder,
)
from balancer.core.http1_memory import Memory
from balancer.core.messages import Block, End, Fields, Message, RequestHead, ResponseHead
from balancer.errors import BalancerError
from tests.core.corpus import request_bodies, request_fields, request_lines, responses

REQUESTS: Final = [
    case.data
    for cases in (request_lines, request_fields, request_bodies)
    for case in cases.CASES
    if len(case.data) < 500
]
ANSWERS: Final = [case.data for case in responses.CASES if len(case.data) < 500]
BITS: Final = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"\x00", b"\xff", b"0", b"5", b"chunked", b"0\r\n\r\n",
    b"5\r\nhello\r\n", b"GET /x HTTP/1.1\r\n", b"Host: b\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: x, host\r\n",
    b"Connection: content-length, te\r\n", b"TE: trailers\r\n", b"Trailer: x\r\n", b"X: y\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 x\r\n\r\n",
    b"HTTP/1.0", b'"', b"a", b"\r\n ", b"X-Forwarded-For: x\r\n", b"Date: x\r\n",
]  # fmt: skip
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "M-SEARCH"})
"""Those that httptools knows too."""


@attrs.frozen
class Read:
    """One message as some reader tells it."""

    start: tuple[str | int, ...]
    fields: Fields
    body: bytes
    trailers: Fields


@st.composite
def mutants(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A case of the corpus with a few bits inserted, put in place of others, taken out or said twice."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        until = at + draw(st.integers(0, 3))
        bit = draw(st.sampled_from([*BITS, b"", data[at : at + 20]]))
        data = data[:at] + bit + data[until:]
    return data


def accepted(decoder: RequestDecoder | ResponseDecoder, data: bytes, *, ended: bool) -> list[Message]:
    """The whole first message that is read in the data; nothing when it is refused or not whole."""
    try:
        messages: list[Message] = list(decoder.receive(data))
        whole = bool(messages) and isinstance(messages[-1], End)
        if isinstance(decoder, ResponseDecoder) and ended and not whole:
            messages += decoder.finish()
    except BalancerError:
        return []
    return messages if messages and isinstance(messages[-1], End) else []


def behind(encoder: RequestEncoder | ResponseEncoder, messages: Sequence[Message]) -> bytes:
    """The bytes of a body and its end."""
    body = [encoder.data(message) for message in messages if isinstance(message, bytes)]
    return b"".join([*body, *[encoder.end(message) for message in messages if isinstance(message, End)]])


def first(messages: Sequence[Message]) -> Message | None:
    """The head, if there is anything."""
    return messages[0] if messages else None


def latin(pairs: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Fields of another reader as ours, without those that frame."""
    fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs]
    return tuple(field for field in fields if field[0] not in {"content-length", "transfer-encoding"})


def by_h11(connection: h11.Connection, data: bytes) -> Read:
    """The one message that h11 finds, behind which there is nothing."""
    connection.receive_data(data)
    event: Any = connection.next_event()
    while isinstance(event, h11.InformationalResponse):
        event = connection.next_event()
    head, body = event, b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data[0] == b""
    start = (head.method.decode(), head.target.decode()) if isinstance(head, h11.Request) else (head.status_code,)
    return Read(start, latin(head.headers), body, latin(event.headers))


class Notes:
    """What httptools tells."""

    def __init__(self) -> None:
        self.url, self.body, self.messages = b"", b"", 0
        self.pairs: list[tuple[bytes, bytes]] = []
        self.in_body = False
        self.trailers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        (self.trailers if self.in_body else self.pairs).append((name, value))

    def on_headers_complete(self) -> None:
        self.in_body = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


def by_httptools(kind: Any, data: bytes) -> Read | None:
    """The same by httptools; None where that one refuses."""
    notes = Notes()
    parser = kind(notes)
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        return None
    assert notes.messages == 1
    request = kind is httptools.HttpRequestParser
    start = (parser.get_method().decode(), notes.url.decode()) if request else (parser.get_status_code(),)
    return Read(start, latin(notes.pairs), notes.body, latin(notes.trailers))


def meant(start: tuple[str | int, ...], fields: Fields, messages: Sequence[Message]) -> Read:
    """What our messages mean."""
    end = messages[-1]
    assert isinstance(end, End)
    body = b"".join(message for message in messages if isinstance(message, bytes))
    return Read(start, fields, body, end.trailers)


@settings(max_examples=400)
@given(mutants(REQUESTS))
def test_a_request_that_is_passed_on_is_one_to_every_reader(data: bytes) -> None:
    """What is accepted of any bytes reaches a backend as the one request that was understood, and nothing more.

    It is understood the same way when its fields are remembered.
    """
    blocks = Memory[Block]()
    received, again = (accepted(RequestDecoder(blocks=blocks), data, ended=False) for _ in range(2))
    assert received == again
    head = first(received)
    if not isinstance(head, RequestHead):
        return
    sent = Forwarding(via="x").for_client(("192.0.2.1", 1)).forward(head)
    end = received[-1]
    assert isinstance(end, End)
    messages = [sent, *received[1:-1], End(trailers_for_upstream(end.trailers))]
    encoder = RequestEncoder()
    wire = encoder.head(sent) + behind(encoder, messages)
    host = ("host", sent.authority)
    expected = meant((sent.method, sent.target), (host, *sent.fields), messages)
    if sent.length == 0 and expected.trailers:
        expected = attrs.evolve(expected, trailers=())
    assert by_h11(h11.Connection(h11.SERVER), wire) == expected
    if sent.method in METHODS:
        assert by_httptools(httptools.HttpRequestParser, wire) in (None, expected)


@settings(max_examples=400)
@given(mutants(ANSWERS), st.booleans())
def test_an_answer_that_is_passed_on_is_one_to_every_reader(data: bytes, ended: bool) -> None:
    """The same of answers, those that end with the connection included."""
    known = Memory[KnownAnswer]()
    decoders = [ResponseDecoder(answers=known) for _ in range(2)]
    for decoder in decoders:
        decoder.expect("GET")
    received, again = (accepted(decoder, data, ended=ended) for decoder in decoders)
    assert received == again
    while received and isinstance(received[0], ResponseHead) and received[0].interim:
        received = received[1:]
    head = first(received)
    if not isinstance(head, ResponseHead):
        return
    sent = for_downstream(head)
    end = received[-1]
    assert isinstance(end, End)
    messages = [sent, *received[1:-1], End(trailers_for_downstream(end.trailers))]
    encoder = ResponseEncoder(RequestHead("GET", "/"))
    wire = encoder.head(sent, close=False) + behind(encoder, messages)
    asked = h11.Connection(h11.CLIENT)
    asked.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    asked.send(h11.EndOfMessage())
    expected = meant(
        (sent.status,), latin((n.encode("latin-1"), v.encode("latin-1")) for n, v in sent.fields), messages
    )
    assert by_h11(asked, wire) == expected
    assert by_httptools(httptools.HttpResponseParser, wire) in (None, expected)
