"""By what a client that came before is known: the application's cookie, a header, anything a session says of itself.

A kind of stickiness is settings alone; its `memory` is what one pool remembers by it. Who belongs to one backend and is
given another moves with its answer, for of several tries of a request only one has any; what has no answers moves at
once. Refuses to know which backends
are up, and what becomes of a client whose backend is not.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, Final, Protocol

import attrs

from balancer.core.messages import NAME, RequestHead, ResponseHead
from balancer.core.named_values import cookie_values
from balancer.interfaces import IBackend, ISession, Kind
from balancer.plugins.hashing import Key, header, is_key, kinds_of
from balancer.plugins.settings import KEY, is_count, is_number, shown, told
from balancer.plugins.sticky_tables import MOST_ENTRIES, Homes

ENTRIES: Final = 100_000
EXPIRE: Final = 3600.0

OF_HTTP: Final = frozenset({Kind.HTTP})

COOKIE: Final = "is not the name of a cookie; use letters, digits, hyphens and underscores"
_HEADER: Final = "is not the name of a header field; use letters, digits and hyphens"


class Memory(Protocol):
    """What one pool knows of its clients by one kind of stickiness."""

    def know(self, names: Collection[str]) -> None:
        """Those are the names of the pool's backends now, whether they are up or not."""

    def home(self, session: ISession) -> str | None:
        """The name of the backend that the session belongs to; None for one that is new here."""

    def chosen(self, session: ISession, backend: IBackend) -> None:
        """The session is given that backend: its own, or another for it. It may still fail there."""

    def requested(self, head: RequestHead) -> RequestHead:
        """The head of a request as the backend may see it."""

    def responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        """The head of the backend's answer, as the client is to have it."""


class Stickiness(Protocol):
    """A kind of stickiness: `OwnCookie`, `AppCookie`, `Learned`, `Remembered`, or one's own.

    It may have `kinds`, those of the sessions that it can know; without it any.
    """

    def memory(self) -> Memory:
        """What a pool begins with."""


class Plain:
    """A memory that needs no names and leaves heads as they are, to inherit from."""

    def know(self, names: Collection[str]) -> None:
        """See `Memory`."""

    def chosen(self, session: ISession, backend: IBackend) -> None:
        """See `Memory`."""

    def requested(self, head: RequestHead) -> RequestHead:
        """See `Memory`."""
        return head

    def responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        """See `Memory`."""
        return head


class Still(Plain):
    """Knows what another memory knows, and learns nothing."""

    def __init__(self, memory: Memory) -> None:
        self.home, self._memory = memory.home, memory

    def requested(self, head: RequestHead) -> RequestHead:
        """See `Memory`."""
        return self._memory.requested(head)


def is_cookie(name: Any) -> bool:
    """Whether a cookie can have that name."""
    return isinstance(name, str) and NAME.fullmatch(name.lower()) is not None


@attrs.frozen(kw_only=True)
class _Tabled(ABC):
    """What is remembered in a table: of `entries` clients at most, each for `expire` seconds after it was here."""

    entries: int = ENTRIES
    expire: float = EXPIRE

    def __attrs_post_init__(self) -> None:
        told(
            self,
            entries=(is_count(self.entries, 1, MOST_ENTRIES), f"is not a number from 1 to {MOST_ENTRIES}"),
            expire=(is_number(self.expire, above=0), "is not a number of seconds above 0; give one such as 3600"),
            **self._judged(),
        )

    @abstractmethod
    def _judged(self) -> dict[str, tuple[bool, str]]:
        """The other settings, as `settings.told` takes them."""


@attrs.frozen
class Remembered(_Tabled):
    """Any key of `balancer.plugins.hashing`, or function of the session, and the backend that was chosen at first.

    Unlike `Hash` it moves nobody when a backend comes or goes, but each process remembers for itself, and only so many.
    Raises `ConfigError`.
    """

    key: Key = attrs.field(repr=shown)

    @property
    def kinds(self) -> frozenset[Kind]:
        """See `Stickiness`."""
        return kinds_of(self.key)

    def _judged(self) -> dict[str, tuple[bool, str]]:
        return {"key": (is_key(self.key), KEY)}

    def memory(self) -> Memory:
        """See `Stickiness`."""
        return _ByKey(self.key, Homes(self.entries, self.expire))


@attrs.frozen
class AppCookie(_Tabled):
    """The application's own cookie of that name: whose backend set it is sent there again.

    A value that no backend was seen to set says nothing, so what a client makes up does not choose. Each process
    remembers for itself. Raises `ConfigError`.
    """

    name: str
    kinds: ClassVar[frozenset[Kind]] = OF_HTTP

    def _judged(self) -> dict[str, tuple[bool, str]]:
        return {"name": (is_cookie(self.name), COOKIE)}

    def memory(self) -> Memory:
        """See `Stickiness`."""
        values = cookie_values(self.name)

        def brought(session: ISession) -> Iterator[str]:
            return iter(()) if session.request is None else values(session.request)

        return _ByAnswer(brought, _set_cookies(self.name), Homes(self.entries, self.expire))


@attrs.frozen
class Learned(_Tabled):
    """A key that backends give out in a header of their answers, and clients bring back: `Learned("mcp-session-id")`.

    Clients bring it in a header of the same name, or where `key` finds it: one of `balancer.plugins.hashing`, or a
    function of the session. A key that no backend was seen to give out says nothing. Each process remembers for itself.
    Raises `ConfigError`.
    """

    name: str
    key: Key | None = attrs.field(default=None, kw_only=True, repr=shown)
    kinds: ClassVar[frozenset[Kind]] = OF_HTTP

    def _judged(self) -> dict[str, tuple[bool, str]]:
        return {
            "name": (isinstance(self.name, str) and NAME.fullmatch(self.name.lower()) is not None, _HEADER),
            "key": (self.key is None or is_key(self.key), KEY),
        }

    def memory(self) -> Memory:
        """See `Stickiness`."""
        name, key = self.name.lower(), self.key or header(self.name)

        def brought(session: ISession) -> Iterator[str | bytes]:
            found = key(session)
            return iter([found] if found else ())

        return _ByAnswer(brought, lambda head: iter(head.get_all(name)), Homes(self.entries, self.expire))


def _set_cookies(name: str) -> Callable[[ResponseHead], Iterator[str]]:
    """What finds the values that an answer gives a cookie (RFC 6265 5.2)."""
    found = re.compile(rf"[ \t]*+{re.escape(name)}[ \t]*+=[ \t]*+([^;]*+)")

    def values(head: ResponseHead) -> Iterator[str]:
        matches = map(found.match, head.get_all("set-cookie"))
        return (match[1].rstrip(" \t") for match in matches if match is not None)

    return values


class _ByKey(Plain):
    """The memory of `Remembered`."""

    def __init__(self, key: Key, homes: Homes) -> None:
        self._key, self._homes = key, homes

    def home(self, session: ISession) -> str | None:
        key = self._key(session)
        return self._homes.home(key, session.now) if key else None

    def chosen(self, session: ISession, backend: IBackend) -> None:
        self._put(session, backend, move=session.request is None)

    def responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        self._put(session, backend, move=True)
        return head

    def _put(self, session: ISession, backend: IBackend, *, move: bool) -> None:
        key = self._key(session)
        if key:
            self._homes.put(key, backend.name, session.now, move=move)


class _ByAnswer(Plain):
    """The memory of `AppCookie` and `Learned`: of what clients bring only what a backend gave out is known."""

    def __init__(
        self,
        brought: Callable[[ISession], Iterator[str | bytes]] | Callable[[ISession], Iterator[str]],
        given: Callable[[ResponseHead], Iterator[str]],
        homes: Homes,
    ) -> None:
        self._brought, self._given, self._homes = brought, given, homes

    def home(self, session: ISession) -> str | None:
        known = (self._homes.home(key, session.now) for key in self._brought(session))
        return next((name for name in known if name is not None), None)

    def chosen(self, session: ISession, backend: IBackend) -> None:
        self._keep(session, backend, move=session.request is None)

    def responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        self._keep(session, backend, move=True)
        for key in self._given(head):
            if key:
                self._homes.put(key, backend.name, session.now)
        return head

    def _keep(self, session: ISession, backend: IBackend, *, move: bool) -> None:
        """What the client brings is known for longer, if it is known."""
        for key in self._brought(session):
            self._homes.put(key, backend.name, session.now, new=False, move=move)
