"""A health check that asks a DNS server for a name; refuses to know what the answer is for."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, ClassVar, Final

import attrs
from twisted.names import dns
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.dialogue import dialogue, shown
from balancer.plugins.settings import told

_REFUSALS: Final = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_TOLD: Final = 3
_LONGEST: Final = 253
_LARGEST: Final = 4096
"""Bytes of an answer: names may refer to each other in it, so that a larger one could keep us busy."""


def _address(record: Any) -> str:
    return str(ip_address(record.address))


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _name(record: Any) -> str:
    return _text(record.name.name)


_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "A": _address,
    "AAAA": _address,
    "CNAME": _name,
    "MX": _name,
    "NS": _name,
    "PTR": _name,
    "SOA": lambda record: str(record.serial),
    "TXT": lambda record: _text(b"".join(record.data)),
}
"""The types that can be asked for, and what is expected of a record of each: for SOA the serial number."""


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class DNSCheck:
    """Healthy when a DNS server has a record of that type for a name, and `expect` is one of them if it is given.

    A pool that a UDP listener uses is asked over UDP, others over TCP. Types are A, AAAA, CNAME, MX, NS, PTR, SOA and
    TXT; what is expected is an address, a name without its last dot, a text, or of SOA the serial number. Raises
    `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.UDP, Kind.TCP})

    name: str
    type: str = "A"
    expect: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        told(
            self,
            name=(_is_name(self.name), "is no name that can be asked for; give such as 'example.com', or '.'"),
            type=(self.type in _TEXTS, f"is no type that is known here; give one of {', '.join(_TEXTS)}"),
            expect=(self.expect is None or (isinstance(self.expect, str) and self.expect != ""), "is not a text"),
        )

    async def check(self, target: ICheckTarget) -> Report:
        query = dns.Query(self.name.rstrip(".").encode(), dns.REV_TYPES[self.type])
        message = dns.Message(dns.randomSource(), recDes=1)
        message.queries = [query]
        ask = _by_datagram if Kind.UDP in target.kinds else _by_stream
        answer = _read(await ask(target, message.toStr()))
        if not answer.answer or answer.id != message.id or answer.queries != [query]:
            raise CheckFailed("expected an answer to the question, got another message")
        return self._judge(answer)

    def _judge(self, answer: dns.Message) -> Report:
        if answer.rCode != dns.OK:
            raise CheckFailed(f"{self.name} {self.type}: {_REFUSALS.get(answer.rCode, f'error {answer.rCode}')}")
        kind = dns.REV_TYPES[self.type]
        found = [_TEXTS[self.type](record.payload) for record in answer.answers if record.type == kind]
        some = ", ".join(repr(text[:_LONGEST]) for text in found[:_TOLD]) + (", ..." if found[_TOLD:] else "")
        if self.expect is None and found:
            return Report(detail=some)
        if self.expect is not None and self.expect.casefold() in map(str.casefold, found):
            return Report(detail=repr(self.expect))
        sought = "a record" if self.expect is None else repr(self.expect)
        cut = ", and the answer was cut" if answer.trunc else ""
        raise CheckFailed(f"{self.name} {self.type}: expected {sought}, got {some or 'none'}{cut}")


def _is_name(name: Any) -> bool:
    """Whether a question can have it: labels of 1 to 63 bytes, 253 in all (RFC 1035 2.3.4)."""
    if not isinstance(name, str) or not name.isascii():
        return False
    labels = name.removesuffix(".").split(".")
    return name == "." or (len(name) <= _LONGEST and all(0 < len(label) <= 63 for label in labels))


async def _by_datagram(target: ICheckTarget, question: bytes) -> bytes:
    return await target.datagram(question)


async def _by_stream(target: ICheckTarget, question: bytes) -> bytes:
    """Over TCP each message comes after its length (RFC 1035 4.2.2)."""
    async with dialogue(target) as talk:
        talk.say(len(question).to_bytes(2, "big") + question)
        length = int.from_bytes(await talk.exactly(2, "the length of an answer"), "big")
        _check_size(length)
        return await talk.exactly(length, "an answer")


def _check_size(length: int) -> None:
    if length > _LARGEST:
        raise CheckFailed(f"expected an answer of {_LARGEST} bytes at most, got {length}")


def _read(data: bytes) -> dns.Message:
    _check_size(len(data))
    message = dns.Message()
    try:
        message.fromStr(data)
    except Exception:  # noqa: BLE001  what a stranger sent, in a decoder that is not ours
        raise CheckFailed(f"expected a DNS message, got {shown(data)}") from None
    return message
