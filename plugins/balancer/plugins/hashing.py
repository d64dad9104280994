"""The same key, the same backend: by the client's address, or by anything else that a session says of itself.

Which key has which backend is the same in every process and on every machine that has the same backends, by name and
weight. Refuses to know who is up: whose backend is not there, or was tried already, has the next one in its own order.
"""

from __future__ import annotations

import random as chance
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Any, ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import RequestHead
from balancer.core.named_values import cookie_values, query_values
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Kind, Picker
from balancer.interfaces.matching import ALL_KINDS
from balancer.plugins.algorithms import ByChance, weighed
from balancer.plugins.building import Making, at_once
from balancer.plugins.hash_tables import Hashing, Ketama, Maglev, Rendezvous, Table, hashed
from balancer.plugins.rotation import Words
from balancer.plugins.settings import KEY, is_count, shown, told

__all__ = [
    "Hash",
    "Ketama",
    "Maglev",
    "Rendezvous",
    "SourceHash",
    "capture",
    "cookie",
    "header",
    "peeked",
    "query",
    "server_name",
    "source",
    "uri",
]

HEIRS: Final = 1024
"""How many steps are taken past those that the session has tried, before chance decides."""

LOOKED_AT: Final = 4096
"""How many steps are taken to tell the order in which backends have a key."""

_HTTP: Final = frozenset({Kind.HTTP})

LONGEST_SHOWN: Final = 60
"""Characters of a key that are told."""

Key = Callable[[ISession], str | bytes | None]
"""What tells one session from another; None or nothing for one that does not say."""


def _no_count(owner: str, name: str, value: Any, least: int, most: int = 65535) -> Iterator[str]:
    if not is_count(value, least, most):
        yield f"{owner}: {name}: {value!r} is not a number from {least} to {most}"


def _refuse(mistakes: Iterator[str]) -> None:
    if wrong := list(mistakes):
        raise ConfigError(wrong)


def _no_name(owner: str, name: Any) -> Iterator[str]:
    if not isinstance(name, str) or not name:
        yield f"{owner}: name: {name!r} is not a name; write it in quotes"


def _known(key: Any, text: str, kinds: frozenset[Kind] = ALL_KINDS) -> Key:
    """The key, which now shows how it is written, and tells what kinds of session have one."""
    key.__name__, key.kinds = text, kinds
    made: Key = key
    return made


def kinds_of(key: Any) -> frozenset[Kind]:
    """The kinds of session that may have such a key; of one that does not say all."""
    return frozenset(getattr(key, "kinds", ALL_KINDS))


def _of_request(values: Callable[[RequestHead], Iterator[str]], session: ISession) -> str | None:
    return None if session.request is None else next(values(session.request), None)


def header(name: str) -> Key:
    """The value of the first header field of that name. Raises `ConfigError`."""
    _refuse(_no_name("header", name))
    wanted = name.lower()

    def field(session: ISession) -> str | None:
        return None if session.request is None else session.request.get(wanted)

    return _known(field, f"header({name!r})", _HTTP)


def cookie(name: str) -> Key:
    """The value of the cookie of that name. Raises `ConfigError`."""
    _refuse(_no_name("cookie", name))
    return _known(partial(_of_request, cookie_values(name)), f"cookie({name!r})", _HTTP)


def query(name: str) -> Key:
    """The decoded value of the query's parameter of that name. Raises `ConfigError`."""
    _refuse(_no_name("query", name))
    return _known(partial(_of_request, query_values(name)), f"query({name!r})", _HTTP)


def uri(depth: int | None = None) -> Key:
    """The path of the request, without the query; of no more than `depth` segments, unless that is None.

    Raises `ConfigError`.
    """
    if depth is None:
        return _known(lambda session: None if session.request is None else session.request.path, "uri()", _HTTP)
    _refuse(_no_count("uri", "depth", depth, 1))
    segments = depth + 1

    def leading(session: ISession) -> str | None:
        return None if session.request is None else "/".join(session.request.path.split("/", segments)[:segments])

    return _known(leading, f"uri(depth={depth})", _HTTP)


def capture(name: str) -> Key:
    """What the route's matcher captured by that name. Raises `ConfigError`."""
    _refuse(_no_name("capture", name))
    return _known(lambda session: session.captures.get(name), f"capture({name!r})")


def server_name(session: ISession) -> str | None:
    """The TLS server name that the client asked for."""
    return session.server_name


def peeked(length: int, offset: int = 0) -> Key:
    """So many of the first bytes, from that one on; None of fewer.

    A datagram is there whole; a connection's bytes are as far as the route's matchers asked for them.
    Raises `ConfigError`.
    """
    _refuse(iter([*_no_count("peeked", "length", length, 1), *_no_count("peeked", "offset", offset, 0)]))

    def piece(session: ISession) -> bytes | None:
        found = session.peek[offset : offset + length]
        return found if len(found) == length else None

    return _known(piece, f"peeked({length}, {offset})")


def source(ipv6_prefix: int = 64, ipv4_prefix: int = 32) -> Key:
    """The client's address: of IPv6 so many bits, of IPv4 so many; None over a unix socket. See `SourceHash`.

    Raises `ConfigError`.
    """
    six = _no_count("source", "ipv6_prefix", ipv6_prefix, 1, 128)
    _refuse(iter([*six, *_no_count("source", "ipv4_prefix", ipv4_prefix, 1, 32)]))
    return _known(partial(_network, ipv6_prefix, ipv4_prefix), f"source({ipv6_prefix}, {ipv4_prefix})")


def _network(ipv6_prefix: int, ipv4_prefix: int, session: ISession) -> str | bytes | None:
    host = session.client[0]
    if ":" in host:
        six = IPv6Address(host.partition("%")[0])
        if six.ipv4_mapped is None:
            return (int(six) >> 128 - ipv6_prefix).to_bytes(16, "big")
        host = str(six.ipv4_mapped)
    if ipv4_prefix == 32 or not host:
        return host or None
    return (int(IPv4Address(host)) >> 32 - ipv4_prefix).to_bytes(4, "big")


_MAKERS: Final = (header, cookie, query, uri, capture, peeked, source)


def is_key(value: Any) -> bool:
    """Whether it can be asked for a session's key; what makes keys cannot, nor can the class of something."""
    return callable(value) and not isinstance(value, type) and not any(value is maker for maker in _MAKERS)


def _is_hashing(value: Any) -> bool:
    return callable(getattr(value, "table", None)) and not isinstance(value, type)


_MAGLEV: Final = Maglev()
_HASHING: Final = "is no way of hashing; give one such as Maglev(), Ketama() or Rendezvous()"


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Hash:
    """Sessions with the same key go to the same backend: `Hash(header("x-user"))`, by `Maglev` unless told otherwise.

    The key is a function of the session that returns a text, bytes or None: `header`, `cookie`, `query`, `uri`,
    `capture`, `server_name`, `peeked`, or one's own. A session without a key goes to any backend, by weight. A backend
    is known by its name: give names that last where addresses do not. Raises `ConfigError`.
    """

    key: Key = attrs.field(repr=shown)
    by: Hashing = _MAGLEV

    name: ClassVar[str] = "hash"

    @property
    def kinds(self) -> frozenset[Kind]:
        """See `IAlgorithm`."""
        return kinds_of(self.key)

    def __attrs_post_init__(self) -> None:
        told(self, key=(is_key(self.key), KEY), by=(_is_hashing(self.by), _HASHING))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return at_once(_making(self.key, self.by, backends, random))


def _making(key: Key, by: Hashing, backends: Sequence[IBackend], random: chance.Random) -> Making:
    table = yield from by.table(sorted(weighed(backends), key=lambda offer: offer[0].name))
    return _ByHash(key, table, ByChance(weighed(backends), random))


class _ByHash:
    """Looks keys up in a table."""

    __slots__ = ("_any", "_key", "_table")

    def __init__(self, key: Key, table: Table, anyone: ByChance) -> None:
        self._key, self._table, self._any = key, table, anyone

    def __call__(self, session: ISession) -> IBackend | None:
        key = self._key(session)
        if not key:
            return self._any(session)
        place = _place(key)
        owner = self._table.owner(place)
        if not session.tried or owner not in session.tried:
            return owner
        heirs, tried = islice(self._table.heirs(place), HEIRS), frozenset(session.tried)
        return next((each for each in heirs if each not in tried), None) or self._any(session)

    def explain(self, session: ISession) -> Words:
        """The order in which backends have the key, from 1. Of those beyond it, and without a key, chance decides."""
        key = self._key(session)
        if not key:
            return [
                (backend, share, f"no key, by chance: {note}") for backend, share, note in self._any.explain(session)
            ]
        order = dict.fromkeys(islice(self._table.heirs(_place(key)), LOOKED_AT))
        return [
            (backend, float(number), f"{'owns' if number == 1 else 'next for'} {_shown(key)}")
            for number, backend in enumerate(order, 1)
        ]


def _place(key: str | bytes) -> int:
    return hashed(key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key)


def _shown(key: str | bytes) -> str:
    text = f"key {key!r}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class SourceHash:
    """Clients of the same address go to the same backend: of IPv6 the first `ipv6_prefix` bits, of IPv4 `ipv4_prefix`.

    The default is a /64, since a client changes its address within that. An IPv4 address counts as itself where a
    socket shows it mapped into IPv6. A client on a unix socket goes to any backend, by weight. Raises `ConfigError`.
    """

    by: Hashing = _MAGLEV
    ipv6_prefix: int = attrs.field(default=64, kw_only=True)
    ipv4_prefix: int = attrs.field(default=32, kw_only=True)

    name: ClassVar[str] = "source-hash"

    def __attrs_post_init__(self) -> None:
        told(
            self,
            by=(_is_hashing(self.by), _HASHING),
            ipv6_prefix=(is_count(self.ipv6_prefix, 1, 128), "is not a number of bits from 1 to 128"),
            ipv4_prefix=(is_count(self.ipv4_prefix, 1, 32), "is not a number of bits from 1 to 32"),
        )

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        key = partial(_network, self.ipv6_prefix, self.ipv4_prefix)
        return at_once(_making(key, self.by, backends, random))
