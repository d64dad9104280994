"""Matchers on who sends a request or opens a session: by address, or a stable share of all there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import NAME
from balancer.core.named_values import cookie_values
from balancer.core.sources import Sources, source
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_BYTES: Final = 8  # of a hash: enough that no share is noticeably off
_ALL: Final = 1 << 8 * _BYTES

Key = Callable[[ISession], str | None]
"""What tells one sender from another; None for a session that does not say."""


def _sources(networks: tuple[Any, ...]) -> tuple[str, ...]:
    remedy = "is neither an address nor a network without bits behind its prefix; give one such as '10.0.0.0/8'"
    wrong = [network for network in networks if not _is_network(network)]
    if wrong or not networks:
        raise ConfigError(f"ClientIP: networks: {network!r} {remedy}" for network in wrong or [()])
    return networks


def _is_network(text: Any) -> bool:
    try:
        Sources([text] if isinstance(text, str) else [""])
    except ValueError:
        return False
    return True


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False, repr=False)
class ClientIP(Matcher):
    """Matches sessions of clients at these addresses and in these networks: `ClientIP("10.0.0.0/8", "::1")`.

    An IPv4 address counts as itself where a socket shows it mapped into IPv6. Nobody on a unix socket has an address.
    The client is the one a PROXY header tells of, if such are accepted. Raises `ConfigError`.
    """

    networks: tuple[str, ...] = attrs.field(converter=_sources)
    _sources: Sources = attrs.field(
        init=False, eq=False, default=attrs.Factory(lambda matcher: Sources(matcher.networks), takes_self=True)
    )
    peek = 0
    always = False
    captures = frozenset[str]()

    def __init__(self, *networks: str) -> None:
        self.__attrs_init__(networks)

    def matches(self, session: ISession) -> bool:
        return session.client[0] in self._sources

    def __repr__(self) -> str:
        return f"ClientIP({', '.join(map(repr, self.networks))})"


def _client(session: ISession) -> str | None:
    who = source(session.client[0])
    return who if isinstance(who, str) else who.hex()


def _header(name: str) -> Key:
    wanted = name.lower()

    def value(session: ISession) -> str | None:
        return None if session.request is None else session.request.get(wanted)

    return value


def _cookie(name: str) -> Key:
    values = cookie_values(name)

    def value(session: ISession) -> str | None:
        return None if session.request is None else next(values(session.request), None)

    return value


_KEYS: Final[Mapping[str, Callable[[str], Key]]] = {"cookie": _cookie, "header": _header}


def _key(percent: Percent) -> Key:
    """What is looked at; raises `ConfigError`, for all that is wrong."""
    wrong = []
    share: Any = percent.share
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 100:
        wrong.append(f"Percent: share: {share!r} is no percentage; give a number from 0 to 100")
    if not isinstance(percent.salt, str):
        wrong.append(f"Percent: salt: {percent.salt!r} is not a text; write it in quotes")
    key = _named_key(percent.key)
    if key is None:
        choices = "'client', 'cookie:NAME', 'header:NAME' or a function of the session"
        wrong.append(f"Percent: key: {percent.key!r} is not a choice; give {choices}")
    if wrong or key is None:
        raise ConfigError(wrong)
    return key


def _named_key(given: Any) -> Key | None:
    if not isinstance(given, str):
        return given if callable(given) else None
    if given == "client":
        return _client
    kind, _, name = given.partition(":")
    return _KEYS[kind](name) if kind in _KEYS and NAME.fullmatch(name.lower()) else None


def _kinds(percent: Percent) -> frozenset[Kind]:
    of_requests = isinstance(percent.key, str) and percent.key != "client"
    return frozenset({Kind.HTTP} if of_requests else Kind)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Percent(Matcher):
    """Matches a share of all sessions, 0 to 100 percent, always the same ones: `Percent(5)`.

    The share is of what `key` tells apart: "client" (an IPv4 address, or the /64 of an IPv6 address), "cookie:NAME",
    "header:NAME", or a function that takes the session and returns a text or None. A session that has no such key, or
    an empty one, does not match. Who is in depends on key and `salt` alone, in every process: with one salt a larger
    share holds the smaller ones, with another it is drawn anew. Raises `ConfigError`.
    """

    share: float
    key: str | Key = "client"
    salt: str = attrs.field(default="", kw_only=True)
    _key: Key = attrs.field(init=False, eq=False, default=attrs.Factory(_key, takes_self=True))
    kinds: frozenset[Kind] = attrs.field(init=False, eq=False, default=attrs.Factory(_kinds, takes_self=True))
    peek = 0
    always = False
    captures = frozenset[str]()

    def matches(self, session: ISession) -> bool:
        key = self._key(session)
        if not key:
            return False
        if not isinstance(key, str):
            raise TypeError(f"the key is a {type(key).__name__}; expected a text or None")
        drawn = blake2b(f"{self.salt}\0{key}".encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
        return int.from_bytes(drawn) < self.share / 100 * _ALL

    def __repr__(self) -> str:
        key = [] if self.key == "client" else [repr(self.key)]
        salt = [f"salt={self.salt!r}"] if self.salt else []
        return f"Percent({', '.join([f'{self.share:g}', *key, *salt])})"
