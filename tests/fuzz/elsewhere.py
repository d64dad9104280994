"""What h11 and llhttp (httptools) make of one request, and why they refuse some that are none the worse for it.

Knows nothing of the codec. Each refusal that is not among the `DIFFERENCES` is a disagreement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import h11
import httptools

from tests.fuzz.oracle import Lines, Message

Told = tuple[str, str, Lines, bytes, Lines]
"""Method, target, fields that do not frame, body and trailers, of one request."""

FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "expect"})


class RefusedElsewhere(Exception):
    """Another reader does not take it for one whole request; the message says why."""


def by_h11(data: bytes) -> Told:
    """The one request that h11 reads."""
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(data)
        head, body = connection.next_event(), b""
        if not isinstance(head, h11.Request):
            raise RefusedElsewhere(f"begins with {head}")
        while isinstance(event := connection.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError as error:
        raise RefusedElsewhere(str(error)) from error
    if not isinstance(event, h11.EndOfMessage) or connection.trailing_data[0]:
        raise RefusedElsewhere(f"ends with {event}, and leaves {connection.trailing_data}")
    return head.method.decode(), head.target.decode(), lines(head.headers), body, lines(event.headers)


def lines(fields: Iterable[tuple[bytes, bytes]]) -> Lines:
    """Fields in the oracle's words, without those that frame."""
    pairs = [(name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")) for name, value in fields]
    return [pair for pair in pairs if pair[0] not in FRAMING]


class Heard:
    """What llhttp calls back with."""

    def __init__(self) -> None:
        self.url, self.body, self.begun, self.ended = b"", b"", 0, 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.trailers: list[tuple[bytes, bytes]] | None = None

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        (self.fields if self.trailers is None else self.trailers).append((name, value))

    def on_headers_complete(self) -> None:
        self.trailers = []

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


def by_llhttp(data: bytes) -> Told:
    """The one request that llhttp reads."""
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise RefusedElsewhere(f"{type(error).__name__}: {error}") from error
    if (heard.begun, heard.ended) != (1, 1):
        raise RefusedElsewhere(f"{heard.begun} begun, {heard.ended} ended")
    return (
        parser.get_method().decode(),
        heard.url.decode("latin-1"),
        lines(heard.fields),
        heard.body,
        lines(heard.trailers or []),
    )


Answered = tuple[int, bytes]
"""Status and body of one final answer."""


def answer_by_h11(data: bytes, method: str) -> Answered:
    """The one answer to a request of that method that h11 reads."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "a"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        head, body = connection.next_event(), b""
        while isinstance(head, h11.InformationalResponse):
            head = connection.next_event()
        while isinstance(event := connection.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError as error:
        raise RefusedElsewhere(str(error)) from error
    if not isinstance(head, h11.Response) or not isinstance(event, h11.EndOfMessage) or connection.trailing_data[0]:
        raise RefusedElsewhere(f"is {head}, ends with {event}, and leaves {connection.trailing_data}")
    return head.status_code, body


def answer_by_llhttp(data: bytes, method: str) -> Answered:
    """The one answer that llhttp reads; it cannot be told that this is to HEAD."""
    heard = Heard()
    parser = httptools.HttpResponseParser(heard)
    try:
        parser.feed_data(data)
    except httptools.HttpParserError as error:
        raise RefusedElsewhere(f"{type(error).__name__}: {error}") from error
    if heard.begun != heard.ended:
        raise RefusedElsewhere(f"{heard.begun} begun, {heard.ended} ended")
    return parser.get_status_code(), heard.body


READERS: Final[dict[str, Callable[[bytes], Told]]] = {"h11": by_h11, "llhttp": by_llhttp}

ALWAYS: Final = {
    ("llhttp", "Invalid method encountered"): "knows a list of methods, which RFC 9110 9.1 leaves open",
    ("llhttp", "Expected space after method"): "the same, of one that begins like a method that it knows",
}
"""Why another reader refuses what we send: its name, what it says of it, and which section has it otherwise."""
AS_IT_CAME: Final = ALWAYS | {
    ("h11", "no request line received"): "does not pass over an empty line, as RFC 9112 2.2 asks servers to",
    ("llhttp", "Invalid HTTP version"): "does not take a higher minor version for its own, as RFC 9110 2.5 has it",
    ("h11", "illegal chunk header"): "does not read the whitespace that RFC 9112 7.1.1 lets stand before extensions",
    ("llhttp", "Invalid character in chunk size"): "the same",
    ("llhttp", "in chunk extensions"): "does not read the whitespace that RFC 9112 7.1.1 lets stand around extensions",
    ("llhttp", "Duplicate Content-Length"): "RFC 9110 8.6 lets one take the same length told again for one, or refuse",
}
"""The same of what we accept, and write in another way."""


def judged(message: Message, data: bytes, differences: Iterable[tuple[str, str]]) -> str:
    """What is wrong with how the others read these bytes, which say that message; empty when nothing is."""
    for name, read in READERS.items():
        try:
            found = read(data)
        except RefusedElsewhere as refusal:
            if not any(name == who and what in str(refusal) for who, what in differences):
                return f"refused by {name}: {refusal}"
            continue
        if found != said(message, found[1]):
            return f"for {name} {found}"
    return ""


def said(message: Message, target: str) -> Told:
    """The same of a message of the oracle, with the target as it came where that was a whole URI."""
    method, origin, _ = map(str, message.start)
    shown = target if target.lower().startswith("http") else origin
    fields = [field for field in message.fields if field[0] not in FRAMING]
    return method, shown, fields, message.body, [field for field in message.trailers if field[0] not in FRAMING]
