"""What a request gives to a name: all of it, decoded as others decode it, and no more than is bounded."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead
from balancer.core.named_values import MOST, cookie_values, query_values


def asking(query: str = "", *cookies: str) -> RequestHead:
    """A request with that query and those Cookie fields."""
    return RequestHead("GET", f"/?{query}", fields=tuple(("cookie", cookie) for cookie in cookies))


names = st.sampled_from(["a", "ab", "A", "a b", "a+b", "a&b", "a=b", "50%", "caf\u00e9", "a.b", "a;b", "[]"])
tokens = names.flatmap(
    lambda name: st.sampled_from([name, quote(name), quote_plus(name), quote(name).lower(), name[:1]])
)
pieces = tokens | st.sampled_from(["&", "=", "+", "%", "%61", "%4", "%ff", ";", "x", "/"])
queries = st.lists(pieces, max_size=12).map("".join).filter(lambda query: query.isascii() and " " not in query)


@example("50%", "50%=x")
@given(names, queries)
def test_query_values_are_those_of_a_form(name: str, query: str) -> None:
    """Names and values are told apart and decoded as the standard library does it, however either is spelled."""
    expected = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    assert list(query_values(name)(asking(query))) == expected


@given(names, st.text(max_size=9))
def test_query_values_come_through(name: str, value: str) -> None:
    """A name and a value that a client encodes are found again."""
    query = f"x=1&{quote_plus(name)}={quote_plus(value, errors='replace')}&y=2"
    assert list(query_values(name)(asking(query))) == [value.encode(errors="replace").decode()]


@pytest.mark.parametrize(
    ("cookies", "values"),
    [
        (["a=1"], ["1"]),
        (["x=0; a=1; y=2"], ["1"]),
        (["a=1;a=2", "a=3"], ["1", "2", "3"]),
        (["x=a=1"], []),
        (["xa=1; ab=2; A=3; a"], []),
        (["a="], [""]),
        (["\ta = b c \t;z=1"], ["b c"]),
        (['a="q"'], ['"q"']),
        (["a=x=y"], ["x=y"]),
        ([], []),
    ],
)
def test_cookie_values(cookies: list[str], values: list[str]) -> None:
    """A cookie is found by its whole name, case counting, in any Cookie field, and its value is as it was written."""
    assert list(cookie_values("a")(asking("", *cookies))) == values


def test_a_name_that_looks_like_an_expression() -> None:
    """Signs in a name of a cookie stand for themselves."""
    assert list(cookie_values("a.b")(asking("", "axb=1; a.b=2"))) == ["2"]


def test_no_more_than_is_bounded() -> None:
    """However often a client repeats a name, no more than so many values are looked at."""
    assert len(list(query_values("a")(asking("&".join(["%61=%61"] * 1000))))) == MOST
    assert len(list(cookie_values("a")(asking("", *[";".join(["a=1"] * 60)] * 3)))) == MOST
