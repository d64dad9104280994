"""HTTP/1.1: bytes in any split to the same messages and back, strict by construction (RFC 9110, RFC 9112).

A message is a head, body bytes in pieces, and an `End`. What two readers could understand differently is refused, and
nothing is passed on that was not understood. Refuses to know sockets, time and which header fields travel on.

A refusal is final: what the same call had found before it is dropped, since the exchange fails anyway, and every later
`receive` raises it again. The connection must close.
"""

from __future__ import annotations

from typing import Final

from balancer.core.http1_bodies import Body, Broken, Counted, UntilClose
from balancer.core.http1_encoding import RequestEncoder, ResponseEncoder
from balancer.core.http1_grammar import (
    LIMITS,
    REQUEST,
    RESPONSE,
    USUAL_LINE,
    HeadReader,
    Limits,
    Section,
    invalid,
    request_fault,
    response_fault,
)
from balancer.core.http1_heads import body_of, request_start, response_start
from balancer.core.http1_memory import Memory
from balancer.core.messages import END, Block, Message, RequestHead, ResponseHead
from balancer.errors import RequestRefused, ResponseInvalid, TLSToPlainPort, UpstreamGone

__all__ = ["Limits", "RequestDecoder", "RequestEncoder", "ResponseDecoder", "ResponseEncoder"]

_UNUSUAL: Final = frozenset({"HEAD", "CONNECT"})
"""Methods whose answers end elsewhere than those to others."""

KnownAnswer = tuple[ResponseHead, bool]
"""A final head with a length or in chunks, and whether another request may follow its answer."""


class RequestDecoder:
    """Reads the requests of one connection, one at a time.

    After the `End` of a request nothing more is read until `next`: bytes are `kept`, and whoever feeds this pauses its
    transport. `complete` tells that this is so, and `persistent` whether the client of the latest head wants the
    connection kept (RFC 9112 9.3). The `blocks` of a listener are shared by its connections.
    """

    __slots__ = ("_blocks", "_body", "_heads", "_limits", "_quick", "complete", "kept", "persistent")

    def __init__(self, limits: Limits = LIMITS, blocks: Memory[Block] | None = None) -> None:
        self._limits = limits
        self._heads: HeadReader | None = None  # made for the first head that is not known: most connections bring none
        self._quick = min(limits.head, limits.line) - 4
        self._blocks = Memory[Block]() if blocks is None else blocks
        self._body: Body | None = None
        self.complete = False
        self.kept = b""
        self.persistent = False

    @property
    def buffered(self) -> int:
        """Bytes held back."""
        held = 0 if self._heads is None else len(self._heads.held)
        return len(self.kept) + held + (self._body.held if self._body else 0)

    @property
    def idle(self) -> bool:
        """Whether this is between requests with nothing begun."""
        return not (self.complete or self._body or self.kept or (self._heads is not None and self._heads.begun))

    @property
    def left(self) -> int:
        """Bytes of the body that are still to come; 0 where that is not known, or there is none."""
        return self._body.left if type(self._body) is Counted else 0

    def skip(self, size: int) -> list[Message]:
        """So many bytes of those that are `left`, at most all, came by another way; see `receive`."""
        if size == self.left:
            self._body, self.complete = None, True
            return [END]
        if type(self._body) is Counted:
            self._body.left -= size
        return []

    def ends_within(self, size: int) -> bool:
        """Whether the body that is being read is known to have no more bytes than that before it."""
        return type(self._body) is Counted and self._body.left <= size

    def receive(self, data: bytes) -> list[Message]:
        """The messages that `data` completes: a head, pieces of a body, an `End`; raises `RequestRefused`."""
        if self.complete:
            self.kept += data
            return []
        out: list[Message] = []
        try:
            if self._body is not None:
                if data:
                    self._read_body(self._body, data, out)
            elif not self._recall(data, out):
                self._read_head(data, out)
        except RequestRefused as refusal:
            fault = self._meant(refusal)
            self._body = Broken(fault)
            raise fault from None
        return out

    def _meant(self, refusal: RequestRefused) -> RequestRefused:
        """What is wrong with a head: perhaps that it is none, but TLS, which begins every connection with that byte."""
        if self._heads is not None and self._heads.held.startswith(
            b"\x16"
        ):  # RFC 8446 5.1: a record of the type `handshake`
            return TLSToPlainPort(
                "it speaks TLS, and this port does not; use http://, or give the listener tls=TLS(...)"
            )
        return refusal

    def next(self) -> list[Message]:
        """Start on the next request with what was kept; see `receive`. Call it once the answer is complete."""
        self.complete = False
        if not self.kept:
            return []
        kept, self.kept = self.kept, b""
        return self.receive(kept)

    def _recall(self, data: bytes, out: list[Message]) -> bool:
        """Whether the fields of a head are known, and its line is a usual one; if so it is read."""
        text, blank, rest = data.partition(b"\r\n\r\n")
        line, _, section = text.decode("latin-1").partition("\r\n")
        block = self._blocks.get(section)
        if block is None or not blank or len(text) > self._quick or (self._heads is not None and self._heads.held):
            return False
        match = USUAL_LINE.fullmatch(line)
        if match is None:
            return False
        method, target = match.groups()
        length = block.length
        expects = block.expects_continue
        head = RequestHead(
            method, target, block.authority, fields=block.fields, length=length, expects_continue=expects
        )
        head.block = block
        if length == 0:  # as `_start` has it, for most requests there are
            self.persistent, self.complete, self.kept = block.persistent, True, rest
            out += (head, END)
        else:
            self._start(head, body_of(length, self._limits), rest, out)
        return True

    def _read_head(self, data: bytes, out: list[Message]) -> None:
        if self._heads is None:
            section = Section(self._limits.head, self._limits.line, 414, RequestRefused)
            self._heads = HeadReader(REQUEST, section, request_fault)
        found = self._heads.read(data)
        if found is None:
            return
        match, rest = found
        head = request_start(match, self._limits)
        if head.block is not None and head.version == "1.1" and not head.upgrade:  # which `_recall` knows nothing of
            self._blocks.keep(match[4].removesuffix("\r\n"), head.block)
        self._start(head, body_of(head.length, self._limits), rest, out)

    def _start(self, head: RequestHead, body: Body | None, rest: bytes, out: list[Message]) -> None:
        """A head was read, and what lies behind it follows."""
        block = head.block
        self.persistent = block is not None and block.persistent
        out.append(head)
        if body is None:
            out.append(END)
            self.complete, self.kept = True, rest
            return
        self._body = body
        if rest:
            self._read_body(body, rest, out)

    def _read_body(self, body: Body, data: bytes, out: list[Message]) -> None:
        rest = body.feed(data, out)
        if rest is not None:
            self._body = None
            self.complete, self.kept = True, rest


def _response_section(limits: Limits) -> Section:
    """Where a response head is gathered. A backend of another protocol is known by its first bytes."""
    return Section(limits.head, limits.line, 431, invalid, start=b"HTTP/")


class ResponseDecoder:
    """Reads the answers on one connection to a backend, each once it is expected.

    `reusable`: whether the connection may carry another request now. The `answers` of a pool are shared by its
    connections.
    """

    __slots__ = ("_answers", "_body", "_heads", "_interim", "_limits", "_method", "_stays", "_upgrade", "reusable")

    def __init__(self, limits: Limits = LIMITS, answers: Memory[KnownAnswer] | None = None) -> None:
        self._limits = limits
        self._heads = HeadReader(RESPONSE, _response_section(limits), response_fault)
        self._answers = Memory[KnownAnswer]() if answers is None else answers
        self._body: Body | None = None
        self._method: str | None = None
        self._upgrade = False
        self._interim = 0
        self._stays = True
        self.reusable = True

    def expect(self, method: str, *, upgrade: bool = False) -> None:
        """The next bytes answer a request of that method; with `upgrade` a 101 may be the answer.

        A 101 is then the final head, and all bytes behind it follow as its body until the connection ends. Raises
        `RuntimeError` when the connection is not `reusable`: an answer is due, or cannot be told from stray bytes.
        """
        if not self.reusable:
            raise RuntimeError("the connection cannot carry another request")
        self._method, self._upgrade, self._interim, self._stays = method, upgrade, 0, True
        self.reusable = False

    def receive(self, data: bytes) -> list[Message]:
        """The messages that `data` completes: interim heads, a head, pieces of a body, an `End`.

        Bytes behind the `End` belong to nobody: they are dropped and the connection is not `reusable`. Raises
        `ResponseInvalid`, also for bytes when no answer is expected.
        """
        out: list[Message] = []
        if not data:
            return out
        try:
            if self._body is not None:
                self._read_body(self._body, data, out)
            elif self._method is None:
                raise ResponseInvalid("bytes though no answer is expected")
            elif not self._recall(data, out):
                self._read_heads(self._method, data, out)
        except ResponseInvalid as fault:
            self._body = Broken(fault)
            self.reusable = False
            raise
        return out

    @property
    def left(self) -> int:
        """Bytes of the body that are still to come; 0 where that is not known, or there is none."""
        return self._body.left if type(self._body) is Counted else 0

    def skip(self, size: int) -> list[Message]:
        """So many bytes of those that are `left`, at most all, came by another way; see `receive`."""
        if size == self.left:
            self._end(b"")
            return [END]
        if type(self._body) is Counted:
            self._body.left -= size
        return []

    def finish(self) -> list[Message]:
        """The connection has ended: the `End` of a body that this completes, else nothing.

        Raises `UpstreamGone` when an answer is missing or not complete.
        """
        self.reusable = False
        body, self._body = self._body, None
        method, self._method = self._method, None
        if isinstance(body, UntilClose):
            return [END]
        if body is not None or method is not None:
            raise UpstreamGone("the backend ended the connection before its answer was complete")
        return []

    def _recall(self, data: bytes, out: list[Message]) -> bool:
        """Whether the head is known; if so it is read, and what lies behind it."""
        text, blank, rest = data.partition(b"\r\n\r\n")
        known = self._answers.get(text)
        if known is None or not blank or self._heads.held or self._method in _UNUSUAL:
            return False
        head, stays = known
        out.append(head)
        self._stays = self._stays and stays
        if rest and len(rest) == head.length:
            out += (rest, END)
            self._end(b"")
        else:
            self._begin(body_of(head.length, self._limits, invalid), rest, out)
        return True

    def _read_heads(self, method: str, data: bytes, out: list[Message]) -> None:
        fresh = not (self._heads.held or self._interim)
        rest = data
        while rest:
            found = self._heads.read(rest)
            if found is None:
                return
            match, rest = found
            head, body, stays = response_start(match, method, self._limits, upgrade=self._upgrade)
            out.append(head)
            self._stays = self._stays and stays
            if body is not None or head.status >= 200:
                if fresh and method not in _UNUSUAL and not isinstance(body, UntilClose):
                    self._answers.keep(data.partition(b"\r\n\r\n")[0], (head, stays))
                self._begin(body, rest, out)
                return
            fresh = False
            self._interim += 1
            if self._interim > self._limits.interim:
                raise ResponseInvalid(f"more than {self._limits.interim} interim heads")

    def _begin(self, body: Body | None, rest: bytes, out: list[Message]) -> None:
        self._body = body
        if body is None:
            out.append(END)
            self._end(rest)
        elif rest:
            self._read_body(body, rest, out)

    def _read_body(self, body: Body, data: bytes, out: list[Message]) -> None:
        rest = body.feed(data, out)
        if rest is not None:
            self._end(rest)

    def _end(self, rest: bytes) -> None:
        self._body = self._method = None
        self.reusable = self._stays and not rest
