"""Matchers on the first datagram of a UDP flow: names asked of DNS, tokens and QUIC.

Each sees one datagram, whole, as it was sent. They match no session that is not a UDP flow, and cannot be made to
raise. What belongs together whatever address it comes from is for `flow_keys`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.hello import Misfit, Reader, Short
from balancer.core.quic import LongHeader, read_long_header
from balancer.errors import ConfigError
from balancer.interfaces import Found, IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?|\.", re.ASCII | re.IGNORECASE)
_UNPRINTED: Final = re.compile(rb"[^!#-'*-\-/-:<-?A-\[\]-~]")
_LONGEST_NAME: Final = 255  # bytes, with the lengths of the labels (RFC 1035 2.3.4)
_SMALLEST_INITIAL: Final = 1200  # bytes of a datagram with a client's Initial packet (RFC 9000 14.1)


class _OfDatagram(Matcher):
    """What they share: the kind of session, and that a datagram of another form does not match."""

    peek = 0
    always = False
    kinds = frozenset({Kind.UDP})

    def matches(self, session: ISession) -> Found:
        """See `IMatcher`."""
        if session.kind is not Kind.UDP:
            return False
        try:
            return self._judge(session.peek)
        except (Misfit, Short):
            return False

    @abstractmethod
    def _judge(self, data: bytes) -> Found:
        """Judge a datagram; `Misfit` and `Short` stand for False."""


def _dns_names(names: tuple[Any, ...]) -> frozenset[str]:
    wrong = [name for name in names if not isinstance(name, str) or not _DNS_NAME.fullmatch(name)]
    if wrong or not names:
        remedy = "write 'example.com', or '*.example.com' for all below it, international names as xn--"
        raise ConfigError(f"DNSName: names: {name!r} is not a domain name; {remedy}" for name in wrong or [names])
    return frozenset(name.lower().removesuffix(".") for name in names)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class DNSName(_OfDatagram):
    r"""Matches DNS queries for one of these names: `DNSName("example.com", "*.example.com")`.

    Case and a trailing dot are of no account. `*` stands for one label or more, as in a zone (RFC 4592): the whole of
    what is below the name, and not the name itself. A query asks one question (RFC 9619). Captures `name`, in lower
    case, in which bytes that are not plain are written as in a zone file, `\032` for a space. Raises `ConfigError`
    for what cannot be a name.
    """

    names: frozenset[str] = attrs.field(converter=_dns_names, repr=lambda names: str(sorted(names)))

    def __init__(self, *names: str) -> None:
        self.__attrs_init__(names)

    def _judge(self, data: bytes) -> Found:
        labels = _question(Reader(data, len(data)))
        name = ".".join(labels)
        if name not in self.names and not any(
            f"*.{'.'.join(labels[at:])}" in self.names for at in range(1, len(labels))
        ):
            return False
        return {"name": name}


def _question(reader: Reader) -> list[str]:
    """The labels of the name that a query asks for (RFC 1035 4.1)."""
    reader.take(2)  # id
    if reader.number(2) & 0x8000 or reader.number(2) != 1:  # a response, or another number of questions
        raise Misfit
    reader.take(6)  # numbers of the other records
    labels, size = list[str](), 1
    while (length := reader.number(1)) != 0:
        size += 1 + length
        if length > 63 or size > _LONGEST_NAME:  # compressed (4.1.4), which a question has no reason to be, or too long
            raise Misfit
        labels.append(_plain(reader.take(length)))
    reader.take(4)  # type and class
    return labels


def _plain(label: bytes) -> str:
    """A label as text, which no dot in it can make look like two (RFC 1035 5.1)."""
    return _UNPRINTED.sub(lambda found: b"\\%03d" % found[0][0], label.lower()).decode("ascii")


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class Token(_OfDatagram):
    r"""Matches datagrams by the bytes at an offset: `Token(4, b"\x21\x12\xa4\x42")`, or any with `length=`.

    With several values any of them will do; all are of one length. Captures `token`, in hexadecimal. Raises
    `ConfigError` for what cannot match.
    """

    offset: int
    values: tuple[bytes, ...]
    length: int

    def __init__(self, offset: int, *values: bytes, length: int | None = None) -> None:
        wrong = list(_wrong_token("Token", offset, length, values))
        if wrong:
            raise ConfigError(wrong)
        self.__attrs_init__(offset, values, len(values[0]) if length is None else length)

    def _judge(self, data: bytes) -> Found:
        token = data[self.offset : self.offset + self.length]
        if len(token) < self.length or (self.values and token not in self.values):
            return False
        return {"token": token.hex()}


def _wrong_token(noun: str, offset: Any, length: Any, values: tuple[Any, ...]) -> list[str]:
    wrong = []
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        wrong.append(f"{noun}: offset: {offset!r} is not a number of bytes; give 0 for the first byte")
    if (length is None) is not bool(values):
        wrong.append(f"{noun}: values: give the bytes to look for, or length=, and not both")
    wrong += [f"{noun}: values: {value!r} is not bytes; write b'...'" for value in values if not _some_bytes(value)]
    if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 1):
        wrong.append(f"{noun}: length: {length!r} is not a number of bytes of at least 1")
    if not wrong and len({len(value) for value in values}) > 1:
        wrong.append(f"{noun}: values: they are not of one length; give a Token for each, joined by |")
    return wrong


def _some_bytes(value: Any) -> bool:
    return isinstance(value, bytes) and value != b""


def _versions(versions: tuple[Any, ...]) -> tuple[int, ...]:
    wrong = [one for one in versions if not isinstance(one, int) or isinstance(one, bool) or not 0 < one < 1 << 32]
    if wrong:
        raise ConfigError(f"QUIC: versions: {one!r} is not a version; write 1, or 0x6b3343cf for 2" for one in wrong)
    return versions


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class QUIC(_OfDatagram):
    """Matches clients that begin with QUIC, of one of these versions if any are given: `QUIC(1)`.

    That is a packet with a long header (RFC 8999 5.1) in a datagram of at least 1200 bytes (RFC 9000 14.1). Captures
    `version`, in hexadecimal. Raises `ConfigError` for what cannot be a version.
    """

    versions: tuple[int, ...] = attrs.field(converter=_versions)

    def __init__(self, *versions: int) -> None:
        self.__attrs_init__(versions)

    def _judge(self, data: bytes) -> Found:
        header: LongHeader | None = read_long_header(data)
        if header is None or len(data) < _SMALLEST_INITIAL:
            return False
        if self.versions and header.version not in self.versions:
            return False
        return {"version": f"{header.version:#x}"}
