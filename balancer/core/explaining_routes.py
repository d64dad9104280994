"""Why a route takes a session or does not: each route's matcher with the answers of its parts; changes nothing.

Matchers are asked as for a session, but every part of one that was put together is, and what fails is told here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from balancer.core.faults import named
from balancer.interfaces import MORE, Found, ask
from balancer.interfaces.matching import taken_apart

if TYPE_CHECKING:
    from balancer.core.routes import Route
    from balancer.core.session import Session

EVERYTHING: Final = "everything"
"""What stands for a matcher where there is none."""

_SIGNS: Final = {"all": " & ", "any": " | "}


@attrs.frozen
class Asked:
    """What a matcher answered: 'yes', 'no', 'undecided' for want of bytes, or 'failed', with the `error`.

    One that was put together of `parts` matches if `joined` says so: 'all' or 'any' of them match, or the one does not.
    """

    matcher: str
    answer: str
    captures: Mapping[str, str] = attrs.field(factory=dict)
    error: str = ""
    joined: str = ""
    parts: tuple[Asked, ...] = ()


@attrs.frozen
class RouteAsked:
    """One route: its `number` from 1, its name, if it has one, and whether it `matches`.

    `asked` is None where nobody was asked: it is passed over, since it is for other hosts or paths, which `passed_over`
    says.
    """

    number: int
    name: str
    matches: bool
    asked: Asked | None = None
    passed_over: bool = False


@attrs.frozen
class RoutesExplained:
    """The routes in order, as far as they were tried; of these the last matches, if `taken` is its number.

    `left` counts those behind it.
    """

    tried: tuple[RouteAsked, ...]
    taken: int | None
    captures: Mapping[str, str]
    left: int


def explain_routes(
    routes: tuple[Route[Any], ...], session: Session, likely: Callable[[int], bool] = lambda _place: True
) -> RoutesExplained:
    """Try the routes in turn, but those that are not `likely` by their place."""
    tried: list[RouteAsked] = []
    for place, route in enumerate(routes):
        tried.append(_tried(place + 1, route, session) if likely(place) else _passed_over(place + 1, route))
        if tried[-1].matches:
            asked = tried[-1].asked
            captures = {} if asked is None else asked.captures
            return RoutesExplained(tuple(tried), place + 1, captures, len(routes) - place - 1)
    return RoutesExplained(tuple(tried), None, {}, 0)


def _passed_over(number: int, route: Route[Any]) -> RouteAsked:
    return RouteAsked(number, route.name, matches=False, passed_over=True)


def _tried(number: int, route: Route[Any], session: Session) -> RouteAsked:
    asked = Asked(EVERYTHING, "yes") if route.matcher is None else explain_matcher(route.matcher, session)
    return RouteAsked(number, route.name, asked.answer == "yes", asked)


def explain_matcher(matcher: Any, session: Session) -> Asked:
    """What the matcher answers, and what each of its parts does."""
    joined, parts = taken_apart(matcher)
    told = tuple(explain_matcher(part, session) for part in parts)
    text = _joined(joined, told) if told else named(matcher)
    try:
        found = ask(matcher, session)
    except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
        return Asked(text, "failed", error=f"{type(error).__name__}: {error}", joined=joined, parts=told)
    captures = dict(found) if isinstance(found, Mapping) else {}
    return Asked(text, _in_a_word(found), captures, joined=joined, parts=told)


def _in_a_word(found: Found) -> str:
    if found is MORE:
        return "undecided"
    return "no" if found is False else "yes"


def _joined(joined: str, parts: tuple[Asked, ...]) -> str:
    """The whole, as it was written."""
    if joined == "not":
        return f"~{parts[0].matcher}"
    return f"({_SIGNS[joined].join(part.matcher for part in parts)})"
