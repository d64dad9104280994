"""From messages to HTTP/1.1 bytes, framed anew: what goes out never repeats how it came in.

A body that does not keep to the length its head declared is an error, never bytes, and so is a head that would not
read back as the same head, whatever a filter put into it. Refuses to know who reads the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar, Final

from balancer.core.http1_grammar import REQUEST_LINE
from balancer.core.http1_heads import has_no_body, tells_of_another
from balancer.core.messages import END, End, Fields, Message, RequestHead, ResponseHead
from balancer.errors import BalancerError, PolicyFailed, RequestRefused, ResponseInvalid

_OURS: Final = frozenset({"host", "content-length", "transfer-encoding"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
_CODING: Final = frozenset({"transfer-encoding"})
_WITH_CONTENT: Final = frozenset({"POST", "PUT", "PATCH"})
_SMALL: Final = 1 << 12
"""Bytes of a body that are copied behind a head, sooner than written on their own."""
_CHUNKED: Final = "transfer-encoding: chunked\r\n"


class _Mode(Enum):
    """How the body on its way out is framed."""

    COUNTED = "counted"
    CHUNKED = "chunked"
    RAW = "raw"
    DROPPED = "dropped"


_COUNTED, _IN_CHUNKS, _RAW, _DROPPED = _Mode.COUNTED, _Mode.CHUNKED, _Mode.RAW, _Mode.DROPPED


def field_lines(fields: Fields, dropped: frozenset[str]) -> list[str]:
    """The fields as lines, without those whose name is in `dropped`."""
    return [f"{name}: {value}\r\n" for name, value in fields if name not in dropped]


def joined(lines: Sequence[str]) -> bytes:
    """The bytes of lines that each end in CRLF; raise `PolicyFailed` when one holds another line end, or wide text.

    Heads from the wire cannot; this is for what filters write into them past `with_field`.
    """
    text = "".join(lines)
    if not text.count("\n") == text.count("\r") == len(lines):
        raise PolicyFailed("a head to be sent holds a CR or an LF")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise PolicyFailed("a head to be sent holds a character beyond latin-1") from None


class _Outgoing:
    """The body of one message after another, framed as the head of each declared."""

    __slots__ = ("_left", "_mode")
    _mismatch: ClassVar[type[BalancerError]]

    def __init__(self) -> None:
        self._mode, self._left = _COUNTED, 0

    def _frame(self, mode: _Mode, left: int = 0) -> None:
        self._mode, self._left = mode, left

    def data(self, data: bytes) -> bytes:
        """The bytes to send for a piece of the body; none for what has no body, and none for an empty piece.

        Raises when the body grows longer than declared: `RequestRefused` or `ResponseInvalid`.
        """
        mode = self._mode
        if mode is _COUNTED:
            self._left -= len(data)
            if self._left < 0:
                raise self._mismatch("the body is longer than declared")
            return data
        if mode is _IN_CHUNKS:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return data if mode is _RAW else b""

    def passes(self, size: int) -> bool:
        """Whether a body of which so many bytes are left may be sent past this, as it is."""
        return self._mode is _COUNTED and self._left == size

    def skip(self, size: int) -> None:
        """So many bytes of it were."""
        self._left -= size

    def end(self, end: End) -> bytes:
        """The bytes that complete the message; trailers go out where the framing has room for them.

        Raises like `data` when the body is shorter than declared.
        """
        mode, left = self._mode, self._left
        self._mode, self._left = _COUNTED, 0
        if left:
            raise self._mismatch("the body is shorter than declared")
        if mode is not _IN_CHUNKS:
            return b""
        if not end.trailers:
            return b"0\r\n\r\n"
        return joined(["0\r\n", *field_lines(end.trailers, _OURS), "\r\n"])


class RequestEncoder(_Outgoing):
    """Writes requests, one after another, for one connection to a backend."""

    __slots__ = ()
    _mismatch = RequestRefused

    def head(self, head: RequestHead) -> bytes:
        """The head in origin form as HTTP/1.1, Host first and the framing by its length.

        Without a body there is no framing, but `content-length: 0` for methods that usually have one (RFC 9110 8.6).
        Raises `PolicyFailed` for a head that a filter made unfit.
        """
        length = head.length
        if length is None:
            self._mode, self._left, framing = _IN_CHUNKS, 0, _CHUNKED
        else:
            self._mode, self._left = _COUNTED, length
            framing = f"content-length: {length}\r\n" if length or head.method in _WITH_CONTENT else ""
        start = f"{head.method} {head.target} HTTP/1.1"
        if head.lines is not None:  # as they were read
            return f"{start}\r\nhost: {head.authority}\r\n{head.lines}{framing}\r\n".encode("latin-1")
        if not REQUEST_LINE.fullmatch(start):
            raise PolicyFailed("method and target of a request to be sent do not make a request line")
        lines = [f"{start}\r\n", f"host: {head.authority}\r\n", *field_lines(head.fields, _OURS)]
        return joined([*lines, framing, "\r\n"] if framing else [*lines, "\r\n"])


class ResponseEncoder(_Outgoing):
    """Writes the answer to one request, interim heads first; `request` is None when it could not be read.

    `persistent`: whether the connection may live on after this answer; known once the head is written.
    """

    __slots__ = ("_method", "_old", "_readable", "_usual", "persistent")
    _mismatch = ResponseInvalid

    def __init__(self, request: RequestHead | None) -> None:
        self.begin(request)

    def begin(self, request: RequestHead | None) -> None:
        """The next answer is to this request."""
        if request is None:
            self._method, self._old, self._readable = "GET", False, False
        else:
            self._method, self._old, self._readable = request.method, request.version == "1.0", True
        self.persistent = self._readable
        self._usual = self._readable and not self._old and self._method != "HEAD"
        self._mode, self._left = _COUNTED, 0

    def whole(self, messages: Sequence[Message], *, close: bool) -> bytes | None:
        """The bytes of a small answer that is complete, whose head is known and dated; None for any other."""
        head = messages[0]
        if type(head) is not ResponseHead or not head.dated or not self._usual:
            return None
        wire = head.last_wire if close else head.wire
        body, end = messages[1] if len(messages) == 3 else b"", messages[-1]
        if wire is None or end is not END or type(body) is not bytes or len(body) != head.length or len(body) > _SMALL:
            return None
        self.persistent = not close
        return wire + body

    def head(self, head: ResponseHead, *, close: bool) -> bytes:
        """The head as HTTP/1.1, framed by its length and the client's version; with `close` the last of its connection.

        Nothing for an interim head to an HTTP/1.0 client (RFC 9110 15.2). Raises `PolicyFailed` for a head that a
        filter made unfit.
        """
        status = head.status
        known = (head.last_wire if close else head.wire) if self._usual else None
        if known is not None:
            length, self.persistent = head.length, not close
            self._mode, self._left = (_IN_CHUNKS, 0) if length is None else (_COUNTED, length)
            return known
        if status == 101:
            self._frame(_RAW)
            self.persistent = False
            return _response_head(head, _FRAMING, ())
        if status < 200:
            return b"" if self._old else _response_head(head, _FRAMING, ())
        framing = self._begin_body(head)
        self.persistent = self._readable and not close and self._mode is not _RAW
        if not self.persistent:
            framing.append("connection: close\r\n")
        elif self._old:
            framing.append("connection: keep-alive\r\n")
        made = _response_head(head, _CODING if tells_of_another(status, self._method) else _FRAMING, framing)
        if self._usual and (self._mode is not _DROPPED or head.length == 0):
            if close:
                head.last_wire = made
            else:
                head.wire = made
        return made

    def break_off(self) -> bool:
        """Leave the answer incomplete, which costs the connection; tell whether its reader can see that by the bytes.

        It cannot where only the end of the connection ends the body (RFC 9112 8).
        """
        self.persistent = False
        return self._mode is not _RAW

    def _begin_body(self, head: ResponseHead) -> list[str]:
        """Choose how the body goes out; return the field line that says so, if one does."""
        if has_no_body(head.status, self._method):
            self._frame(_DROPPED)
            return []
        if head.length is not None:
            self._frame(_COUNTED, head.length)
            return [f"content-length: {head.length}\r\n"]
        self._frame(_RAW if self._old else _IN_CHUNKS)
        return [] if self._old else [_CHUNKED]


def _response_head(head: ResponseHead, dropped: frozenset[str], framing: Sequence[str]) -> bytes:
    start = f"HTTP/1.1 {head.status} {head.phrase}\r\n"
    return joined([start, *field_lines(head.fields, dropped), *framing, "\r\n"])
