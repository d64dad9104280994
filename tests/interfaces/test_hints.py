"""Hints of matchers: they bound whatever matches, however matchers are put together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.errors import ConfigError
from balancer.interfaces import Matcher, ask
from balancer.interfaces.hints import NO_HINTS, Hints, among, below, both, either, hints_of

hosts = st.sampled_from(["a.test", "b.test", "test", "*.test", "*.a.test", "x.a.test", "", "::1"])
paths = st.sampled_from(["/", "/a", "/a/b", "/a/bc", "/a/b/c", "/b", "//a"])


class Bounded(Matcher):
    """Matches a pair of host and path that lies within its hints."""

    def __init__(self, hosts: frozenset[str] | None, prefixes: tuple[str, ...] | None) -> None:
        self.hosts, self.prefixes = hosts, prefixes

    def matches(self, session: Any) -> bool:
        host, path = session
        return (self.hosts is None or among(host, self.hosts)) and (self.prefixes is None or below(path, self.prefixes))


bounded = st.builds(
    Bounded, st.none() | st.frozensets(hosts, max_size=3), st.none() | st.lists(paths, max_size=3).map(tuple)
)
matchers = st.recursive(
    bounded | st.just(lambda _: True),
    lambda inner: (
        st.builds(lambda one, two: one & two, bounded, inner)
        | st.builds(lambda one, two: one | two, bounded, inner)
        | st.builds(lambda one: ~one, bounded)
    ),
    max_leaves=6,
)


@given(matchers, hosts, paths)
def test_nothing_matches_beyond_the_hints(matcher: Any, host: str, path: str) -> None:
    """Whatever a combination of honest matchers matches lies within the hints of the whole."""
    hints = hints_of(matcher)
    if ask(matcher, (host, path)):
        assert Bounded(hints.hosts, hints.prefixes).matches((host, path))


@given(bounded, bounded, hosts, paths)
def test_and_is_as_narrow_as_can_be(one: Bounded, other: Bounded, host: str, path: str) -> None:
    """What lies within the hints of an and lies within those of both sides."""
    whole = hints_of(one & other)
    within = Bounded(whole.hosts, whole.prefixes).matches((host, path))
    assert within == (one.matches((host, path)) and other.matches((host, path)))


def test_what_is_kept() -> None:
    """And keeps the narrower names and paths, or keeps both, each once; a complement and a function say nothing."""
    one = Bounded(frozenset({"*.test", "b.example"}), ("/a", "/b/c"))
    other = Bounded(frozenset({"a.test", "*.b.example"}), ("/a", "/b"))
    assert hints_of(one & other) == Hints(frozenset({"a.test"}), ("/a", "/b/c"))
    assert hints_of(one | other) == Hints(
        frozenset({"*.test", "b.example", "a.test", "*.b.example"}), ("/a", "/b/c", "/b")
    )
    assert hints_of(~one) is hints_of(lambda _: True) is NO_HINTS
    assert both(NO_HINTS, hints_of(one)) == both(hints_of(one), NO_HINTS) == hints_of(one)
    assert either(NO_HINTS, hints_of(one)) == either(hints_of(one), NO_HINTS) == NO_HINTS
    assert hints_of(one | Bounded(frozenset({"b.example"}), None)) == Hints(one.hosts, None)


@pytest.mark.parametrize(
    ("path", "prefix", "is_below"),
    [("/v1", "/v1", True), ("/v1/x", "/v1", True), ("/v1x", "/v1", False), ("/", "/", True), ("*", "/", False)],
)
def test_below_by_whole_segments(path: str, prefix: str, is_below: bool) -> None:
    """A path is below a prefix when its first segments are those of the prefix."""
    assert below(path, (prefix,)) is is_below


class Odd(Matcher):
    """A matcher whose hints are as the test says."""

    def __repr__(self) -> str:
        return "Odd()"


@pytest.mark.parametrize("given_hosts", ["a.test", {"a.test"}, frozenset({"A.test"}), frozenset({1}), 5])
def test_odd_hosts(given_hosts: Any) -> None:
    """Hosts that are no frozenset of names in lower case are a mistake, also within a combination."""
    odd = Odd()
    odd.hosts = given_hosts
    for make in (lambda: hints_of(odd), lambda: odd & Odd(), lambda: Odd() | odd):
        with pytest.raises(ConfigError, match=r"^Odd\(\): hosts: .* is no set of hosts; give None, or names in"):
            make()


@pytest.mark.parametrize("prefixes", ["/v1", ["/v1"], ("v1",), (1,), 5])
def test_odd_prefixes(prefixes: Any) -> None:
    """Prefixes that are no tuple of paths are a mistake, also within a combination."""
    odd = Odd()
    odd.prefixes = prefixes
    for make in (lambda: hints_of(odd), lambda: odd & Odd(), lambda: Odd() | odd):
        with pytest.raises(ConfigError, match=r"^Odd\(\): prefixes: .* is no tuple of paths; give None, or paths"):
            make()
