"""Faulty algorithms that answer what they must not, or fail where they must answer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.testing.faulty.listing import Faulty


class RememberedIndex:
    """Remembers where it is, and how many there were: past the end of a list that has become shorter."""

    name = "remembered-index"

    def __init__(self) -> None:
        self.index, self.length = -1, 0

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        self.length = self.length or len(backends)

        def pick(_session: Any) -> Any:
            self.index = (self.index + 1) % self.length
            return backends[self.index]

        return pick


class NeedsTwo:
    """Draws two different ones, and there may be only one."""

    name = "needs-two"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: min(random.sample(backends, 2), key=lambda one: one.active)


class OlderSnapshot:
    """Remembers the backends it was first told of, and answers one that has left since."""

    name = "older-snapshot"

    def __init__(self) -> None:
        self.known: list[Any] = []

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        self.known += [one for one in backends if one not in self.known]
        return lambda _session: random.choice(self.known)


class Sorting:
    """Sorts what it was given, which is not its own."""

    name = "sorting"

    def picker(self, backends: Any, random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(_session: Any) -> Any:
            if len(backends) > 1:
                backends.sort(key=lambda one: one.active)
            return backends[0]

        return pick


class CountsForTheEngine:
    """Counts a pick as active on the backend itself, where the engine counts it too."""

    name = "counts-for-the-engine"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(_session: Any) -> Any:
            chosen = min(backends, key=lambda one: one.active)
            chosen.active += 1
            return chosen

        return pick


class MarksAsTried:
    """Writes its choice among those that the session has tried, though nobody has tried it yet."""

    name = "marks-as-tried"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(session: Any) -> Any:
            chosen = next((one for one in backends if one not in session.tried), backends[0])
            session.tried = [*session.tried, chosen]
            return chosen

        return pick


class AsksForAnother:
    """Has the backend asked for another thing, in the head that others see as well."""

    name = "asks-for-another"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(session: Any) -> Any:
            if session.request is not None:
                session.request.target = f"/shard{session.request.target}"
            return random.choice(backends)

        return pick


class Awaitable:
    """A picker that is a coroutine function: it answers what must be awaited."""

    name = "awaitable"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        async def pick(_session: Any) -> Any:
            return backends[0]

        return pick


class AnswersName:
    """Answers the name of a backend."""

    name = "answers-name"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: random.choice(backends).name


class TriedIsAList:
    """Looks at the last backend tried by its place, which not every collection has."""

    name = "tried-is-a-list"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(session: Any) -> Any:
            last: Any = session.tried[-1] if session.tried else None
            return next((one for one in backends if one is not last), backends[0])

        return pick


class NeedsRequest:
    """Looks at the path of the request, and a TCP session has none."""

    name = "needs-request"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda session: backends[len(session.request.path) % len(backends)]


class WholeWeights:
    """Writes a backend down as often as its weight says, which is never for one half."""

    name = "whole-weights"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        tickets = list(itertools.chain.from_iterable([one] * int(one.weight) for one in backends))
        return lambda _session: random.choice(tickets)


class _OneAtATime:
    """Keeps when each backend was chosen, as if it could have one session only."""

    def __init__(self, backends: Sequence[Any]) -> None:
        self._backends, self._since = backends, dict[Any, float]()

    def __call__(self, session: Any) -> Any:
        chosen = min(self._backends, key=lambda one: self._since.get(one, -1.0))
        self._since[chosen] = session.now
        return chosen

    def released(self, backend: Any, outcome: Any) -> None:
        """The backend is free again, so it thinks."""
        del self._since[backend]


class NeverMade:
    """Makes its picker in slices, of which there is no end."""

    name = "never-made"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        while True:
            yield


class ReleasedOnce:
    """Fails when the second session on a backend ends, for it has forgotten the backend with the first."""

    name = "released-once"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _OneAtATime(backends)


class _Stamping:
    def __init__(self, backends: Sequence[Any]) -> None:
        self._next = itertools.cycle(backends)

    def __call__(self, _session: Any) -> Any:
        return next(self._next)

    def responded(self, session: Any, backend: Any, head: Any) -> Any:
        """Stamp the head, and forget to return it."""
        head.with_field("x-served-by", backend.name)


class ForgetsTheHead:
    """Adds to the heads of answers, and does not return them."""

    name = "forgets-the-head"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _Stamping(backends)


ANSWERING = [
    Faulty(RememberedIndex, "safety"),
    Faulty(NeedsTwo, "safety"),
    Faulty(OlderSnapshot, "safety"),
    Faulty(Sorting, "safety"),
    Faulty(CountsForTheEngine, "safety"),
    Faulty(MarksAsTried, "safety"),
    Faulty(AsksForAnother, "safety"),
    Faulty(Awaitable, "shape"),
    Faulty(AnswersName, "safety"),
    Faulty(TriedIsAList, "safety"),
    Faulty(NeedsRequest, "safety"),
    Faulty(WholeWeights, "safety"),
    Faulty(NeverMade, "shape"),
    Faulty(ReleasedOnce, "safety"),
    Faulty(ForgetsTheHead, "safety"),
]
