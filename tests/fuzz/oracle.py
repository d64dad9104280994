"""A second reading of HTTP/1.1: whole streams, line by line, slow, strict and plain (RFC 9110, RFC 9112).

Judges the codec and shares no code with it. Of a head with several faults it gives the statuses of all, and leaves the
order to the codec. Where the RFCs leave a choice, what the balancer promises is taken, and the comment names the
section. The bounds are small, so that short streams reach them.
"""

from __future__ import annotations

from socket import AF_INET6, inet_pton

import attrs

LINE, HEAD, FIELDS, CHUNK_LINE, EXTENSIONS, TRAILERS, INTERIM = 100, 1000, 10, 40, 100, 120, 2
LONGEST_METHOD, LONGEST_BODY = 32, 2**63 - 1
DIGITS = frozenset(b"0123456789")
HEX = DIGITS | frozenset(b"abcdefABCDEF")
ALPHA = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
TOKEN = DIGITS | ALPHA | frozenset(b"!#$%&'*+-.^_`|~")
"""RFC 9110 5.6.2."""
NAMED = DIGITS | ALPHA | frozenset(b"-._~!$&'()*+,;=")
"""What a registered name is made of, beside percent-encoded bytes (RFC 3986 3.2.2)."""
TARGET = frozenset(range(0x21, 0x7F)) - frozenset(b"#")
"""More than RFC 3986 has: browsers send such bytes as they are, and two readers cannot cut the line differently."""
TEXT = frozenset(range(0x20, 0x7F)) | frozenset(range(0x80, 0x100)) | frozenset(b"\t")

Lines = list[tuple[str, str]]


class More(Exception):
    """The stream ends before the message does."""


class Refused(Exception):
    """The message must not be understood; `statuses` are those that a request may be answered with."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(*statuses)
        self.statuses = frozenset(statuses)


@attrs.define
class Message:
    """What one message says. `length` is None when it is not told in advance, `stays` what Connection comes to.

    `raw` are the bytes of a request that is whole.
    """

    start: tuple[str | int, ...]
    fields: Lines
    version: str
    length: int | None
    stays: bool
    expects: bool = False
    body: bytes = b""
    trailers: Lines = attrs.field(factory=list)
    whole: bool = False
    raw: bytes = attrs.field(default=b"", eq=False, repr=False)


@attrs.frozen
class Reading:
    """All messages of a stream, the last perhaps not whole; then `end`: "more", "idle", or the statuses of a refusal.

    After a refusal only whole messages are there.
    """

    messages: list[Message]
    end: str | frozenset[int]


def head_of(data: bytes, size: int, line: int, line_status: int) -> tuple[list[bytes], bytes]:
    """The lines of a section up to its blank line, and what is behind; a CRLF before the first line does not count.

    Byte by byte, so that of several faults the first one tells (RFC 9112 2.2: a CR or LF alone is none of these lines).
    """
    start = 2 if data[:2] == b"\r\n" else 0
    lines, begun = list[bytes](), start
    for place, byte in enumerate(data):
        if place == min(size, size if lines else start + line + 2):
            raise Refused(line_status if not lines and start + line + 2 < size else 431)
        before = data[place - 1 : place] if place else b""
        if (before == b"\r") != (byte == 0x0A) or byte not in TEXT | {0x0D, 0x0A}:
            raise Refused(400)
        if byte == 0x0A and place > start:
            lines.append(data[begun : place - 1])
            begun = place + 1
            if lines[-1] == b"":
                return lines[:-1], data[begun:]
    raise More


def fields_of(lines: list[bytes], faults: set[int]) -> Lines:
    """Names in lower case and values without the whitespace around them (RFC 9112 5)."""
    found: Lines = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or not TOKEN.issuperset(name):
            faults.add(400)
        found.append((name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")))
    if len(found) > FIELDS:
        faults.add(431)
    return found


def values(fields: Lines, name: str) -> list[str]:
    """Those of all fields of that name."""
    return [value for key, value in fields if key == name]


def version_of(word: bytes, faults: set[int]) -> str:
    """The version to go by: a higher minor one than ours is taken for ours (RFC 9110 2.5)."""
    if len(word) != 8 or word[:5] != b"HTTP/" or word[6:7] != b"." or not {word[5], word[7]} <= DIGITS:
        faults.add(400)
    elif word[5:6] != b"1":
        faults.add(505)
    return "1.0" if word == b"HTTP/1.0" else "1.1"


def authority_of(text: str) -> str | None:
    """A host and perhaps a port, without the colon of an empty one (RFC 3986 3.2, RFC 9110 4.2.4); else None."""
    if text.startswith("["):
        host, bracket, behind = text[1:].partition("]")
        sound = bracket and is_address(host) and behind[:1] in {"", ":"}
        port = behind[1:]
    else:
        host, _, port = text.partition(":")
        sound = is_name(host.encode("latin-1"))
    if not sound or len(port) > 5 or not DIGITS.issuperset(port.encode("latin-1")) or int(port or 0) > 65535:
        return None
    return text.removesuffix(":")


def is_address(host: str) -> bool:
    """Whether the C library reads it as an IPv6 address."""
    try:
        return len(inet_pton(AF_INET6, host)) == 16
    except (OSError, ValueError):
        return False


def is_name(host: bytes) -> bool:
    """Whether it is a registered name that is not empty."""
    first, *escaped = host.split(b"%")
    sound = all(len(part) > 1 and {part[0], part[1]} <= HEX and NAMED.issuperset(part[2:]) for part in escaped)
    return bool(host) and NAMED.issuperset(first) and sound


def target_of(method: str, target: str, hosts: list[str], version: str, faults: set[int]) -> tuple[str, str]:
    """The target in origin form and the authority (RFC 9112 3.2, 3.3)."""
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        faults.add(400)
    authority = authority_of(hosts[0]) if hosts and hosts[0] else ""
    if target.lower().startswith(("http://", "https://")):
        rest = target.partition("://")[2]
        cut = min([rest.find(mark) for mark in "/?" if mark in rest], default=len(rest))
        if authority is None:
            faults.add(400)
        authority, target = authority_of(rest[:cut]) if cut else None, rest[cut:]
        if not target:
            target = "*" if method == "OPTIONS" else "/"
        elif target[0] == "?":
            target = "/" + target
    elif not target.startswith("/") and (target, method) != ("*", "OPTIONS"):
        faults.add(400)
    if authority is None:
        faults.add(400)
    return target, authority or ""


def length_of(fields: Lines, faults: set[int]) -> int | None:
    """Content-Length, None without: digits, and the same when told again (RFC 9110 8.6, RFC 9112 6.3)."""
    told = values(fields, "content-length")
    if not told:
        return None
    if len(set(told)) > 1 or not told[0] or not DIGITS.issuperset(told[0].encode("latin-1")):
        faults.add(400)
        return None
    if int(told[0]) > LONGEST_BODY:
        faults.add(413)
    return int(told[0])


def request_length(fields: Lines, version: str, faults: set[int]) -> int | None:
    """The length of a request's body; None when chunks will tell (RFC 9112 6.1, 6.3)."""
    told, codings = length_of(fields, faults), values(fields, "transfer-encoding")
    if not codings:
        return told or 0
    if version == "1.0" or values(fields, "content-length"):
        faults.add(400)
    if [coding.lower() for coding in codings] != ["chunked"]:
        faults.add(501 if ends_in_chunks(codings) else 400)
    return None


def ends_in_chunks(codings: list[str]) -> bool:
    """Whether they are tokens, of which the last, and it alone, is chunked: then at least the end is known."""
    names = [name.strip(" \t") for name in ",".join(codings).lower().split(",")]
    tokens = all(name and TOKEN.issuperset(name.encode("latin-1")) for name in names)
    return tokens and names[-1] == "chunked" and names.count("chunked") == 1


def stays(fields: Lines, version: str) -> bool:
    """Whether the sender keeps the connection (RFC 9112 9.3)."""
    options = {option.strip(" \t").lower() for value in values(fields, "connection") for option in value.split(",")}
    return "close" not in options and (version == "1.1" or "keep-alive" in options)


def request_head(data: bytes) -> tuple[Message, bytes]:
    """A request without its body, and what is behind its head."""
    (line, *lines), rest = sections(data, 414)
    faults, words = set[int](), line.split(b" ")
    if len(words) != 3:
        raise Refused(400)
    fields, version = fields_of(lines, faults), version_of(words[2], faults)
    if not words[0] or not TOKEN.issuperset(words[0]) or not words[1] or not TARGET.issuperset(words[1]):
        faults.add(400)
    method, expected = words[0].decode("latin-1"), values(fields, "expect")
    if method == "CONNECT" or len(method) > LONGEST_METHOD:
        faults.add(501)
    if expected and [value.lower() for value in expected] != ["100-continue"]:
        faults.add(417)
    target, authority = target_of(method, words[1].decode("latin-1"), values(fields, "host"), version, faults)
    length = request_length(fields, version, faults)
    if faults:
        raise Refused(*faults)
    # An HTTP/1.0 client's expectation is ignored (RFC 9110 10.1.1).
    own = {"host", "content-length", "transfer-encoding"} | ({"expect"} if version == "1.0" else set())
    kept = [field for field in fields if field[0] not in own]
    expects = bool(expected) and version == "1.1" and length != 0
    return Message((method, target, authority), kept, version, length, stays(fields, version), expects), rest


def sections(data: bytes, line_status: int) -> tuple[list[bytes], bytes]:
    """The lines of a head, with the one that starts it."""
    lines, rest = head_of(data, HEAD, LINE, line_status)
    if not lines:
        raise Refused(400)
    return lines, rest


def filled(message: Message, data: bytes) -> bytes:
    """Give a message whose length, or chunks, tell its end its body; return what is behind it. May raise `More`."""
    if message.length is None:
        return in_chunks(message, data)
    message.body = data[: message.length]
    if len(data) < message.length:
        raise More
    message.whole = True
    return data[message.length :]


def in_chunks(message: Message, data: bytes) -> bytes:
    """The same of one in chunks (RFC 9112 7.1)."""
    spare = EXTENSIONS
    while True:
        line = data[:CHUNK_LINE].partition(b"\n")[0]
        if len(line) == len(data[:CHUNK_LINE]):
            raise Refused(400) if len(line) == CHUNK_LINE else More
        size, extensions = sized(line)
        spare -= len(extensions)
        if spare < 0:
            raise Refused(400)
        if size == 0:
            return ended(message, data[len(line) - 1 :])
        chunk, behind = data[len(line) + 1 :][:size], data[len(line) + 1 :][size:]
        message.body += chunk
        if behind[:2] != b"\r\n"[: len(behind[:2])]:
            raise Refused(400)
        if len(behind) < 2:
            raise More
        data = behind[2:]


def ended(message: Message, data: bytes) -> bytes:
    """Read the trailers behind the last chunk, and the CRLF before them."""
    lines, rest = head_of(data, TRAILERS, TRAILERS, 431)
    faults = set[int]()
    message.trailers = fields_of(lines, faults)
    if faults:
        raise Refused(*faults)
    message.whole = True
    return rest


def sized(line: bytes) -> tuple[int, bytes]:
    """The size of a chunk and its extensions, of a line without its LF; 16 digits at most (RFC 9112 7.1)."""
    if line[-1:] != b"\r":
        raise Refused(400)
    after = past(line, 0, HEX)
    size, extensions = line[:after], line[after:-1]
    place = 0
    while place < len(extensions):
        place = extension(extensions, place)
    if not 1 <= len(size) <= 16:
        raise Refused(400)
    return int(size, 16), extensions


def extension(text: bytes, place: int) -> int:
    """Read `BWS ; BWS name [ BWS = BWS value ]` from that place; return the place behind it (RFC 9112 7.1.1)."""
    place = past(text, place, b" \t")
    if text[place : place + 1] != b";":
        raise Refused(400)
    name = past(text, place + 1, b" \t")
    behind = past(text, name, TOKEN)
    equals = past(text, behind, b" \t")
    if behind == name or text[equals : equals + 1] != b"=":
        if behind == name:
            raise Refused(400)
        return behind
    value = past(text, equals + 1, b" \t")
    behind = past(text, value, TOKEN) if text[value : value + 1] != b'"' else quoted(text, value + 1)
    if behind == value:
        raise Refused(400)
    return behind


def quoted(text: bytes, place: int) -> int:
    """The place behind a quoted string that began before that place (RFC 9110 5.6.4)."""
    while place < len(text):
        if text[place : place + 1] == b'"':
            return place + 1
        place += 2 if text[place : place + 1] == b"\\" else 1
        if not TEXT.issuperset(text[:place]):
            break
    raise Refused(400)


def past(text: bytes, place: int, of: frozenset[int] | bytes) -> int:
    """The first place at or behind that one where something else stands."""
    while place < len(text) and text[place] in of:
        place += 1
    return place


def requests(data: bytes) -> Reading:
    """What the requests of a stream are."""
    found: list[Message] = []
    try:
        while data and data != b"\r\n":
            message, behind = request_head(data)
            found.append(message)
            behind = filled(message, behind)
            message.raw, data = data[: len(data) - len(behind)], behind
    except Refused as refused:
        return Reading([message for message in found if message.whole], refused.statuses)
    except More:
        return Reading(found, "more")
    return Reading(found, "idle")
