"""Which route a session takes, and what becomes of matchers that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from balancer.core.faults import Faults
from balancer.core.messages import RequestHead
from balancer.core.routes import FEW, Route, Routes
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, Kind, Matcher, ask
from balancer.interfaces.hints import among, below

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


def asking(host: str, path: str) -> Session:
    """A session with a request."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, RequestHead("GET", path, host))


class Bounded(Matcher):
    """Answers within its hints, and counts how often it is asked."""

    def __init__(self, hosts: frozenset[str] | None, prefixes: tuple[str, ...] | None, answer: Any = True) -> None:
        self.hosts, self.prefixes, self.answer, self.asked = hosts, prefixes, answer, 0

    def matches(self, session: Any) -> Any:
        self.asked += 1
        request = session.request
        if self.hosts is not None and (request is None or not among(request.host, self.hosts)):
            return False
        if self.prefixes is not None and (request is None or not below(request.path, self.prefixes)):
            return False
        return answering(self.answer)(session)


def plain(routes: list[Route[int]], one: Session) -> tuple[int | None, Any, int]:
    """What the plain loop makes of a session: who takes it, with which captures, and after how many faults."""
    faults = 0
    for route in routes:
        try:
            found = True if route.matcher is None else ask(route.matcher, one)
        except BaseException:  # noqa: BLE001  these matchers raise anything
            faults, found = faults + 1, False
        if found is not False and found is not MORE:
            return route.target, {} if found is True else found, faults
    return None, {}, faults


hosts = st.sampled_from(["", "a.test", "b.test", "test", "*.test", "*.a.test", "x.a.test", "[::1]", "*"])
paths = st.sampled_from(["*", "/", "//", "/a", "/a/", "/a//b", "/a/b", "/a/bc", "/a/b/c/d", "/b", "//a", "/?/a"])
bounded = st.builds(
    Bounded,
    st.none() | st.frozensets(hosts, max_size=3),
    st.none() | st.lists(paths.filter(lambda path: path[0] == "/"), max_size=3).map(tuple),
    answers,
)
matchers = st.recursive(
    bounded | answers.map(answering),
    lambda inner: (
        st.builds(lambda one, two: one & two, bounded, inner)
        | st.builds(lambda one, two: one | two, bounded, inner)
        | st.builds(lambda one: ~one, bounded)
    ),
    max_leaves=3,
)


@given(st.lists(answers, max_size=6))
@example([MORE, True])
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


def test_routes_can_be_looked_through() -> None:
    """They come out as they were written."""
    written = [Route(answering(True), number) for number in range(3)]
    assert list(Routes(written)) == written


def test_a_route_without_a_matcher_takes_all() -> None:
    """Nothing behind a route for everything is ever asked."""
    last = Route(None, "all")
    routes = Routes([Route(answering(False), "none"), last, Route(answering(ValueError()), "never")])
    assert routes.choose(session()) is last
    assert routes.faults.count == 0


def test_a_broken_matcher_is_reported_now_and_then() -> None:
    """A matcher that always raises is counted each time, reported at every doubling, and never matches."""
    reports: list[tuple[str, BaseException]] = []
    error = ValueError("broken")
    routes = Routes([Route(answering(error), 1)], Faults(lambda what, why: reports.append((what, why))))
    for _ in range(9):
        with pytest.raises(NoRoute):
            routes.choose(session())
    assert routes.faults.count == 9
    assert [why for _, why in reports] == [error] * 4
    assert all("answering" in what for what, _ in reports)


@pytest.mark.parametrize("raises", [False, True])
def test_a_request_changed_in_place_is_as_it_was(raises: bool) -> None:
    """A matcher that writes into the request does not match, whatever it answers, and the request is what it was."""

    def writes(session: Any) -> bool:
        session.request.target = "/elsewhere"
        return bool(1 / 0) if raises else True

    routes, one = (
        Routes([Route(writes, 1), Route(lambda session: session.request.target == "/here", 2)]),
        asking("a.test", "/here"),
    )
    assert (routes.choose(one).target, routes.faults.count) == (2, 1)
    assert one.request is not None
    assert one.request.target == "/here"


class Nameless:
    """A matcher that forgets to answer, and that cannot be shown."""

    def __repr__(self) -> str:
        raise SystemExit

    def matches(self, _session: Any) -> Any:
        return None


def test_a_matcher_that_cannot_be_shown_is_contained() -> None:
    """What is wrong with an answer is told whatever the matcher makes of the telling, and the next route is asked."""
    routes = Routes([Route(Nameless(), 1), Route(None, 2)])
    assert (routes.choose(session()).target, routes.faults.count) == (2, 1)


some = bounded | matchers | matchers | st.none()


@given(
    st.lists(some, max_size=FEW) | st.lists(some, min_size=FEW + 1, max_size=30),
    st.builds(asking, hosts, paths) | st.builds(session),
)
@example([Bounded(frozenset({"a.test"}), None)] * (FEW + 1), session())
def test_many_are_chosen_from_as_few_are(given_matchers: list[Any], one: Session) -> None:
    """However many routes there are, whatever they say of themselves, the choice is that of the plain loop."""
    routes = [Route(matcher, number) for number, matcher in enumerate(given_matchers)]
    target, captures, faults = plain(routes, one)
    compiled = Routes(routes)
    try:
        chosen: int | None = compiled.choose(one).target
    except NoRoute:
        chosen = None
    assert (chosen, one.captures) == (target, captures)
    assert (
        compiled.faults.count <= faults
    )  # one that fails may not be asked, for what it is put together with is bounded


@pytest.mark.parametrize(("count", "asked"), [(FEW, FEW), (FEW + 1, 1), (500, 1)])
def test_of_many_few_are_asked(count: int, asked: int) -> None:
    """Beyond a few routes, only those are asked that can match by host and path, and each of them once."""
    made = [Bounded(frozenset({f"h{n}.test", "*.test"}), ("/a/b", "/a", "/a/b/c"), answer=False) for n in range(count)]
    made[-1].hosts, made[-1].answer = frozenset({"x.example", "*.example"}), True
    routes = Routes([Route(matcher, number) for number, matcher in enumerate(made)])
    assert routes.choose(asking("x.example:80", "/a/b/c/d?x")).target == count - 1
    assert sum(matcher.asked for matcher in made) == asked
    assert made[-1].asked == 1


def test_where_nothing_is_said_all_are_asked() -> None:
    """Matchers without hints are asked one after the other."""
    made = [Bounded(None, None, answer=False) for _ in range(20)]
    with pytest.raises(NoRoute):
        Routes([Route(matcher, 0) for matcher in made]).choose(asking("a.test", "/"))
    assert [matcher.asked for matcher in made] == [1] * 20


@given(st.lists(matchers | st.none(), max_size=2 * FEW), hosts, paths)
def test_what_is_explained_is_done(given_matchers: list[Any], host: str, path: str) -> None:
    """The route that is told is the one that is taken, whether some are passed over or not; no fault is counted."""
    routes = Routes([Route(matcher, number) for number, matcher in enumerate(given_matchers, 1)])
    told = routes.explain(asking(host, path))
    assert routes.faults.count == 0
    assert told.taken == plain(list(routes), asking(host, path))[0]


def test_an_explanation_without_a_request() -> None:
    """Where there is no request no route is passed over, however many there are."""
    routes = Routes([Route(Bounded(frozenset({f"{number}.test"}), None), number) for number in range(2 * FEW)])
    assert not any(one.passed_over for one in routes.explain(session()).tried)
    assert sum(one.passed_over for one in routes.explain(asking("3.test", "/")).tried) == 3
