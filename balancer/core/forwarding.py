"""What backends are told of who asks and how: X-Forwarded-*, Forwarded, Via, X-Request-Id (RFC 7239, RFC 9110 7.6.3).

What is the same for the requests of a connection is made once for it, and what is the same for connections is known.
Refuses to know which other fields travel on, and where the address of a client is known from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from random import Random
from typing import Final, Protocol

import attrs

from balancer.core.claims import CLAIMS, Claim, Node, claim_in, said
from balancer.core.headers import COUNTS_HOPS, NAME_OF, passed_on
from balancer.core.http1_memory import Memory
from balancer.core.messages import WORD, Fields, RequestHead, Upward
from balancer.core.sources import Sources

UNIX: Final = "unix"
"""What stands for all that connect over a unix socket, where addresses are listed."""

Spelled = tuple[Fields, str]
"""Fields, and the same as lines to be sent."""

_REMEMBERED: Final = 1024
_FOR: Final = "x-forwarded-for"
_SINGLE: Final = frozenset({"x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"})
_PORTS: Final = {"http": "80", "https": "443"}
_PORT: Final = re.compile(r":([0-9]{1,5})\Z")
_ID_NAME: Final = "x-request-id"
_ID: Final = re.compile(r"[0-9A-Za-z\-._~+/=:@]{1,128}")
_TOKEN: Final = re.compile(WORD)
_TO_ESCAPE: Final = re.compile(r'["\\]')


class Trusted:
    """The proxies whose word is taken: addresses, networks, and `UNIX`. Raises what `Sources` raises."""

    def __init__(self, listed: Iterable[str]) -> None:
        names = set(listed)
        self._over_unix = UNIX in names
        # Requests of many clients come over few proxies, and to look a network up takes as long as all the rest.
        self._listed = lru_cache(_REMEMBERED)(Sources(names - {UNIX}).__contains__)

    def __contains__(self, host: str) -> bool:
        """Whether the host, an IP address or empty for a unix socket, is one of them."""
        return self._listed(host) if host else self._over_unix


class Forwarder(Protocol):
    """Makes the requests of one connection fit for backends."""

    client: Node
    """Who asks, by the latest request."""

    def forward(self, head: RequestHead) -> RequestHead:
        """The request as a backend may see it, over the scheme that its client used."""


@attrs.frozen(eq=False)
class Forwarding:
    """What a listener wants backends to be told.

    `port` is where it listens, 0 when that is not known. `via` is our name in Via, None to leave that alone,
    `forwarded` whether Forwarded is sent, and `request_ids` where values for X-Request-Id come from, if any shall.
    """

    port: int = 0
    trusted: Trusted | None = None
    via: str | None = None
    forwarded: bool = False
    request_ids: Random | None = None
    known: Memory[Spelled] = attrs.field(init=False, factory=Memory, repr=False)
    """What is told of clients that come again and again."""

    def for_client(self, client: Node, port: int = 0, scheme: str = "http") -> Forwarder:
        """For a connection from there. It came in at `port`, where this is known better than by the listener."""
        hop = _Client(self, client, port or self.port, scheme)
        return hop if self.trusted is None or client[0] not in self.trusted else _Proxy(hop, self.trusted)


class _Client:
    """One whose word counts for nothing: all its requests are its own."""

    __slots__ = ("_asked", "_port", "_said", "client", "forwarding", "scheme")

    def __init__(self, forwarding: Forwarding, client: Node, port: int, scheme: str) -> None:
        self.client, self.forwarding, self.scheme = client, forwarding, scheme
        self._port = port
        self._asked = ("", "")
        self._said: Spelled = ((), "")

    def forward(self, head: RequestHead) -> RequestHead:
        """See `Forwarder`."""
        block = head.block
        if block is None or block.upward is None or head.method in COUNTS_HOPS:
            kept, kept_lines, numbered = _kept(head)
        else:
            kept, kept_lines, numbered = block.upward
        said, said_lines = self.told(head)
        ids = self.forwarding.request_ids
        if ids is None or numbered:
            return _fit(head, (kept + said, kept_lines + said_lines), self.forwarding, self.scheme)
        made = _new_id(ids)  # the usual case, in one piece
        head.scheme, head.fields = self.scheme, (*kept, *said, (_ID_NAME, made))
        head.lines = f"{kept_lines}{said_lines}{_ID_NAME}: {made}\r\n"
        return head

    def told(self, head: RequestHead) -> Spelled:
        """What backends are told of it; kept, since a client hardly ever changes authority and version."""
        authority, version = self._asked
        if head.authority != authority or head.version != version:
            self._asked, self._said = (head.authority, head.version), self._recall(head)
        return self._said

    def _recall(self, head: RequestHead) -> Spelled:
        """The same for all connections that agree in these, of which only the last may hold a space."""
        known = self.forwarding.known
        key = f"{self.client[0]} {self._port} {self.scheme} {head.version} {head.authority}"
        spelled = known.get(key)
        if spelled is None:
            spelled = _spelled(self._tell(head))
            known.keep(key, spelled)
        return spelled

    def _tell(self, head: RequestHead) -> Fields:
        forwarding, address = self.forwarding, bare(self.client[0])
        told = [
            (_FOR, address),
            ("x-forwarded-proto", self.scheme),
            ("x-forwarded-host", head.authority),
            ("x-forwarded-port", str(self._port or "")),
        ]
        if forwarding.forwarded:
            told.append(("forwarded", element(address, head.authority, self.scheme)))
        if forwarding.via is not None:
            told.append(("via", f"{head.version} {forwarding.via}"))
        return tuple([field for field in told if field[1]])


class _Proxy:
    """One that is believed: what it says of a request stands, and is continued with what we know of the proxy."""

    __slots__ = ("_hop", "_trusted", "client")

    def __init__(self, hop: _Client, trusted: Trusted) -> None:
        self.client = hop.client
        self._hop, self._trusted = hop, trusted

    def forward(self, head: RequestHead) -> RequestHead:
        """See `Forwarder`."""
        fields = passed_on(head, trusted=True)
        claims = tuple([field for field in fields if field[0] in CLAIMS and field[1]])
        claim = claim_in(claims, self._trusted)
        self.client = claim.way[0] if claim.way else self._hop.client
        kept = [field for field in fields if field[0] not in CLAIMS]
        given = {name for name in _SINGLE if len(said(claims, name)) == 1}  # of two neither counts
        kept += [field for field in claims if field[0] == "forwarded" or field[0] in given]
        kept += [field for field in _continued(self._hop.told(head)[0], claim, claims) if field[0] not in given]
        scheme = claim.scheme.lower()
        scheme = scheme if scheme in _PORTS else self._hop.scheme
        return _fit(head, _spelled(tuple(kept)), self._hop.forwarding, scheme)


def _spelled(fields: Fields) -> Spelled:
    return fields, "".join([f"{name}: {value}\r\n" for name, value in fields])


def _kept(head: RequestHead) -> Upward:
    """What of a stranger's request travels on; found out once for the requests that have the same fields."""
    fields = passed_on(head)
    upward = (*_spelled(fields), _ID_NAME in map(NAME_OF, fields))
    if head.block is not None and head.method not in COUNTS_HOPS:
        head.block.upward = upward
    return upward


def _continued(hop: Fields, claim: Claim, claims: Fields) -> Fields:
    """What is added, or put in the place of what was claimed: that, and `hop`, which tells of the proxy itself."""
    told = dict(hop)
    way = [address for address, _ in claim.way]
    told[_FOR] = ", ".join([*(said(claims, _FOR) or way), *[value for name, value in hop if name == _FOR]])
    if claim.scheme or claim.host:
        scheme, host = claim.scheme or told["x-forwarded-proto"], claim.host or told.get("x-forwarded-host", "")
        told |= {"x-forwarded-proto": scheme, "x-forwarded-host": host}
        told["x-forwarded-port"] = _port(host, scheme) or told.get("x-forwarded-port", "")
    if way and "forwarded" in told and not said(claims, "forwarded"):
        first = element(way[0], claim.host, claim.scheme)
        told["forwarded"] = ", ".join([first, *map(element, way[1:]), told["forwarded"]])
    return tuple([field for field in told.items() if field[1]])


def bare(host: str) -> str:
    """An address as others may read it: an IPv4 address as such, though mapped into IPv6, and without its zone."""
    return host.removeprefix("::ffff:") if "." in host else host.partition("%")[0]


def element(address: str, host: str = "", scheme: str = "") -> str:
    """An element of Forwarded, of what is known (RFC 7239 4); IPv6 addresses are quoted, in brackets (section 6)."""
    node = f"[{address}]" if ":" in address else address or "unknown"
    told = (("for", node), ("host", host), ("proto", scheme))
    return ";".join([f"{name}={_quoted(value)}" for name, value in told if value])


def _quoted(value: str) -> str:
    return value if _TOKEN.fullmatch(value) else '"' + _TO_ESCAPE.sub(r"\\\g<0>", value) + '"'


def _port(host: str, scheme: str) -> str:
    """The port that somebody connected to who went to that host by that scheme; empty for an unknown one."""
    found = _PORT.search(host)
    return found[1] if found else _PORTS.get(scheme.lower(), "")


def _identified(spelled: Spelled, ids: Random) -> Spelled:
    """The fields with one X-Request-Id: that of the client if it can be put into a log, else a new one."""
    fields, lines = spelled
    if _ID_NAME in map(NAME_OF, fields):
        known = said(fields, _ID_NAME)
        if len(known) == 1 and _ID.fullmatch(known[0]):
            return spelled
        fields, lines = _spelled(tuple([field for field in fields if field[0] != _ID_NAME]))
    made = _new_id(ids)
    return (*fields, (_ID_NAME, made)), f"{lines}{_ID_NAME}: {made}\r\n"


def _new_id(ids: Random) -> str:
    """128 bits in hexadecimal; by way of bytes, since to format so long a number takes three times as long."""
    return ids.getrandbits(128).to_bytes(16, "big").hex()


def _fit(head: RequestHead, spelled: Spelled, forwarding: Forwarding, scheme: str) -> RequestHead:
    """The head with these fields instead; nobody else has it yet."""
    fields, lines = spelled if forwarding.request_ids is None else _identified(spelled, forwarding.request_ids)
    head.scheme, head.fields, head.lines = scheme, fields, lines
    return head
