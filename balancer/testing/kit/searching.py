"""Looks for a story in which a promise is broken, and keeps the shortest; knows no promise.

Hypothesis makes the stories and makes them shorter. What breaks a promise by chance alone, so that it cannot be told
twice, counts all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import process_time
from typing import TYPE_CHECKING, Any

from balancer.testing.kit.claims import Profile
from balancer.testing.kit.stories import Broken
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class _Trials:
    """The trials of one promise: `found` are the stories in which it was broken, `error` is what else was raised."""

    def __init__(self, attempt: Callable[[Any], object], seconds: float) -> None:
        self.found: list[Broken] = []
        self.error: Exception | None = None
        self._attempt, self._seconds, self._until = attempt, seconds, process_time() + seconds

    def run(self, case: Any) -> None:
        """One trial, unless the time is over. Raises `Broken`."""
        if process_time() > self._until:
            return
        try:
            self._attempt(case)
        except Broken as broken:
            if not self.found:
                self._until = process_time() + self._seconds  # as long again for a shorter one
            self.found.append(broken)
            raise
        except Exception as error:
            self.error = error  # told twice or not: the time may be over before it can be
            raise

    def shortest(self) -> Broken:
        """The story with the fewest steps, the latest of those."""
        return min(reversed(self.found), key=lambda broken: broken.steps)


def search(
    strategy: SearchStrategy[Any],
    attempt: Callable[[Any], object],
    effort: Profile,
    *,
    first: Iterable[Any] = (),
    shorten: bool = True,
) -> None:
    """Try the promise on these `first`, then on whatever the strategy makes. Raises `Broken`."""
    hypothesis_strategies()
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415  only tests need it

    trials = _Trials(attempt, effort.seconds)
    for case in first:
        _try_first(attempt, case, effort.seconds)
    settled = settings(
        max_examples=effort.examples,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink] if shorten else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        settled(given(strategy)(trials.run))()
    except BaseException:
        if trials.error is not None:
            raise trials.error from None
        if not trials.found:
            raise
    if trials.found:
        shortest = trials.shortest()
        raise Broken(str(shortest), shortest.steps)


def _try_first(attempt: Callable[[Any], object], case: Any, seconds: float) -> None:
    """Try one case; if the last part of it is a list, all is left out that is not needed. Raises `Broken`.

    Begins with no shorter one when so many CPU seconds were spent on that.
    """
    try:
        attempt(case)
        return
    except Broken as broken:
        if not isinstance(case, tuple):
            raise
        shortest, steps = broken, list(case[-1])
    until = process_time() + seconds
    for place in reversed(range(len(steps))):
        fewer = [*steps[:place], *steps[place + 1 :]]
        if process_time() > until:
            break
        try:
            attempt((*case[:-1], fewer))
        except Broken as broken:
            shortest, steps = broken, fewer
    raise shortest from None


def for_each_seed(attempt: Callable[[int], object], effort: Profile) -> None:
    """Try a promise about many picks with a few seeds; `--hypothesis-seed` chooses them. Raises `Broken`."""
    strategies = hypothesis_strategies()
    few = Profile(effort.seeds, 60.0, effort.seeds)
    search(strategies.integers(0, 2**32), attempt, few, shorten=False)
