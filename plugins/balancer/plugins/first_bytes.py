"""Matchers on the first bytes of a TCP connection: TLS, HTTP, PostgreSQL, MQTT, Redis and SSH.

Each judges what a client sends before it needs an answer, looks at `peek` bytes at most, and once it has answered
stays with it whatever follows. They consume and change nothing, match no session that is not a TCP connection, and
cannot be made to raise. A client that waits for the server to speak first tells them nothing.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.hello import HELLO_LIMIT, ClientHello, Misfit, Reader, Short, read_client_hello
from balancer.errors import ConfigError
from balancer.interfaces import MORE, Found, IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_SERVER_NAME: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII | re.IGNORECASE)
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
_TARGET: Final = re.compile(rb"[!-~\x80-\xff]+")
_REDIS_ARRAY: Final = re.compile(rb"\*[1-9][0-9]{0,6}\r\n\$")
_REDIS_ARRAY_BEGUN: Final = re.compile(rb"\*(?:[1-9][0-9]{0,6}(?:\r\n?)?)?")
_REDIS_INLINE: Final = (b"AUTH", b"HELLO", b"INFO", b"PING", b"QUIT")
_SSH: Final = re.compile(rb"SSH-2\.0-([!-~]+)(?: [^\0\r\n]*)?\r?\n")


def _begins(data: bytes, expected: bytes) -> Found:
    """Whether the data begin with what is expected."""
    if data.startswith(expected):
        return True
    return MORE if expected.startswith(data) else False


class _Leading(Matcher):
    """What they share: the bound, the kind of session, and what an answer is made of."""

    always = False
    kinds = frozenset({Kind.TCP})

    def matches(self, session: ISession) -> Found:
        """See `IMatcher`; undecided about as many bytes as it may see is no match."""
        if session.kind is not Kind.TCP:
            return False
        data = session.peek[: self.peek]
        found = self._answer(data)
        return False if found is MORE and len(data) == self.peek else found

    def _answer(self, data: bytes) -> Found:
        try:
            return self._read(data)
        except Short:
            return MORE
        except (Misfit, UnicodeDecodeError):
            return False

    @abstractmethod
    def _read(self, data: bytes) -> Found:
        """Judge a prefix; `Short` stands for MORE, `Misfit` and text that is not UTF-8 for False."""


class _OfHello(_Leading):
    """Waits for a whole TLS ClientHello; what is none, malformed or too large does not match.

    Where the TLS of a connection ends here, its hello was read before, and the session knows what that told.
    """

    peek = HELLO_LIMIT

    def matches(self, session: ISession) -> Found:
        """See `IMatcher`."""
        if not session.tls or session.kind is not Kind.TCP:
            return super().matches(session)
        return self._judge(ClientHello(session.server_name, () if session.alpn is None else (session.alpn,)))

    def _read(self, data: bytes) -> Found:
        hello = read_client_hello(data)
        if isinstance(hello, ClientHello):
            return self._judge(hello)
        return MORE if hello is MORE else False

    @abstractmethod
    def _judge(self, hello: ClientHello) -> Found:
        """Judge a whole hello."""


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class TLSHello(_OfHello):
    """Matches clients that begin with a TLS ClientHello; captures `server_name` if there is one."""

    def _judge(self, hello: ClientHello) -> Found:
        return True if hello.server_name is None else {"server_name": hello.server_name}


def _server_names(names: tuple[Any, ...]) -> frozenset[str]:
    wrong = [name for name in names if not isinstance(name, str) or not _SERVER_NAME.fullmatch(name)]
    if wrong or not names:
        remedy = "write 'example.com', or '*.example.com' for any one label in front, international names as xn--"
        raise ConfigError(f"SNI: names: {name!r} is not a server name; {remedy}" for name in wrong or [names])
    return frozenset(name.lower().removesuffix(".") for name in names)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class SNI(_OfHello):
    """Matches TLS clients that ask for one of these server names: `SNI("a.example", "*.b.example")`.

    Case and a trailing dot are of no account, and `*` stands for exactly one label (RFC 6066 3, RFC 9525 6.3). Where
    TLS ends at the listener, the name is that of its handshake.
    Captures `server_name`. Raises `ConfigError` for what cannot be a name.
    """

    names: frozenset[str] = attrs.field(converter=_server_names, repr=lambda names: str(sorted(names)))

    def __init__(self, *names: str) -> None:
        self.__attrs_init__(names)

    def _judge(self, hello: ClientHello) -> Found:
        name = hello.server_name or ""
        label, _, parent = name.partition(".")
        found = name in self.names or (label != "" and f"*.{parent}" in self.names)
        return {"server_name": name} if found else False


def _protocol_names(names: tuple[Any, ...]) -> tuple[str, ...]:
    wrong = [name for name in names if not isinstance(name, str) or not 1 <= len(name) <= 255 or max(name) > "\xff"]
    if wrong or not names:
        remedy = "write a name registered for ALPN, such as 'h2'"
        raise ConfigError(f"ALPN: protocols: {name!r} is not a protocol; {remedy}" for name in wrong or [names])
    return names


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class ALPN(_OfHello):
    """Matches TLS clients that offer one of these protocols: `ALPN("h2", "postgresql")` (RFC 7301).

    Captures as `alpn` the one of them that the client prefers, or, where TLS ends at the listener, the one agreed on.
    Raises `ConfigError` for what cannot be a protocol.
    """

    protocols: tuple[str, ...] = attrs.field(converter=_protocol_names)

    def __init__(self, *protocols: str) -> None:
        self.__attrs_init__(protocols)

    def _judge(self, hello: ClientHello) -> Found:
        for name in hello.alpn:
            if name in self.protocols:
                return {"alpn": name}
        return False


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class HTTP1(_Leading):
    """Matches an HTTP/1 request by its request line, of at most 8 KiB (RFC 9112 3)."""

    peek = 8192

    def _read(self, data: bytes) -> Found:
        method, *rest = data.split(b" ", 2)
        if data and not _METHOD.fullmatch(method):
            return False
        if rest and not _TARGET.fullmatch(rest[0]) and rest != [b""]:
            return False
        return _begins(rest[1], b"HTTP/1.") if len(rest) == 2 else MORE


class _Preface(_Leading):
    """Matches what begins with fixed bytes."""

    preface: bytes

    def _read(self, data: bytes) -> Found:
        return _begins(data, self.preface)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class HTTP2(_Preface):
    """Matches HTTP/2 in the clear by its connection preface (RFC 9113 3.4)."""

    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    peek = len(preface)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class PostgresSSL(_Preface):
    """Matches PostgreSQL clients that first ask whether they may use TLS (SSLRequest).

    Such a client waits for an answer before it names user and database. Clients that use TLS without asking are
    found with `ALPN("postgresql")`.
    """

    preface = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
    peek = len(preface)


def _check_wanted(_matcher: Postgres, attribute: Any, wanted: Any) -> None:
    if wanted is not None and (not isinstance(wanted, str) or not wanted or "\0" in wanted):
        raise ConfigError([f"Postgres: {attribute.name}: {wanted!r} is not a name; write 'app', or None for any"])


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class Postgres(_Leading):
    """Matches PostgreSQL clients that start a session, in the clear, as this user on this database; None is any.

    Names are compared whole and in UTF-8. Captures `user` and `database`, which is the user's where a client names
    none. Protocol 3 only. The requests that come in place of a start, for TLS (see `PostgresSSL`), for GSSAPI and
    for the cancellation of a query, name neither and do not match: a later route takes them. At most 10000 bytes, as
    PostgreSQL has it. Raises `ConfigError` for what cannot be a name.
    """

    user: str | None = attrs.field(default=None, validator=_check_wanted)
    database: str | None = attrs.field(default=None, validator=_check_wanted)
    peek = 10000

    def _read(self, data: bytes) -> Found:
        user, database = _startup(Reader(data, self.peek))
        if self.user not in {None, user} or self.database not in {None, database}:
            return False
        return {"user": user, "database": database}


def _startup(reader: Reader) -> tuple[str, str]:
    """User and database of a StartupMessage (PostgreSQL, "Message Formats"); of a name given twice the last counts."""
    size = reader.number(4)
    if reader.number(2) != 3:
        raise Misfit
    reader.take(2)  # the minor version
    items = reader.take(max(size - 8, 0)).split(b"\0")  # name, value, name, value, ..., and two empty ones at the end
    names, values = items[:-2:2], items[1:-2:2]
    if items[-2:] != [b"", b""] or len(names) != len(values) or b"" in names:
        raise Misfit
    given = dict(zip(names, values, strict=True))
    user = given.get(b"user", b"").decode()
    if not user:
        raise Misfit
    return user, given.get(b"database", b"").decode() or user


def _patterns(patterns: tuple[Any, ...]) -> tuple[str, ...]:
    wrong = [pattern for pattern in patterns if not isinstance(pattern, str)]
    if wrong:
        raise ConfigError(f"MQTTClientID: patterns: {one!r} is not a text; write 'sensor-*'" for one in wrong)
    return patterns


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class MQTTClientID(_Leading):
    """Matches MQTT clients by their client identifier: `MQTTClientID("gateway", "sensor-*")`; any without patterns.

    `*` stands for any characters, `?` for one and `[ab]` for one of those; case counts. Captures `client_id`, which
    is empty where the client leaves it to the broker. MQTT 3.1, 3.1.1 and 5, in the clear; the identifier must end
    within the first 4096 bytes. Raises `ConfigError` for a pattern that is not a text.
    """

    patterns: tuple[str, ...] = attrs.field(converter=_patterns)
    peek = 4096

    def __init__(self, *patterns: str) -> None:
        self.__attrs_init__(patterns)

    def _read(self, data: bytes) -> Found:
        name = _client_id(Reader(data, self.peek))
        if self.patterns and not any(fnmatchcase(name, pattern) for pattern in self.patterns):
            return False
        return {"client_id": name}


def _client_id(reader: Reader) -> str:
    """The client identifier of a CONNECT packet (MQTT 3.1.1 and 5.0, section 3.1)."""
    if reader.number(1) != 0x10:
        raise Misfit
    reader.narrow(_varint(reader))
    version = reader.vector(2), reader.number(1)
    if version not in {(b"MQIsdp", 3), (b"MQTT", 4), (b"MQTT", 5)}:
        raise Misfit
    reader.take(3)  # flags, keep alive
    if version[1] == 5:
        reader.take(_varint(reader))  # properties
    name = reader.vector(2).decode()
    if "\0" in name:
        raise Misfit  # MQTT 5.0, 1.5.4
    return name


def _varint(reader: Reader) -> int:
    """A number of one to four bytes, the lowest seven bits first (MQTT 5.0, 1.5.5)."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = reader.number(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise Misfit


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class Redis(_Leading):
    """Matches Redis clients: a command as an array of strings, or one of AUTH, HELLO, INFO, PING and QUIT in a line."""

    peek = 11

    def _read(self, data: bytes) -> Found:
        if data.startswith(b"*"):
            return bool(_REDIS_ARRAY.match(data)) or (MORE if _REDIS_ARRAY_BEGUN.fullmatch(data) else False)
        word = re.split(rb"[ \r\n]", data, maxsplit=1)[0].upper()
        if word != data.upper():
            return word in _REDIS_INLINE
        return MORE if any(command.startswith(word) for command in _REDIS_INLINE) else False


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class SSH(_Leading):
    """Matches SSH 2 clients by their identification line, of at most 255 bytes (RFC 4253 4.2); captures `software`."""

    peek = 255

    def _read(self, data: bytes) -> Found:
        begun = _begins(data, b"SSH-2.0-")
        if begun is not True or b"\n" not in data:
            return MORE if begun is True else begun
        found = _SSH.match(data)
        return {"software": found[1].decode("ascii")} if found else False
