"""The second reading of HTTP/1.1 for answers: one stream from a backend, as the answer to one request.

Judges the codec and shares no code with it; see `tests.fuzz.oracle` for what is read as in requests.
"""

from __future__ import annotations

import attrs

from tests.fuzz.oracle import (
    DIGITS,
    INTERIM,
    Message,
    More,
    Refused,
    fields_of,
    filled,
    length_of,
    sections,
    stays,
    values,
    version_of,
)

LENGTH, CHUNKS, CLOSE = "length", "chunks", "close"
"""How the end of a body is told (RFC 9112 6.3)."""


@attrs.frozen
class Answer:
    """Interim heads and the final message; `fault` is "refused", "gone" when the end came too early, or empty."""

    messages: list[Message]
    fault: str = ""
    reusable: bool = False


def answer(data: bytes, method: str, *, closed: bool) -> Answer:
    """What a stream says in answer to a request of that method, when the connection then stays open or is closed."""
    found: list[Message] = []
    try:
        reusable = _read(data, method, found, closed=closed)
    except Refused:
        return Answer([], "refused")
    except More:
        return Answer(found, "gone" if closed else "")
    return Answer(found, reusable=reusable and not closed)


def _read(data: bytes, method: str, found: list[Message], *, closed: bool) -> bool:
    """Fill `found`; return whether the connection may carry another request."""
    clean = True
    while not found or found[-1].start[0] in range(200):
        if data[:5] != b"HTTP/"[: len(data)]:
            raise Refused
        lines, data = sections(data, 0)
        message, framing, sound = _head(lines, method)
        found.append(message)
        clean = clean and sound and message.stays
        if len(found) > INTERIM and message.start[0] in range(200):
            raise Refused
    if framing != CLOSE:
        return not filled(message, data) and clean
    message.body, message.whole = data, closed
    return False


def _head(lines: list[bytes], method: str) -> tuple[Message, str, bool]:
    """A head, how its body ends, and whether what it says leaves the connection fit for another request."""
    status, phrase, version = _status(lines[0])
    faults = set[int]()
    fields = fields_of(lines[1:], faults)
    told, codings = length_of(fields, faults), values(fields, "transfer-encoding")
    if faults or status == 101:  # nobody asks for another protocol here (RFC 9110 15.2.2)
        raise Refused
    # RFC 9110 8.6: Content-Length here is that of the answer which a GET would have had.
    of_another = status == 304 or (method == "HEAD" and status >= 200 and status != 204)
    length: int | None
    if status < 200 or status in {204, 304} or method == "HEAD":  # RFC 9112 6.3, cases 1 and 2
        length, framing, clean = 0, LENGTH, of_another or not (told or codings)
    else:
        length, framing, clean = _framing(told, codings, version)
    both = bool(codings) and told is not None  # RFC 9112 6.3: one of them goes, and so does the connection
    own = {"transfer-encoding"} if of_another and not both else {"transfer-encoding", "content-length"}
    kept = [field for field in fields if field[0] not in own]
    message = Message((status, phrase), kept, version, length, stays(fields, version), whole=status < 200)
    return message, framing, clean and not both


def _status(line: bytes) -> tuple[int, str, str]:
    """Status, phrase and version; the space before a phrase that is empty may be missing (RFC 9112 4 has it there)."""
    faults = set[int]()
    version = version_of(line[:8], faults)
    code, behind = line[9:12], line[12:]
    if faults or line[8:9] != b" " or len(code) != 3 or not DIGITS.issuperset(code) or code < b"100":
        raise Refused
    if behind[:1] not in {b"", b" "}:
        raise Refused
    return int(code), behind[1:].decode("latin-1"), version


def _framing(told: int | None, codings: list[str], version: str) -> tuple[int | None, str, bool]:
    """Cases 4 to 8 of RFC 9112 6.3; of the codings only `chunked` is understood, and none from HTTP/1.0."""
    if not codings:
        return told, LENGTH if told is not None else CLOSE, told is not None
    if version == "1.0" or [coding.lower() for coding in codings] != ["chunked"]:
        raise Refused
    return None, CHUNKS, True
