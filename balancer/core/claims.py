"""What trusted proxies claim of who asked: X-Forwarded-* and Forwarded, read from the nearest proxy on (RFC 7239).

Pure, and as sceptical as it can be: what a proxy said is believed as far as each one on the way is trusted, and what is
malformed ends the way. Refuses to know what comes of a claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import islice
from typing import Final, Protocol

import attrs

from balancer.core.messages import WORD, Fields

Node = tuple[str, int]
"""An address, an IPv4 one always as such, and a port, 0 when it was not told."""

CLAIMS: Final = frozenset({
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"
})  # fmt: skip
"""The names of the fields that claim something."""
_FARTHEST: Final = 32
"""Proxies in a row that are asked; nobody has more, and somebody who is trusted may list what he likes."""
_QUOTED: Final = r'"((?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+)"'
_PAIR: Final = re.compile(rf"(?:({WORD})=(?:({WORD})|{_QUOTED}))?+[ \t]*+(?:([,;])[ \t]*+|\Z)")
_ESCAPED: Final = re.compile(r"\\(.)")
_NODE: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]++)\]|([0-9.]++))(?::([0-9]{1,5}))?+")


class Listed(Protocol):
    """Addresses that are trusted."""

    def __contains__(self, host: str, /) -> bool: ...


@attrs.frozen
class Claim:
    """Who asked, by which way and how; what nobody claims is empty."""

    way: tuple[Node, ...] = ()
    """The client first, then the proxies up to the one before the peer that claims it."""
    scheme: str = ""
    host: str = ""


def claim_in(fields: Fields, trusted: Listed) -> Claim:
    """What these fields of a request from a trusted peer claim; of X-Forwarded-For and Forwarded the first counts."""
    listed = ",".join(said(fields, "x-forwarded-for"))
    way, nearest = _way(_entries(listed) if listed else _elements(said(fields, "forwarded")), trusted)
    return Claim(
        way,
        scheme=_once(fields, "x-forwarded-proto") or nearest.get("proto", ""),
        host=_once(fields, "x-forwarded-host") or nearest.get("host", ""),
    )


def said(fields: Fields, name: str) -> list[str]:
    """The values of that name."""
    return [value for key, value in fields if key == name]


@lru_cache(1024)
def node_of(text: str) -> Node | None:
    """The address in an entry, with its port if there is one; None for everything else (RFC 7239 6)."""
    match = _NODE.fullmatch(text)
    host, port = (match[1] or match[2], int(match[3] or 0)) if match else (text, 0)
    if port > 65535 or "%" in host:  # a zone means nothing elsewhere
        return None
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address), port


def _once(fields: Fields, name: str) -> str:
    values = said(fields, name)
    return values[0] if len(values) == 1 else ""


def _way(elements: Iterable[Mapping[str, str]], trusted: Listed) -> tuple[tuple[Node, ...], Mapping[str, str]]:
    """The nodes that are believed, and the last element that somebody trusted wrote; `elements` begin at our end."""
    nodes: list[Node] = []
    last: Mapping[str, str] = {}
    for element in islice(elements, _FARTHEST):
        last = element
        node = node_of(element.get("for", ""))
        if node is None:
            break
        nodes.append(node)
        if node[0] not in trusted:
            break
    return tuple(reversed(nodes)), last


def _entries(listed: str) -> Iterator[Mapping[str, str]]:
    """The elements that the entries of X-Forwarded-For amount to, the last first."""
    return ({"for": entry.strip(" \t")} for entry in reversed(listed.rsplit(",", _FARTHEST)))


def _elements(lines: list[str]) -> Iterator[Mapping[str, str]]:
    """The elements of Forwarded, the last first, up to a line that is malformed."""
    for line in reversed(lines):
        elements = elements_of(line)
        if elements is None:
            return
        yield from reversed(elements)


def elements_of(line: str) -> list[dict[str, str]] | None:
    """The elements of a Forwarded field, each by parameter; None when it is malformed (RFC 7239 4)."""
    elements: list[dict[str, str]] = [{}]
    start = 0
    while start < len(line):
        match = _PAIR.match(line, start)
        if match is None:
            return None
        name, token, quoted, separator = match.groups()
        if name is not None:
            if name.lower() in elements[-1]:
                return None
            elements[-1][name.lower()] = _ESCAPED.sub(r"\1", quoted) if token is None else token
        if separator == ",":
            elements.append({})
        start = match.end()
    return elements
