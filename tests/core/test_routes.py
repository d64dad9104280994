"""Which route a session takes, and what becomes of matchers that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.routes import Route, Routes
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, Kind

answers = st.sampled_from(
    [False, True, MORE, None, "odd", ValueError("broken"), SystemExit(), GeneratorExit()]
) | st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))


def answering(answer: Any) -> Callable[[Any], Any]:
    """A matcher that gives that answer, or raises it."""

    def matches(_session: Any) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return matches


def session() -> Session:
    """Any session."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0)


@given(st.lists(answers, max_size=6))
def test_the_first_that_matches_wins(given_answers: list[Any]) -> None:
    """Routes are tried as written; only True or captures match, and captures land in the session."""
    routes = Routes([Route(answering(answer), number) for number, answer in enumerate(given_answers)])
    matching = [number for number, answer in enumerate(given_answers) if answer is True or isinstance(answer, dict)]
    one = session()
    if matching:
        chosen = given_answers[matching[0]]
        assert routes.choose(one).target == matching[0]
        assert one.captures == ({} if chosen is True else chosen)
    else:
        with pytest.raises(NoRoute):
            routes.choose(one)
    tried = given_answers[: matching[0]] if matching else given_answers
    assert routes.faults.count == len([answer for answer in tried if answer not in (False, MORE)])


def test_a_route_without_a_matcher_takes_all() -> None:
    """Nothing behind a route for everything is ever asked."""
    last = Route(None, "all", filters=("filter",))
    routes = Routes([Route(answering(False), "none"), last, Route(answering(ValueError()), "never")])
    assert routes.choose(session()) is last
    assert routes.faults.count == 0


def test_a_broken_matcher_is_reported_now_and_then() -> None:
    """A matcher that always raises is counted each time, reported at every doubling, and never matches."""
    reports: list[tuple[str, BaseException]] = []
    error = ValueError("broken")
    routes = Routes([Route(answering(error), 1)], lambda what, why: reports.append((what, why)))
    for _ in range(9):
        with pytest.raises(NoRoute):
            routes.choose(session())
    assert routes.faults.count == 9
    assert [why for _, why in reports] == [error] * 4
    assert all("answering" in what for what, _ in reports)
