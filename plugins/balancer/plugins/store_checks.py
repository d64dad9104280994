"""Health checks that speak as a client of Redis, or of MySQL and MariaDB, does first; refuses to know any data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.dialogue import Dialogue, dialogue, shown
from balancer.plugins.settings import NO_TEXT, is_text, told, told_secret

_ROLES: Final = {b"master": "primary", b"slave": "replica"}
_LARGEST: Final = 16384


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(kw_only=True)
class RedisCheck:
    """Healthy when a Redis, or a Valkey, answers PING; one that is loading its data does not.

    What it says of its role becomes the tag "primary" or "replica"; with `role` it must be that to be healthy. One that
    does not tell has no such tag. With `password`, and `user` if it is not the default one, it is logged in to before.
    Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP})

    password: str | None = attrs.field(default=None, repr=False)
    user: str | None = None
    role: Literal["primary", "replica"] | None = None

    def __attrs_post_init__(self) -> None:
        told_secret(self, self.password)
        told(
            self,
            user=(self.user is None or is_text(self.user), NO_TEXT),
            role=(self.role in {None, *_ROLES.values()}, "is no role; give 'primary', 'replica', or leave it out"),
        )
        needless = self.user is not None and self.password is None
        told(self, user=(not needless, "would be ignored without a password; give both or none"))

    async def check(self, target: ICheckTarget) -> Report:
        async with dialogue(target) as talk:
            talk.say(b"".join(self._commands()))
            if self.password is not None:
                await _simple(talk, "AUTH", b"+OK")
            await _simple(talk, "PING", b"+PONG")
            role, detail = await _role(talk)
        if self.role not in {None, role}:
            raise CheckFailed(f"it is {detail}, expected {self.role}")
        return Report(tags=frozenset({role} - {""}), detail=detail)

    def _commands(self) -> Iterator[bytes]:
        if self.password is not None:
            yield _command("AUTH", *filter(None, (self.user, self.password)))
        yield _command("PING")
        yield _command("ROLE")


def _command(*words: str) -> bytes:
    """A request, as an array of bulk strings, in which any bytes can stand."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


async def _simple(talk: Dialogue, command: str, expected: bytes) -> None:
    answer = await talk.line(f"an answer to {command}")
    if answer != expected:
        raise CheckFailed(f"{command}: expected {shown(expected)}, got {shown(answer)}")


async def _role(talk: Dialogue) -> tuple[str, str]:
    """The role, as a tag, and what is to be told of it; no tag where it is another, or is not told."""
    answer = await talk.line("an answer to ROLE")
    if not answer.startswith(b"*"):
        return "", f"without a role: {shown(answer)}"
    await talk.line("the length of a role")
    name = await talk.line("a role")
    role = _ROLES.get(name, "")
    return role, role or shown(name)


_PROTOCOL_41: Final = 0x200 | 0x8000 | 0x80000
"""What we can do: speak as since version 4.1, prove ourselves as since then, and in the way that the server names."""

_NATIVE: Final = b"mysql_native_password"
_GOODBYE: Final = b"\x01\0\0\0\x01"


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(kw_only=True)
class MySQLCheck:
    """Healthy when a MySQL or MariaDB greets, and lets in `user`, who has no password, if one is given.

    Without a user the check leaves after the greeting, and servers count that as an error of this host: after
    `max_connect_errors` of them, with no other session in between, they refuse it. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP})

    user: str | None = None

    def __attrs_post_init__(self) -> None:
        told(self, user=(self.user is None or is_text(self.user), NO_TEXT))

    async def check(self, target: ICheckTarget) -> None:
        async with dialogue(target) as talk:
            _, greeting = await _packet(talk, "a greeting")
            if greeting[:1] != b"\x0a":
                raise CheckFailed(f"expected a greeting of protocol 10, got {shown(greeting)}")
            if self.user is not None:
                await _log_in(talk, self.user)


async def _log_in(talk: Dialogue, user: str) -> None:
    """Come in without a password."""
    hello = _PROTOCOL_41.to_bytes(4, "little") + (2**24).to_bytes(4, "little") + b"\x21" + bytes(23)
    _say(talk, 1, hello + user.encode() + b"\0\0" + _NATIVE + b"\0")
    number, answer = await _packet(talk, "an answer to the login")
    if answer[:1] == b"\xfe":  # it wants to know in another way that there is no password
        way = answer[1:].partition(b"\0")[0]
        _say(talk, number + 1, b"" if way == _NATIVE else b"\0")
        _, answer = await _packet(talk, "an answer to the login")
    if answer[:1] != b"\0":
        raise CheckFailed(f"expected a login without a password, got {shown(answer)}")
    talk.goodbye = _GOODBYE


def _say(talk: Dialogue, number: int, payload: bytes) -> None:
    talk.say(len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload)


async def _packet(talk: Dialogue, what: str) -> tuple[int, bytes]:
    """The next packet, by its number and what is in it. Raises `CheckFailed` for an error of the server's."""
    head = await talk.exactly(4, what)
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= _LARGEST:
        raise CheckFailed(f"expected {what}, got {shown(head)}")
    payload = await talk.exactly(length, what)
    if payload[:1] == b"\xff":
        text = re.sub(rb"^#.{5}", b"", payload[3:])
        raise CheckFailed(f"error {int.from_bytes(payload[1:3], 'little')}: {shown(text)}")
    return head[3], payload
