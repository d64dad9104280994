"""Ordered routes, first match wins; refuses to sort them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import attrs

from balancer.core.faults import Faults, named
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, ask

Target = TypeVar("Target")


@attrs.frozen
class Route(Generic[Target]):
    """Where the sessions that a matcher accepts go. A matcher of None accepts all."""

    matcher: Any
    target: Target
    filters: tuple[Any, ...] = ()


class Routes(Generic[Target]):
    """The routes of one listener; `faults` counts what their matchers did wrong, and `report` hears of it."""

    def __init__(
        self, routes: Sequence[Route[Target]], report: Callable[[str, BaseException], object] = lambda *_: None
    ) -> None:
        self.report, self.faults = report, Faults(report)
        self._routes = tuple(routes)

    def choose(self, session: Session) -> Route[Target]:
        """The first route that matches; what it captured is put into the session. Raises `NoRoute`.

        A matcher that raises, or that is still undecided about all it will ever see, does not match.
        """
        for route in self._routes:
            if route.matcher is None:
                return route
            found = self._ask(route.matcher, session)
            if found is not False and found is not MORE:
                session.captures = {} if found is True else found
                return route
        raise NoRoute("no route matches")

    def _ask(self, matcher: Any, session: Session) -> Any:
        try:
            return ask(matcher, session)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.faults.note(f"matcher {named(matcher)}", error)
            return False
