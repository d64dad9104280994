"""What is told of routes: the same that is done, with every part of every matcher."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from balancer.core.explaining_routes import EVERYTHING, Asked, explain_matcher
from balancer.core.routes import FEW, Route, Routes
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, Matcher
from tests.core.test_routes import Bounded, Nameless, answering, asking, hosts, matchers, paths, session


def chosen(routes: Routes[int], one: Session) -> int | None:
    """The number of the route that a session takes."""
    try:
        return routes.choose(one).target
    except NoRoute:
        return None


MANY = [Bounded(None, (f"/{number}",)) for number in range(FEW + 1)]


@given(st.lists(matchers | st.none(), max_size=2 * FEW), hosts, paths)
@example(MANY, "a.test", "/3/x")
@example(MANY, "a.test", "/none")
def test_it_tells_what_is_done(given_matchers: list[Any], host: str, path: str) -> None:
    """The route that is told is the one taken, with its captures; none is counted as failed, nothing is changed."""
    routes = Routes([Route(matcher, number) for number, matcher in enumerate(given_matchers, 1)])
    told = asking(host, path)
    explained = routes.explain(told)
    assert routes.faults.count == 0
    assert told.captures == {}
    one = asking(host, path)
    assert explained.taken == chosen(routes, one)
    assert explained.captures == one.captures
    assert len(explained.tried) + explained.left == len(given_matchers)
    assert [route.number for route in explained.tried if route.matches] == ([explained.taken] * bool(explained.taken))


def test_what_is_passed_over_is_told_so() -> None:
    """Among many routes those for other hosts and paths are not asked, as they are not for a request."""
    matchers = [Bounded(None, (f"/{number}",)) for number in range(FEW + 1)]
    routes = Routes([Route(matcher, number, name=f"r{number}") for number, matcher in enumerate(matchers)])
    explained = routes.explain(asking("a.test", "/2"))
    assert [(route.name, route.passed_over) for route in explained.tried] == [("r0", True), ("r1", True), ("r2", False)]
    assert [matcher.asked for matcher in matchers[:3]] == [0, 0, 1]
    assert not any(route.passed_over for route in routes.explain(session()).tried)


def test_a_route_for_everything() -> None:
    """A route without a matcher says that it is for everything."""
    (tried,) = Routes([Route(None, 1)]).explain(session()).tried
    assert tried.asked == Asked(EVERYTHING, "yes")


class Fixed(Matcher):
    """Answers always the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def matches(self, session: Any) -> Any:
        return answering(self.answer)(session)

    def __repr__(self) -> str:
        return f"Fixed({self.answer!r})"


def test_every_part_has_its_answer() -> None:
    """A matcher that was put together is told part by part, also those that would not have been asked."""
    no, more, broken, captures = Fixed(False), Fixed(MORE), Fixed(ValueError("broken")), Fixed({"a": "b"})
    asked = explain_matcher((no & broken & ~more) | captures, session())
    assert (asked.answer, asked.joined, asked.captures) == ("yes", "any", {"a": "b"})
    assert asked.matcher == "((Fixed(False) & Fixed(ValueError('broken')) & ~Fixed(MORE)) | Fixed({'a': 'b'}))".replace(
        "MORE", repr(MORE)
    )
    both, right = asked.parts
    assert (both.answer, both.joined, right.captures) == ("no", "all", {"a": "b"})
    assert [part.answer for part in both.parts] == ["no", "failed", "undecided"]
    assert both.parts[1].error == "ValueError: broken"
    assert both.parts[2].joined == "not"


def test_matchers_are_named() -> None:
    """A function is called by its name, and what cannot be shown by its type."""

    def large(_session: Any) -> bool:
        return True

    assert explain_matcher(large, session()).matcher.endswith("large")
    assert explain_matcher(Nameless(), session()).matcher == "<Nameless>"
