"""A health check that speaks as a client of PostgreSQL does first; refuses to know any data.

The protocol is version 3.0 (PostgreSQL's manual, "Frontend/Backend Protocol"): TLS, if any, is the pool's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from typing import ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.dialogue import Dialogue, dialogue, shown
from balancer.plugins.scram import MECHANISM, Scram
from balancer.plugins.settings import NO_TEXT, is_text, told, told_secret

_VERSION: Final = (3 << 16).to_bytes(4, "big")
_NOBODY: Final = "balancer"
_GOODBYE: Final = b"X\0\0\0\x04"
_LARGEST: Final = 32768
_IN_PASSING: Final = b"KNSTCIvA"
"""Kinds of message that change nothing here: keys, notices, settings, ends of queries, versions, news."""

_KINDS: Final = _IN_PASSING + b"RZDE"
_ALIVE: Final = ("28", "3D")
"""Classes of errors by which a server refuses a user or a database, and so is at work."""

_IN_RECOVERY: Final = "select pg_is_in_recovery()"


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(kw_only=True)
class PostgresCheck:
    """Healthy when a PostgreSQL lets in `user`; whether it is in recovery becomes the tag "primary" or "standby".

    With a `query` the first value of its answer must be there, and neither false nor null. The `password` proves us by
    SCRAM-SHA-256 or MD5, and is said as it is only over TLS or a unix socket. Without a `user` nobody is let in: a
    server that asks who we are, or refuses somebody named "balancer", is healthy, and has no tag. One that is starting
    up or has no connection left is not. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP})

    user: str | None = None
    database: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    query: str | None = None

    def __attrs_post_init__(self) -> None:
        told_secret(self, self.password)
        optional = {name: getattr(self, name) for name in ("user", "database", "query")}
        told(self, **{name: (given is None or is_text(given), NO_TEXT) for name, given in optional.items()})
        idle = "would be ignored without a user; give both or none"
        told(self, **{name: (given is None or self.user is not None, idle) for name, given in optional.items()})
        if self.password is not None and self.user is None:
            raise ConfigError([f"PostgresCheck: password: it {idle}"])

    async def check(self, target: ICheckTarget) -> Report | None:
        async with dialogue(target) as talk:
            talk.say(self._startup())
            session = _Session(talk)
            if self.user is None:
                await _alive(session)
                return None
            login = _Login(session, self.user, self.password, private=target.private)
            await login.succeed()
            return await self._asked(session)

    def _startup(self) -> bytes:
        told_of = {"user": self.user or _NOBODY, "database": self.database, "application_name": _NOBODY}
        words = [word for name, value in told_of.items() if value is not None for word in (name, value)]
        body = _VERSION + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        return (len(body) + 4).to_bytes(4, "big") + body

    async def _asked(self, session: _Session) -> Report:
        standby = await session.ask(_IN_RECOVERY) == b"t"
        if self.query is not None:
            value = await session.ask(self.query)
            if value in {None, b"f"}:
                raise CheckFailed(f"query: expected a value that is not false, got {shown(value or b'')}")
        role = "standby" if standby else "primary"
        return Report(tags=frozenset({role}), detail=role)


class _Refused(CheckFailed):
    """The server answered with an error; `code` is its SQLSTATE."""

    def __init__(self, body: bytes) -> None:
        fields = {part[:1]: part[1:] for part in body.split(b"\0")}
        severity, code, message = (fields.get(key, b"") for key in (b"S", b"C", b"M"))
        self.code = code.decode(errors="replace")
        super().__init__(shown(b"%s %s: %s" % (severity, code, message)))


@attrs.frozen
class _Session:
    """What comes from the server, message by message."""

    talk: Dialogue

    async def next(self) -> tuple[bytes, bytes]:
        """The kind and the body of the next message that matters. Raises `CheckFailed` for an error."""
        kind, body = await self._message()
        while kind in _IN_PASSING:
            kind, body = await self._message()
        if kind == b"E":
            raise _Refused(body)
        return kind, body

    async def _message(self) -> tuple[bytes, bytes]:
        head = await self.talk.exactly(5, "an answer of PostgreSQL")
        length = int.from_bytes(head[1:], "big") - 4
        if head[:1] not in _KINDS or not 0 <= length <= _LARGEST:
            raise CheckFailed(f"expected an answer of PostgreSQL, got {shown(head)}")
        return head[:1], await self.talk.exactly(length, "an answer of PostgreSQL")

    def say(self, kind: bytes, body: bytes) -> None:
        """Send a message."""
        self.talk.say(kind + (len(body) + 4).to_bytes(4, "big") + body)

    async def ask(self, query: str) -> bytes | None:
        """The first value of the first row that a query answers, or None."""
        self.say(b"Q", query.encode() + b"\0")
        rows: list[bytes] = []
        kind, body = await self.next()
        while kind != b"Z":
            rows.append(body)
            kind, body = await self.next()
        return _first(rows[0]) if rows else None


def _first(row: bytes) -> bytes | None:
    """The first of the values in a row; each comes after its length, which is -1 for null."""
    length = int.from_bytes(row[2:6], "big", signed=True)
    return row[6 : 6 + length] if length >= 0 and row[:2] > b"\0\0" else None


async def _alive(session: _Session) -> None:
    """Be content with what a server says that is at work, be it that we may not come in."""
    try:
        kind, body = await session.next()
    except _Refused as refused:
        if refused.code.startswith(_ALIVE):
            return
        raise
    if kind != b"R":
        raise CheckFailed(f"expected to be asked who we are, got {shown(kind + body)}")
    if body == bytes(4):
        session.talk.goodbye = _GOODBYE


@attrs.frozen
class _Login:
    """Lets the server have the proof that it asks for."""

    session: _Session
    user: str
    password: str | None
    private: bool = attrs.field(kw_only=True)

    async def succeed(self) -> None:
        """Come in. Raises `CheckFailed`."""
        ways: dict[int, Callable[[bytes, str], Awaitable[None]]] = {3: self._plain, 5: self._md5, 10: self._scram}
        method, rest = await self._asked()
        if method:
            if method not in ways:
                raise CheckFailed(
                    f"it asks for a proof of kind {method}, which is none of SCRAM-SHA-256, MD5, password"
                )
            if self.password is None:
                raise CheckFailed(f"it asks {self.user!r} for a password; give one")
            await ways[method](rest, self.password)
            method, rest = await self._asked()
        if method:
            raise CheckFailed(f"expected to be let in, got {shown(rest)}")
        self.session.talk.goodbye = _GOODBYE
        await self.session.next()

    async def _asked(self) -> tuple[int, bytes]:
        """What the server asks for, 0 for nothing more, and what it says to that."""
        kind, body = await self.session.next()
        if kind != b"R" or len(body) < 4:
            raise CheckFailed(f"expected to be asked who we are, got {shown(kind + body)}")
        return int.from_bytes(body[:4], "big"), body[4:]

    async def _plain(self, _rest: bytes, password: str) -> None:
        if not self.private:
            raise CheckFailed("it asks for the password in the clear; give the pool tls=..., or use SCRAM-SHA-256")
        self._say(password.encode() + b"\0")

    async def _md5(self, salt: bytes, password: str) -> None:
        inner = _md5(password.encode() + self.user.encode())
        self._say(b"md5" + _md5(inner + salt) + b"\0")

    async def _scram(self, mechanisms: bytes, password: str) -> None:
        if MECHANISM not in mechanisms.split(b"\0"):
            raise CheckFailed(f"expected to be asked for {MECHANISM.decode()}, got {shown(mechanisms)}")
        scram = Scram(password, token_urlsafe(18).encode())
        first = scram.first()
        self._say(MECHANISM + b"\0" + len(first).to_bytes(4, "big") + first)
        self._say(scram.final(await self._step(11)))
        scram.verify(await self._step(12))

    async def _step(self, expected: int) -> bytes:
        method, rest = await self._asked()
        if method != expected:
            raise CheckFailed(f"expected step {expected} of SCRAM-SHA-256, got {method}")
        return rest

    def _say(self, proof: bytes) -> None:
        self.session.say(b"p", proof)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
