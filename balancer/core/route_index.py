"""Which of many routes may match a request, by its host and the segments of its path; asks none of them.

Each route is kept under its hosts, and there at the ends of its prefixes in a tree of segments. A look-up costs as much
as the longest prefix has segments, however many routes there are and however long the path is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from balancer.interfaces.hints import Hints, among

_ANY_HOST = None


@attrs.frozen(eq=False)
class _Segment:
    """A place in the tree: the routes whose prefix ends there, and the places below it."""

    numbers: list[int] = attrs.Factory(list)
    below: dict[str, _Segment] = attrs.Factory(dict)

    def add(self, number: int, segments: Iterable[str]) -> None:
        """Put a route at the end of those segments."""
        place = self
        for segment in segments:
            place = place.below.setdefault(segment, _Segment())
        place.numbers.append(number)

    def gather(self, segments: Iterable[str], found: list[int]) -> None:
        """Add to those found the routes on the way along these segments."""
        found += self.numbers
        below = self.below
        for segment in segments:
            place = below.get(segment)
            if place is None:
                return
            found += place.numbers
            below = place.below


class RouteIndex:
    """The routes of one listener, each by its number in the order written."""

    def __init__(self, hints: Sequence[Hints]) -> None:
        self._hosts: dict[str | None, _Segment] = {}
        self._depth = 0
        for number, one in enumerate(hints):
            self._add(number, one)

    def _add(self, number: int, hints: Hints) -> None:
        paths: list[list[str]] = [[]]  # the top of the tree, for any path
        if hints.prefixes is not None:
            paths = [path.split("/") for path in _widest_paths(hints.prefixes)]
        hosts = [_ANY_HOST] if hints.hosts is None else _widest_hosts(hints.hosts)
        self._depth = max(self._depth, *map(len, paths), 0)
        for host in hosts:
            tree = self._hosts.setdefault(host, _Segment())
            for segments in paths:
                tree.add(number, segments)

    def candidates(self, host: str, path: str) -> list[int]:
        """The routes that may match a request to that host and path, in the order written, each once."""
        segments = path.split("/", self._depth)
        label, _, parent = host.partition(".")
        found: list[int] = []
        for name in {_ANY_HOST, host, f"*.{parent}"} if label else (_ANY_HOST, host):
            tree = self._hosts.get(name)
            if tree is not None:
                tree.gather(segments, found)
        found.sort()
        return found


def _widest_hosts(hosts: frozenset[str]) -> list[str]:
    """Those that no other covers."""
    starred = frozenset(name for name in hosts if name.startswith("*."))
    return [*starred, *(name for name in hosts - starred if not among(name, starred))]


def _widest_paths(prefixes: tuple[str, ...]) -> list[str]:
    """Those that no other covers, without slashes at their ends."""
    given = {prefix.rstrip("/") for prefix in prefixes}
    return [path for path in given if not any(path[:at] in given for at, sign in enumerate(path) if sign == "/")]
