"""What a TLS ClientHello tells in the clear: the server name, the protocols and the versions a client asks for.

A function of the first bytes of a connection, however they were cut into records. It decrypts, answers and checks
nothing else: whether the handshake can succeed is the business of whoever ends it. Under Encrypted Client Hello the
server name is the outer, public one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import Final

import attrs

from balancer.interfaces import MORE, More

HELLO_LIMIT: Final = 2**14 + 64 * 5
"""The most leading bytes that are looked at: a hello of 16 KiB cut into 64 records, or a smaller one cut finer."""

NAME_UNKNOWN: Final = b"\x15\x03\x01\x00\x02\x02\x70"
"""What answers a hello that nobody here is meant by: the alert unrecognized_name, fatal, in a record of its own
(RFC 6066 3, RFC 8446 5.1)."""

HANDSHAKE: Final = b"\x16"
"""The first byte of a record that belongs to a handshake, as all do that come before it is done (RFC 8446 5.1)."""

_HEADER: Final = Struct(">2sxH")
_KIND: Final = HANDSHAKE + b"\x03"  # of the version of a record only the first half counts (RFC 8446 5.1, RFC 5246 E.1)
_RECORD_MAX: Final = 2**14
_BODY_MAX: Final = 2**14
_UNKNOWN: Final = HELLO_LIMIT
_SERVER_NAME, _ALPN, _SUPPORTED_VERSIONS = 0, 16, 43  # RFC 6066 3, RFC 7301 3.1, RFC 8446 4.2.1
_NAME: Final = re.compile(rb"([!-~]*[!-\-/-~])\.?")


class Short(Exception):
    """The bytes end before the field does; more of them may come."""


class Misfit(Exception):
    """The bytes are not such a message, whatever may follow them."""


class Reader:
    """Takes fields off the front of a message of at most `size` bytes, of which only a prefix may be here.

    Every method that takes raises `Short` where the prefix ends, and `Misfit` where the message has no room.
    """

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._at, self._end = data, 0, size

    @property
    def done(self) -> bool:
        """Whether the whole message was taken."""
        return self._at == self._end

    def narrow(self, size: int) -> None:
        """The message says that it ends after `size` bytes more; it cannot become longer by that."""
        self._end = min(self._end, self._at + size)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start, end = self._at, self._at + size
        if end > self._end:
            raise Misfit
        if end > len(self._data):
            raise Short
        self._at = end
        return self._data[start:end]

    def number(self, width: int) -> int:
        """The next unsigned number, big-endian, of `width` bytes."""
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        """The next bytes that follow their own length, which has `width` bytes."""
        return self.take(self.number(width))


@attrs.frozen
class ClientHello:
    """What a client asks for.

    `server_name` is in lower case without a trailing dot. `alpn` holds the protocols and `versions` the TLS versions
    as numbers (0x0304 is 1.3), both in the client's order and as sent, values reserved by RFC 8701 included.
    """

    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()


@lru_cache(maxsize=1)  # the matchers of one listener ask about the same bytes, one after the other
def read_client_hello(data: bytes) -> ClientHello | More | None:
    """Read the hello that the bytes begin with: `MORE` while they may become one, None when they never will.

    None are: other protocols, malformed hellos, versions before TLS 1.0, and hellos not complete after 16 KiB or
    `HELLO_LIMIT` bytes with the records around them. What follows a hello is not looked at. Never raises. The time
    is linear: microseconds for the longest hello in one record, but a millisecond when each record holds one byte.
    The hello is as in RFC 8446 4.1.2.
    """
    try:
        return _hello(_message(data[:HELLO_LIMIT]))
    except Short:
        return MORE if len(data) < HELLO_LIMIT else None
    except Misfit:
        return None


def next_look(data: bytes) -> int:
    """How many leading bytes there must be for more to be told than by these: those up to the end of a record."""
    at = 0
    while at + _HEADER.size <= len(data):
        _, size = _HEADER.unpack_from(data, at)
        at += _HEADER.size + size
    return at if at > len(data) else at + _HEADER.size


def _message(data: bytes) -> bytes:
    """The body of the first handshake message, put together from its records (RFC 8446 5.1)."""
    message, end, at = bytearray(), _UNKNOWN, 0
    while len(message) < end:
        start = at + _HEADER.size
        if start > len(data):
            _require(_KIND.startswith(data[at : at + 2]))
            raise Short
        kind, size = _HEADER.unpack_from(data, at)
        _require(kind == _KIND and 0 < size <= _RECORD_MAX)
        at = start + size
        message += data[start:at]
        if end == _UNKNOWN:
            end = _end_of(message)
    return bytes(message[4:end])


def _end_of(message: bytearray) -> int:
    """Where the handshake message ends, or more than can come while its header is not complete."""
    if message and message[0] != 1:  # client_hello
        raise Misfit
    if len(message) < 4:
        return _UNKNOWN
    size = int.from_bytes(message[1:4], "big")
    if size > _BODY_MAX:
        raise Misfit
    return 4 + size


def _hello(body: bytes) -> ClientHello:
    reader = Reader(body, len(body))
    version = reader.number(2)
    reader.take(32)  # random
    session, ciphers, compressions = reader.vector(1), reader.vector(2), reader.vector(1)
    _require(0x0301 <= version <= 0x0303 and len(session) <= 32 and compressions != b"")
    _require(ciphers != b"" and len(ciphers) % 2 == 0)
    extensions = {} if reader.done else _extensions(reader.vector(2))
    _require(reader.done)
    return ClientHello(
        server_name=_server_name(extensions.get(_SERVER_NAME)),
        alpn=_alpn(extensions.get(_ALPN)),
        versions=_versions(extensions.get(_SUPPORTED_VERSIONS), version),
    )


def _require(fits: bool) -> None:
    if not fits:
        raise Misfit


def _extensions(data: bytes) -> dict[int, bytes]:
    """The extensions by type; none may come twice (RFC 8446 4.2)."""
    reader, found = Reader(data, len(data)), dict[int, bytes]()
    while not reader.done:
        kind, value = reader.number(2), reader.vector(2)
        _require(kind not in found)
        found[kind] = value
    return found


def _listed(data: bytes, width: int) -> Reader:
    """A reader of the one list of which an extension consists; the list may not be empty."""
    outer = Reader(data, len(data))
    content = outer.vector(width)
    _require(outer.done and content != b"")
    return Reader(content, len(content))


def _server_name(data: bytes | None) -> str | None:
    """The one host name; names of other types are passed over, by the length that each must have (RFC 6066 3)."""
    if data is None:
        return None
    reader, names = _listed(data, 2), dict[int, bytes]()
    while not reader.done:
        kind, name = reader.number(1), reader.vector(2)
        _require(kind not in names)
        names[kind] = name
    return _host(names[0]) if 0 in names else None


def _host(name: bytes) -> str:
    found = _NAME.fullmatch(name) if len(name) <= 255 else None
    if found is None:
        raise Misfit
    return found[1].decode("ascii").lower()


def _alpn(data: bytes | None) -> tuple[str, ...]:
    if data is None:
        return ()
    reader, names = _listed(data, 2), list[str]()
    while not reader.done:
        name = reader.vector(1)
        _require(name != b"")
        names.append(name.decode("latin-1"))
    return tuple(names)


def _versions(data: bytes | None, legacy: int) -> tuple[int, ...]:
    """The versions listed; the one in the hello's head where none are (RFC 8446 4.2.1)."""
    if data is None:
        return (legacy,)
    reader, versions = _listed(data, 1), list[int]()
    while not reader.done:
        versions.append(reader.number(2))
    return tuple(versions)
