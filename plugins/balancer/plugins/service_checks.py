"""Health checks that speak as clients of mail servers and MQTT brokers do first; refuses to know any message."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.dialogue import Dialogue, dialogue, shown
from balancer.plugins.settings import is_text, told, told_secret

_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|\[IPv6:[0-9A-Fa-f:.]+\]"


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class SMTPCheck:
    """Healthy when a mail server greets and answers EHLO (RFC 5321 4.1); then it is told QUIT.

    `helo` is what we call ourselves: a host name, or an address in brackets. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP})

    helo: str = attrs.field(default="localhost", kw_only=True)

    def __attrs_post_init__(self) -> None:
        sound = isinstance(self.helo, str) and re.fullmatch(_HOST, self.helo) is not None
        told(self, helo=(sound, "is neither a host name nor an address in brackets; give such as 'lb.example.com'"))

    async def check(self, target: ICheckTarget) -> None:
        async with dialogue(target) as talk:
            await _reply(talk, "a greeting", b"220")
            talk.goodbye = b"QUIT\r\n"
            talk.say(b"EHLO %s\r\n" % self.helo.encode())
            await _reply(talk, "an answer to EHLO", b"250")
            talk.goodbye = b""
            talk.say(b"QUIT\r\n")
            await _reply(talk, "an answer to QUIT", b"221")


async def _reply(talk: Dialogue, what: str, code: bytes) -> None:
    """All lines of a reply, of which each but the last has a hyphen behind its code (RFC 5321 4.2.1)."""
    line = await talk.line(what)
    while line[:4] == code + b"-":
        line = await talk.line(what)
    if line[:4].rstrip() != code:
        raise CheckFailed(f"expected {code.decode()} as {what}, got {shown(line)}")


_CONNACK: Final = 0x20
_DISCONNECT: Final = b"\xe0\0"
_LARGEST: Final = 4096
_REFUSALS: Final = {
    1: "it does not speak this version",
    2: "it takes no client without a name",
    3: "it is not available",
    4: "it does not know user and password",
    5: "it does not let us in",
    0x84: "it does not speak this version",
    0x85: "it takes no client without a name",
    0x86: "it does not know user and password",
    0x87: "it does not let us in",
    0x88: "it is not available",
    0x89: "it is busy",
    0x97: "its quota is used up",
    0x9F: "it has had too many connections of late",
}
"""What a broker refuses us for, in version 4 (3.2.2.3) and in version 5 (3.2.2.2)."""


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(kw_only=True)
class MQTTCheck:
    """Healthy when an MQTT broker lets us in, as a client without a name, of which nothing is kept.

    `version` 4 is MQTT 3.1.1, which nearly every broker speaks, and 5 is MQTT 5. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP})

    version: Literal[4, 5] = 4
    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        told_secret(self, self.password)
        no_user = self.user is None and self.password is not None
        told(
            self,
            version=(self.version in {4, 5}, "is no version; give 4, which is MQTT 3.1.1, or 5"),
            user=(
                is_text(self.user) if self.user is not None else not no_user,
                "is no name that could be logged in with; give one in quotes, also where there is only a password",
            ),
        )

    async def check(self, target: ICheckTarget) -> None:
        async with dialogue(target) as talk:
            talk.say(self._connect())
            code = (await _packet(talk))[1]
            if code:
                raise CheckFailed(f"it refuses: {_REFUSALS.get(code, 'for another reason')} (code {code:#x})")
            talk.goodbye = _DISCONNECT

    def _connect(self) -> bytes:
        """CONNECT with a clean session, and a minute in which we need not say anything."""
        flags = 0x02 | (0x80 if self.user is not None else 0) | (0x40 if self.password is not None else 0)
        properties = b"\0" if self.version == 5 else b""
        texts = [text for text in ("", self.user, self.password) if text is not None]
        body = _text("MQTT") + bytes([self.version, flags, 0, 60]) + properties + b"".join(map(_text, texts))
        return b"\x10" + _length(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _length(number: int) -> bytes:
    """Seven bits to a byte, the low ones first (MQTT 5, 1.5.5)."""
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _length(high) if high else bytes([low])


async def _packet(talk: Dialogue) -> bytes:
    """The body of the CONNACK: whether a session is gone on with, then why we are refused, 0 if we are not."""
    head = await talk.take(_head, "a CONNACK")
    length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(head[1:]))
    if head[0] != _CONNACK or not 2 <= length <= _LARGEST:
        raise CheckFailed(f"expected a CONNACK, got {shown(head)}")
    return await talk.exactly(length, "a CONNACK")


def _head(heard: bytearray) -> int | None:
    """How long the first bytes of a packet are: its kind, and up to four for its length."""
    for end in range(2, 6):
        if len(heard) < end:
            return None
        if heard[end - 1] < 0x80:
            return end
    return 5
