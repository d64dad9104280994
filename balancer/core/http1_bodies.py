"""Readers that tell where a body ends: by its length, by its chunks, or with the connection (RFC 9112 6, 7).

Each takes bytes in any split, passes the body on in pieces as they came, and returns what lies behind the end. A piece
that is all of what was received is passed on as the same object. Refuses to know whose body it is.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from balancer.core.http1_grammar import Limits, Refusal, Section, trailer_fields
from balancer.core.messages import END, WORD, End, Message
from balancer.errors import BalancerError

_QUOTED: Final = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_EXTENSION: Final = rf"[ \t]*+;[ \t]*+{WORD}(?:[ \t]*+=[ \t]*+(?:{WORD}|{_QUOTED}))?+"
_SIZE_LINE: Final = rf"([0-9A-Fa-f]{{1,16}}+)((?:{_EXTENSION})*+)\r\n"
_FIRST_SIZE: Final = re.compile(_SIZE_LINE.encode())
_NEXT_SIZE: Final = re.compile(rb"\r\n" + _SIZE_LINE.encode())


class Body(Protocol):
    """One body on its way in."""

    @property
    def held(self) -> int:
        """Bytes kept back because they do not yet tell anything."""

    def feed(self, data: bytes, out: list[Message]) -> bytes | None:
        """Append the body's pieces, and its end, to `out`; return what lies behind the end, None before it.

        `data` is not empty. Raises what the reader's `Refusal` makes.
        """


class Counted:
    """A body of a known length, at least 1 byte."""

    __slots__ = ("held", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.held = 0

    def feed(self, data: bytes, out: list[Message]) -> bytes | None:
        """See `Body`."""
        left = self.left
        if len(data) < left:
            self.left = left - len(data)
            out.append(data)
            return None
        out.append(data[:left])
        out.append(END)
        return data[left:]


class UntilClose:
    """A body that only the end of the connection ends (RFC 9112 6.3, case 8), or what follows an upgrade."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = 0

    def feed(self, data: bytes, out: list[Message]) -> None:
        """See `Body`."""
        out.append(data)


class Broken:
    """What takes the place of a body once a peer's bytes were refused: whatever follows is refused as well."""

    __slots__ = ("_fault", "held")

    def __init__(self, fault: BalancerError) -> None:
        self._fault = fault
        self.held = 0

    def feed(self, _data: bytes, _out: list[Message]) -> bytes | None:
        """Raise the fault again."""
        raise self._fault


class Chunked:
    """A body in chunks, strictly by RFC 9112 7.1: CRLF only, sizes of up to 16 digits, extensions bounded and dropped.

    Three states, told by what is set: `_trailers` when the last chunk has come; `_left` inside of a chunk; else a size
    line is due, behind a CRLF when there was a chunk before it.
    """

    __slots__ = ("_gap", "_kept", "_left", "_limits", "_refuse", "_spare", "_trailers")

    def __init__(self, limits: Limits, refuse: Refusal) -> None:
        self._limits, self._refuse = limits, refuse
        self._kept = b""
        self._left = 0
        self._gap = 0
        self._spare = limits.chunk_extensions
        self._trailers: Section | None = None

    @property
    def held(self) -> int:
        """See `Body`."""
        return len(self._kept) if self._trailers is None else len(self._trailers.held)

    def feed(self, data: bytes, out: list[Message]) -> bytes | None:
        """See `Body`."""
        if self._trailers is not None:
            return self._finish(self._trailers, data, out)
        if self._kept:
            data, self._kept = self._kept + data, b""
        start = 0
        while start < len(data):
            if self._left:
                piece = data[start : start + self._left]
                out.append(piece)
                self._left -= len(piece)
                start += len(piece)
                continue
            start = self._begin_chunk(data, start)
            if self._trailers is not None:
                return self._finish(self._trailers, data[start:], out)
        return None

    def _begin_chunk(self, data: bytes, start: int) -> int:
        """Read the size line at `start`; return where its chunk begins, or the end of `data` if the line is not whole.

        At the last chunk the CRLF of its size line is left to stand before the trailer section.
        """
        pattern = _NEXT_SIZE if self._gap else _FIRST_SIZE
        stop = start + self._gap + self._limits.chunk_line
        # Only a whole line is matched, so that one that comes byte by byte is not matched at every byte.
        line_end = data.find(b"\n", start + self._gap, stop) + 1
        match = pattern.match(data, start, line_end) if line_end else None
        if match is None:
            self._keep(data[start:stop])
            return len(data)
        self._spare -= len(match[2])
        if self._spare < 0:
            raise self._refuse("too many chunk extensions", 400)
        self._gap = 2
        self._left = int(match[1], 16)
        if self._left:
            return match.end()
        self._trailers = Section(self._limits.trailers, self._limits.trailers, 431, self._refuse)
        return match.end() - 2

    def _keep(self, line: bytes) -> None:
        """Keep a size line that is not whole yet; refuse one that can no longer become right."""
        if not b"\r\n".startswith(line[: self._gap]):
            raise self._refuse("a chunk is not followed by CRLF (RFC 9112 7.1)", 400)
        if b"\n" in line[self._gap :]:
            raise self._refuse("a chunk size line is malformed (RFC 9112 7.1)", 400)
        if len(line) == self._gap + self._limits.chunk_line:
            raise self._refuse(f"a chunk size line is longer than {self._limits.chunk_line} bytes", 400)
        self._kept = line

    def _finish(self, trailers: Section, data: bytes, out: list[Message]) -> bytes | None:
        """Read the trailer section, which is empty but for its CRLF nearly always."""
        if not trailers.held and data.startswith(b"\r\n\r\n"):
            out.append(END)
            return data[4:]
        found = trailers.feed(data)
        if found is None:
            return None
        section, rest = found
        fields = trailer_fields(section, self._limits.fields, self._refuse)
        out.append(End(fields) if fields else END)
        return rest


def counted(length: int) -> Counted | None:
    """The reader for a body of that many bytes; None when there is nothing to read."""
    return Counted(length) if length else None
