"""The grammar of HTTP/1.1 heads as a few expressions that never backtrack, and the bounds they are matched within.

A head is gathered until its blank line, within bounds and without searching a byte twice; then one match accepts it or
not. Every repetition is possessive, so a hostile head costs no more than its size. Refuses to know what a field means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from balancer.core.messages import WORD, Fields
from balancer.errors import BalancerError, RequestRefused, ResponseInvalid

Refusal = Callable[[str, int], BalancerError]
"""Makes the error for bytes that cannot be passed on, of a message and the status an HTTP client would be told."""


def invalid(message: str, _status: int) -> ResponseInvalid:
    """The `Refusal` for what a backend sent; the status a client is told is 502 whatever was wrong."""
    return ResponseInvalid(message)


@attrs.frozen
class Limits:
    """How much of everything that must be buffered a peer may send; body bytes pass through and have no limit here.

    Raises `ValueError` for a limit below 1.
    """

    line: int = attrs.field(default=8192, validator=attrs.validators.ge(1))
    """Bytes of a request line or status line, without its CRLF; a longer request line is refused with 414."""
    head: int = attrs.field(default=32768, validator=attrs.validators.ge(1))
    """Bytes of a whole head with its blank line; a longer one is refused with 431."""
    fields: int = attrs.field(default=100, validator=attrs.validators.ge(1))
    """Field lines of a head, and of a trailer section; more are refused with 431."""
    chunk_line: int = attrs.field(default=4096, validator=attrs.validators.ge(1))
    """Bytes of one chunk-size line with its extensions and its CRLF."""
    chunk_extensions: int = attrs.field(default=16384, validator=attrs.validators.ge(1))
    """Bytes of all chunk extensions of one body, so that tiny chunks cannot carry a flood of them."""
    trailers: int = attrs.field(default=8192, validator=attrs.validators.ge(1))
    """Bytes of a trailer section with the CRLF before it and its blank line; a longer one is refused with 431."""
    interim: int = attrs.field(default=16, validator=attrs.validators.ge(1))
    """Interim (1xx) heads before one response."""


LIMITS: Final = Limits()

_TEXT: Final = r"[\t\x20-\x7e\x80-\xff]*+"
_FIELD_LINE: Final = rf"{WORD}:{_TEXT}\r\n"
_START: Final = rf"({WORD}) ([!\"$-~]++) HTTP/(1\.[0-9])"
_STATUS: Final = rf"HTTP/(1\.[0-9]) ([1-9][0-9][0-9])(?: ({_TEXT}))?+"

# RFC 9112 2.2 asks servers to pass over at least one empty line before a request line: one it is.
REQUEST: Final = re.compile(rf"(?:\r\n)?+{_START}\r\n((?:{_FIELD_LINE})*+)\r\n")
"""A whole request head: method, target (visible ASCII without a fragment), version, field lines (RFC 9112 2.1, 3)."""
RESPONSE: Final = re.compile(rf"{_STATUS}\r\n((?:{_FIELD_LINE})*+)\r\n")
"""A whole response head: version, status, reason phrase or None, field lines (RFC 9112 4)."""
TRAILERS: Final = re.compile(rf"\r\n((?:{_FIELD_LINE})*+)\r\n")
"""A trailer section with the CRLF that ends the line before it: field lines (RFC 9112 7.1.2)."""
REQUEST_LINE: Final = re.compile(_START)
USUAL_LINE: Final = re.compile(r"(?!CONNECT )([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}+) (/[!\"$-~]*+) HTTP/1\.1")
"""A request line about which there is nothing to decide: method and target in origin form."""
STATUS_LINE: Final = re.compile(_STATUS)

_ANY_FIELD: Final = re.compile(_FIELD_LINE)
_FIELD: Final = re.compile(r"([^:]++):[\t ]*+([^\r]*+)\r\n")
_OTHER_VERSION: Final = re.compile(r"[^ ]++ [^ ]++ HTTP/(?!1\.)[0-9]\.[0-9]")
# What no head may hold anywhere: controls other than HTAB, an LF without a CR before it, a CR without an LF behind.
_STRAY: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")


def split_fields(section: str, most: int, refuse: Refusal) -> list[tuple[str, str]]:
    """The fields of accepted field lines, names still as written; raise when there are more than `most`."""
    fields = _FIELD.findall(section)
    if len(fields) > most:
        raise refuse(f"more than {most} fields", 431)
    return fields


def trailer_fields(section: str, most: int, refuse: Refusal) -> Fields:
    """The fields of a gathered trailer section (RFC 9112 7.1.2); raise when it is not one."""
    match = TRAILERS.fullmatch(section)
    if match is None:
        raise refuse("a trailer field line is malformed", 400)
    return tuple([(name.lower(), value.rstrip(" \t")) for name, value in split_fields(match[1], most, refuse)])


def request_fault(head: str) -> RequestRefused:
    """Why `REQUEST` does not accept this head. Quotes nothing of it: fields may hold secrets."""
    line, _, section = head.removeprefix("\r\n").partition("\r\n")
    if REQUEST_LINE.fullmatch(line):
        return RequestRefused(_field_fault(section))
    if _OTHER_VERSION.fullmatch(line):
        return RequestRefused("the version is not HTTP/1 (RFC 9110 2.5)", 505)
    return RequestRefused("the request line is not a method, a target and a version (RFC 9112 3)")


def response_fault(head: str) -> ResponseInvalid:
    """Why `RESPONSE` does not accept this head."""
    line, _, section = head.partition("\r\n")
    if STATUS_LINE.fullmatch(line):
        return ResponseInvalid(_field_fault(section))
    return ResponseInvalid("the status line is not HTTP/1, a status and a reason (RFC 9112 4)")


def _field_fault(section: str) -> str:
    number, start = 1, 0
    while match := _ANY_FIELD.match(section, start):
        number, start = number + 1, match.end()
    return f"field line {number} is malformed (RFC 9112 5)"


class Section:
    """Gathers a head, or a trailer section, until its blank line.

    What can never become a head is refused as soon as it is seen, and of several faults the first in byte order:
    so the verdict does not depend on how the bytes were cut.
    """

    __slots__ = ("_has_line", "_line", "_line_status", "_refuse", "_size", "_start", "held", "quick")

    def __init__(self, size: int, line: int, line_status: int, refuse: Refusal, *, start: bytes = b"") -> None:
        """Bound the section to `size` bytes (else 431) and its first line to `line` (else `line_status`).

        It begins with `start`. What comes whole in one piece of at most `quick` bytes can break neither bound.
        """
        self._size, self._line, self._line_status, self._refuse = size, line, line_status, refuse
        self._start = start
        self._has_line = False
        self.held = bytearray()
        self.quick = min(size, line)

    def feed(self, data: bytes) -> tuple[str, bytes] | None:
        """Take the next bytes; when the blank line has come, return the section and what lies behind it.

        Raises what `refuse` makes: 400 for a wrong start and for a stray control or line end, 431 and `line_status` for
        the bounds.
        """
        held = self.held
        seen = max(0, len(held) - 3)
        held += data
        blank = held.find(b"\r\n\r\n", seen)
        end = len(held) if blank < 0 else blank + 4
        self._judge(seen, end)
        if blank < 0:
            return None
        section, rest = held[:end].decode("latin-1"), bytes(held[end:])
        held.clear()
        self._has_line = False
        return section, rest

    def _judge(self, seen: int, end: int) -> None:
        """Refuse the first fault among the bytes from `seen` to `end`; those before `seen` had none."""
        bound, message, status = self._size, f"longer than {self._size} bytes", 431
        if not self._has_line:
            start = 2 if self.held.startswith(b"\r\n") else 0
            longest = start + self._line + 2
            self._has_line = self.held.find(b"\r\n", max(start, seen), longest) >= 0
            if not self._has_line and longest < bound:
                bound, message, status = longest, f"first line longer than {self._line} bytes", self._line_status
        if not self._start.startswith(self.held[: min(end, bound, len(self._start))]):
            raise self._refuse(f"the first bytes are not {self._start.decode()}", 400)
        if _STRAY.search(self.held, seen, min(end, bound)):
            raise self._refuse("a control character, or a CR or LF that is not part of a CRLF (RFC 9112 2.2)", 400)
        if end > bound:
            raise self._refuse(message, status)


class HeadReader:
    """Finds one head after another: by one match where it lies when it came whole, else gathered in a `Section`."""

    __slots__ = ("_fault", "_pattern", "_section", "held")

    def __init__(self, pattern: re.Pattern[str], section: Section, fault: Callable[[str], BalancerError]) -> None:
        """`fault` says why `pattern` does not accept a head."""
        self._pattern, self._section, self._fault = pattern, section, fault
        self.held = section.held

    @property
    def begun(self) -> bool:
        """Whether something is held that is more than the empty line one may send before a request."""
        return bool(self.held) and self.held != b"\r\n"

    def read(self, data: bytes) -> tuple[re.Match[str], bytes] | None:
        """Take the next bytes; when a head is whole, return its match and what lies behind it.

        Raises what the section's `refuse` makes, or what `fault` says.
        """
        if not self.held and len(data) <= self._section.quick:
            match = self._pattern.match(data.decode("latin-1"))
            if match is not None:
                return match, data[match.end() :]
        found = self._section.feed(data)
        if found is None:
            return None
        text, rest = found
        match = self._pattern.fullmatch(text)
        if match is None:
            raise self._fault(text)
        return match, rest
