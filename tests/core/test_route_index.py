"""Which routes an index finds: all that may match, in order, each once, at a cost that no client sets."""

from __future__ import annotations

from typing import SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from balancer.core.route_index import RouteIndex
from balancer.interfaces.hints import Hints, among, below

hosts = st.sampled_from(
    ["", "a.test", "b.test", "test", "*.test", "*.a.test", "x.a.test", "::1", "*.", "*", "*.*.test"]
)
paths = st.lists(st.sampled_from(["", "a", "b", "ab"]), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
hints = st.builds(
    Hints, st.none() | st.frozensets(hosts, max_size=4), st.none() | st.lists(paths, max_size=4).map(tuple)
)


@example([Hints(None, ("/a/b",)), Hints(None, ("/a",))], "", "/a")  # which ends on the way to a longer prefix
@given(st.lists(hints, max_size=12), hosts, paths | st.sampled_from(["*", ""]))
def test_finds_what_may_match(given_hints: list[Hints], host: str, path: str) -> None:
    """Just those are found whose hints allow the host and the path, in the order written."""
    expected = [
        number
        for number, one in enumerate(given_hints)
        if (one.hosts is None or among(host, one.hosts)) and (one.prefixes is None or below(path, one.prefixes))
    ]
    assert RouteIndex(given_hints).candidates(host, path) == expected


class Counted(str):
    """A path that tells into how many pieces it is cut."""

    __slots__ = ("pieces",)

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        found = str.split(self, sep, maxsplit)
        self.pieces = len(found)
        return found


@pytest.mark.parametrize(("prefixes", "pieces"), [(None, 1), (("/",), 2), (("/a/a", "/c"), 4)])
def test_a_long_path_costs_no_more(prefixes: tuple[str, ...] | None, pieces: int) -> None:
    """A path is cut no further than the longest prefix goes, and its last piece is no segment."""
    path = Counted("/a" * 4000)
    assert RouteIndex([Hints(None, prefixes)]).candidates("a.test", path) == [0]
    assert path.pieces == pieces
