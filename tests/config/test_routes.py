"""Routes as values."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import alsoProvides

from balancer.config import Pool, Retry, Route
from balancer.errors import ConfigError
from balancer.interfaces import Filter, IFilter, Matcher
from balancer.plugins.filters import Redirect, RequestHeaders, Respond, ResponseHeaders, RewriteHost, StripPrefix
from balancer.plugins.matchers import Cookie, Host, Path

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def matches(session: object) -> bool:
    """A matcher that is a function."""
    return True


def unchanged(_filter: object, head: object, session: object) -> object:
    """A filter's method that leaves a head as it is."""
    return head


class Everything(Matcher):
    """A matcher that says it takes everything."""

    always = True

    def __call__(self, session: object) -> bool:
        return True


@pytest.mark.parametrize(("matcher", "always"), [(None, True), (matches, False), (Everything(), True)])
def test_always(matcher: object, always: bool) -> None:
    """A route takes everything without a matcher, or with one that says so."""
    assert Route(matcher, SITE).always is always  # type: ignore[arg-type]  # zope's promise, made by a callable


@pytest.mark.parametrize(
    ("route", "title", "shown"),
    [
        (Route(pool=SITE), "everything", "Route to Pool 'site'"),
        (Route(matches, SITE), "matches", "Route to Pool 'site'"),
        (Route(Path("/v1") & Path("/"), SITE), "(Path('/v1') & Path('/'))", "Route to Pool 'site'"),
        (Route(Path("/v1"), SITE, name="api"), "api", "Route 'api'"),
    ],
)
def test_names(route: Route, title: str, shown: str) -> None:
    """A route is called by its name, or by its matcher if it has none."""
    assert (route.title, str(route)) == (title, shown)


def test_a_route_whose_filter_answers_needs_no_pool() -> None:
    """What answers itself needs no pool, but for what only a pool is tried again for or changes its protocol."""
    assert Route(filters=Redirect(scheme="https")).pool is None
    with pytest.raises(ConfigError) as caught:
        Route(filters=Respond(404), retry=Retry(attempts=2), upgrades=())
    assert caught.value.mistakes == (
        "Route: retry: would be ignored without a pool; leave it out",
        "Route: upgrades: would be ignored without a pool; leave them out",
    )
    with pytest.raises(ConfigError, match="Route: pool: is missing; give the Pool object, or a filter that answers"):
        Route(filters=StripPrefix("/v1"))


def test_one_filter_needs_no_list() -> None:
    """What is no filter is told as such, with or without a list around it."""
    with pytest.raises(ConfigError, match="Route to Pool 'site': filters: 5 does not provide IFilter"):
        Route(matches, SITE, filters=5)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("body", [{}, {"body": None}, {"body": lambda _self, _head, _session, _direction: None}])
def test_filters(body: dict[str, Any]) -> None:
    """A filter is taken whether it has a say about bodies, says that it has none, or says nothing."""
    item: Any = type("Heads", (), {"request": unchanged, "response": unchanged, **body})()
    alsoProvides(item, IFilter)
    assert Route(matches, SITE, filters=item).filters == (item,)


def test_filters_that_are_functions() -> None:
    """A function of a head and a session stands for a filter, a coroutine function too."""

    async def slow(head: object, session: object) -> object:
        return head

    functions = (lambda head, _session: head, slow)
    assert Route(matches, SITE, filters=functions).filters == functions


async def later(_session: object) -> bool:
    """A matcher that takes its time."""
    return True


class Late(Filter):
    """A filter that takes its time over an answer and its body."""

    async def response(self, head: object, session: object) -> object:
        return head

    async def body(self, head: object, session: object, direction: object) -> None:
        return None

    def __repr__(self) -> str:
        return "Late()"


def test_nobody_waits_for_matchers_and_answers() -> None:
    """A coroutine function is told where none is waited for: such a matcher would never match, such a filter fail."""
    remedy = "is asynchronous, but is not waited for; write def, not async def"
    with pytest.raises(ConfigError) as caught:
        Route(later, SITE, filters=Late())  # type: ignore[arg-type]  # the mistake under test
    assert caught.value.mistakes == (
        f"Route to Pool 'site': matcher: later {remedy}",
        f"Route to Pool 'site': filters: Late(): response {remedy}",
        f"Route to Pool 'site': filters: Late(): body {remedy}",
    )


FILTERS = [
    RewriteHost("{shop}.internal"),
    RequestHeaders(set={"x": "{shop}"}),
    ResponseHeaders(add={"x": "{shop}", "y": "{client}"}),
    Redirect(host="{captures.shop}.example"),
    Redirect(path="/{shop}"),
]


@pytest.mark.parametrize("item", FILTERS, ids=lambda item: type(item).__name__)
def test_what_filters_need_is_captured(item: Any) -> None:
    """A filter that names a capture which the route never makes is told; one that may be made is none."""
    for silent in (Path(template="/{shop}"), Host(regex="(?P<shop>.*)") | Path("/"), matches, Everything()):
        Route(silent, SITE, filters=item)
    other = Cookie("a", regex="(?P<b>.*)") & ~Path(template="/{shop}")
    for matcher, captured in ((None, "nothing"), (other, "b alone")):
        with pytest.raises(ConfigError) as caught:
            Route(matcher, SITE, filters=item)
        (line,) = caught.value.mistakes
        assert line.startswith(f"Route to Pool 'site': filters: {type(item).__name__}(")
        assert line.endswith(
            f": {{shop}} would fail, for the route captures {captured}; "
            "correct the name, or give a matcher such as Path(template='/{shop}')"
        )
