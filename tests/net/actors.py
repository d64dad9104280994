"""Clients and backends for the proxy's machine: what each has said, and what an independent reader hears them told.

Every request and every answer has a token of its own, in a field and all over its body, so that whatever reaches the
wrong one is seen. Knows nothing of what is done when, and reads with h11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import h11
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from balancer.testing import MemoryNetwork
from tests.net.house import Speaker

FRAMINGS: Final = ("length", "chunks", "close", "last", "old", "both", "nothing")
"""How an answer says where it ends: `last` has a length and is the connection's last, `both` has two framings."""


@attrs.define(eq=False)
class Asked:
    """A request; `begins` and `ends` are its places in what the client says in all."""

    token: str
    method: str
    version: str
    body: bytes
    raw: bytes
    last: bool
    begins: int = 0

    @property
    def ends(self) -> int:
        """Where the next begins."""
        return self.begins + len(self.raw)

    @property
    def safe(self) -> bool:
        """Whether it may be sent twice: idempotent (RFC 9110 9.2.2), and without a body, of which nothing is stored."""
        return self.method in {"GET", "HEAD", "PUT"} and not self.body


@attrs.define(eq=False)
class Answer:
    """A backend's answer; `left` is what of it has not been said, and `broken` tells that it never will."""

    asked: Asked
    token: str
    status: int
    body: bytes
    left: bytes
    framing: str
    interim: int
    broken: bool = False

    @property
    def said(self) -> bool:
        """Whether the client can have all of it."""
        return not self.left and not self.broken

    @property
    def closes(self) -> bool:
        """Whether the backend closes behind it."""
        return self.framing in {"close", "last", "old"}


@attrs.frozen
class Told:
    """What a client read as one answer: its token, None if it is the balancer's own; what is behind it, None before."""

    status: int
    token: str | None
    body: bytes
    interim: tuple[str, ...]
    behind: bytes | None


class Client(Speaker):
    """A client; `outbox` is what it has still to send, `left` whether it ended the connection in any way itself."""

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__(network)
        self.requests: list[Asked] = []
        self.outbox = b""
        self.sent = 0
        self.held = self.left = self.confused = False
        self._whole: list[Told] = []
        self._place = 0

    def ask(self, asked: Asked) -> None:
        """Have one more to send."""
        asked.begins = self.sent + len(self.outbox)
        self.requests.append(asked)
        self.outbox += asked.raw

    def send(self, size: int) -> None:
        """Send so much of it."""
        if self.transport.connected:
            self.transport.write(self.outbox[:size])
            self.sent += len(self.outbox[:size])
            self.outbox = self.outbox[size:]

    def told(self) -> list[Told]:
        """The answers so far, the last perhaps not whole. Raises `AssertionError` for more than were asked for."""
        found = list(self._whole)
        while self._place < len(self.heard):
            begun = [asked for asked in self.requests if asked.begins < self.sent]
            assert len(found) < len(begun), f"nobody asked for {self.heard[self._place :]!r}"
            asked = begun[len(found)]
            one = self._next(asked.method, self.heard[self._place :])
            found += [] if one is None else [one]
            if one is None or one.behind is None:
                break
            self._place = len(self.heard) - len(one.behind)
            self._whole.append(one)
        return found

    def _next(self, method: str, data: bytes) -> Told | None:
        """The answer that comes next; one to half a head has a body even if that would have become a HEAD."""
        one = read(method, data, ended=self.finished)
        if method == "HEAD" and one is not None and one.token is None and (one.behind or b"")[:3] == b"%d" % one.status:
            return read("GET", data, ended=self.finished)
        return one


def read(method: str, data: bytes, *, ended: bool) -> Told | None:
    """What stands first, as the answer to such a request; None before its head is whole."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method=method, target="/", headers=[("host", "a"), ("content-length", "0")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(data)
    if ended:
        reader.receive_data(b"")
    interim: list[str] = []
    head, body = None, b""
    while True:
        event = next_event(reader)
        if isinstance(event, h11.InformationalResponse):
            interim.append(token_of(event) or "")
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            break
    if head is None:
        return None
    behind = reader.trailing_data[0] if isinstance(event, h11.EndOfMessage) else None
    return Told(head.status_code, token_of(head), body, tuple(interim), behind)


def next_event(reader: h11.Connection) -> object:
    """The next event; None where the connection ended too early."""
    try:
        return reader.next_event()
    except h11.RemoteProtocolError as error:
        if "closed connection" not in str(error):
            raise
        return None


def token_of(head: h11.Request | h11.Response | h11.InformationalResponse) -> str | None:
    """The token in a head."""
    return next((value.decode() for name, value in head.headers if name == b"x-token"), None)


class Call(Speaker):
    """A backend's end of a connection: one request after another, each to be answered before the next may come."""

    def __init__(self, network: MemoryNetwork, known: Callable[[str], Asked], seen: Callable[[str], None]) -> None:
        super().__init__(network)
        self.asked: Asked | None = None
        self.whole = self.answered = self.spent = self.held = False
        self.answer: Answer | None = None
        self._known, self._seen = known, seen
        self._reader, self._body = h11.Connection(h11.SERVER), b""

    def dataReceived(self, data: bytes) -> None:
        """More of the request. Raises `AssertionError` when it is not what its client said."""
        assert not (self.spent and b"x-token" in data), "a request came on a connection that was said to be over"
        if self.spent:
            return
        assert not self.whole, "a request came before the answer to the one before"
        self._reader.receive_data(data)
        while (event := self._reader.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            else:
                assert isinstance(event, h11.EndOfMessage)
                self.whole = True
        if self.asked is not None:
            assert self.asked.body.startswith(self._body)
            assert not self.whole or self._body == self.asked.body
        assert not self.whole or not self._reader.trailing_data[0], "two requests came at once"
        self._look_forward()

    def _begin(self, head: h11.Request) -> None:
        token = token_of(head) or ""
        self.asked = self._known(token)
        self._seen(token)
        assert (head.method.decode(), head.target.decode()) == (self.asked.method, f"/{token}")

    def say_answer(self, size: int) -> None:
        """Say so much of the answer, and be ready for the next request, or close, behind it."""
        answer = self.answer
        assert answer is not None
        self.transport.write(answer.left[:size])
        answer.left = answer.left[size:]
        if answer.left:
            return
        self.answered, self.answer = True, None
        self._look_forward()
        if answer.closes:
            self.spent = True
            self.transport.loseConnection()

    def _look_forward(self) -> None:
        """To the next request, once this one is whole and answered."""
        if self.whole and self.answered:
            self.asked = None
            self.whole = self.answered = False
            self._reader, self._body = h11.Connection(h11.SERVER), b""

    def break_off(self, how: str) -> None:
        """End the connection whatever is under way: `close` or `cut` it."""
        answer, self.answer, self.spent = self.answer, None, True
        if answer is not None:
            answer.broken = True
            if how == "close" and answer.framing == "close":
                answer.framing = "unknown"
        getattr(self, how)()


class Backend(Factory):
    """A backend; `calls` are all its connections."""

    noisy = False

    def __init__(self, make: Callable[[], Call]) -> None:
        self.calls: list[Call] = []
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Call:
        self.calls.append(self._make())
        return self.calls[-1]


def request(token: str, line: tuple[str, str], body: bytes, framing: str, fields: list[str]) -> Asked:
    """A request of that method and version, whose body is framed by its `length` or in `chunks`."""
    method, version = line
    last = "connection: close" in fields or (version == "1.0" and "connection: keep-alive" not in fields)
    lines = [f"{method} /{token} HTTP/{version}", "host: site", f"x-token: {token}", *fields]
    if framing == "chunks":
        lines.append("transfer-encoding: chunked")
    elif body or framing == "length":
        lines.append(f"content-length: {len(body)}")
    raw = "\r\n".join([*lines, "", ""]).encode() + (in_chunks(body) if framing == "chunks" else body)
    return Asked(token, method, version, body, raw, last)


def answer(asked: Asked, token: str, framing: str, body: bytes, interim: int) -> Answer:
    """An answer to that, framed as told; without a body where there can be none."""
    status = {"nothing": 204}.get(framing, 200)
    bodyless = asked.method == "HEAD" or status == 204
    lines = [f"HTTP/{'1.0' if framing == 'old' else '1.1'} {status} Fine", f"x-token: {token}"]
    chunked = framing in {"chunks", "both"}
    if framing in {"length", "last", "old", "both"}:
        lines.append(f"content-length: {len(body)}")
    if chunked:
        lines.append("transfer-encoding: chunked")
    if framing == "last" or (framing == "close" and bodyless):
        lines.append("connection: close")
    said = b"" if bodyless else in_chunks(body) if chunked else body
    before = f"HTTP/1.1 103 Early Hints\r\nx-token: {token}\r\n\r\n".encode() * interim
    raw = before + "\r\n".join([*lines, "", ""]).encode() + said
    return Answer(asked, token, status, b"" if bodyless else body, raw, framing, interim)


def in_chunks(body: bytes) -> bytes:
    """A body in two chunks, and a trailer."""
    half = len(body) // 2
    pieces = [b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]) if piece]
    return b"".join([*pieces, b"0\r\nx-trailer: yes\r\n\r\n"])
