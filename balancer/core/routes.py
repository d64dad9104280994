"""Ordered routes, first match wins; refuses to sort them.

Where there are many, those that cannot match by host or path are passed over; which one is taken stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from balancer.core.explaining_routes import RoutesExplained, explain_routes
from balancer.core.faults import Faults, named
from balancer.core.filters import Chain, restore
from balancer.core.route_index import RouteIndex
from balancer.core.session import Session
from balancer.errors import NoRoute, ReadOnly
from balancer.interfaces import MORE, Found
from balancer.interfaces.hints import NO_HINTS, hints_of
from balancer.interfaces.matching import checked

Target = TypeVar("Target")

FEW: Final = 8
"""Up to so many routes are asked one after the other, sooner than others could be passed over."""


@attrs.frozen
class Route(Generic[Target]):
    """Where the sessions that a matcher accepts go, through which filters. A matcher of None accepts all.

    `name` is for logs.
    """

    matcher: Any
    target: Target
    filters: Chain | None = None
    name: str = ""
    question: Callable[[Any], Any] = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda route: getattr(route.matcher, "matches", route.matcher), takes_self=True),
    )
    """What the matcher is asked by."""


class Routes(Generic[Target]):
    """The routes of one listener; `faults` counts what their matchers did wrong."""

    def __init__(self, routes: Sequence[Route[Target]], faults: Faults | None = None) -> None:
        self.faults = faults or Faults(lambda *_: None)
        self._routes = tuple(routes)
        self._index: RouteIndex | None = None
        self.choose = self._chooser()
        """The first route that matches a session; what it captured is put into the session. Raises `NoRoute`.

        A matcher that raises, or that is still undecided about all it will ever see, does not match.
        """

    def __iter__(self) -> Iterator[Route[Target]]:
        return iter(self._routes)

    def _chooser(self) -> Callable[[Session], Route[Target]]:
        """As little work as these routes allow."""
        if self._routes and self._routes[0].matcher is None:
            first = self._routes[0]
            return lambda _session: first
        hints = [hints_of(route.matcher) for route in self._routes]
        if len(hints) <= FEW or all(one is NO_HINTS for one in hints):
            return lambda session: self._first(self._routes, session)
        self._index = index = RouteIndex(hints)
        return lambda session: self._first(self._likely(index, session), session)

    def explain(self, session: Session) -> RoutesExplained:
        """Which route takes the session, and why none before it does; the session stays as it is."""
        if self._index is None or session.request is None:
            return explain_routes(self._routes, session)
        likely = frozenset(self._index.candidates(session.request.host, session.request.path))
        return explain_routes(self._routes, session, likely.__contains__)

    def _likely(self, index: RouteIndex, session: Session) -> Iterable[Route[Target]]:
        """Those that may match; all of them where there is no request, which alone has a host and a path."""
        request = session.request
        if request is None:
            return self._routes
        return map(self._routes.__getitem__, index.candidates(request.host, request.path))

    def _first(self, routes: Iterable[Route[Target]], session: Session) -> Route[Target]:
        asked = session.request
        parts: Any = asked and (asked.method, asked.target, asked.authority, asked.fields, asked.length)
        for route in routes:
            if route.matcher is None:
                return route
            try:
                found = route.question(session)
                if asked and parts != (asked.method, asked.target, asked.authority, asked.fields, asked.length):
                    raise ReadOnly("changed the request in place; only a filter may answer a changed one")
                if found is not True and found is not False:
                    found = _captured(route.matcher, found, session)
            except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
                if asked:
                    restore(asked, parts)
                self._failed(route.matcher, error)
                continue
            if found is False or found is MORE:
                continue
            return route
        raise NoRoute("no route matches")

    def _failed(self, matcher: Any, error: BaseException) -> None:
        self.faults.note(f"matcher {named(matcher)}", error)


def _captured(matcher: Any, answer: Any, session: Session) -> Found:
    """A matcher's answer; the session has what is captured in it. Raises `TypeError` if it is none."""
    found = checked(matcher, answer)
    if isinstance(found, Mapping):
        session.capture(found)
    return found
