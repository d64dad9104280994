"""Measures what calls leave behind in memory, so that one who remembers ever more is told from a table that is bounded.

Knows no plugin. Of several rounds the least counts: what is made once is nobody's fault.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from time import perf_counter, process_time  # noqa: TID251  real time is what is measured
from typing import Final

from balancer.testing.kit.claims import Profile

ROUNDS: Final = 3
CALLS: Final = 2000
"""The most calls of one round."""
FEWEST: Final = 3
"""Calls of a round, however long they take."""
NOISE: Final = 256
"""Bytes of a round that are not the plugin's."""
FORGOTTEN: Final = 6
"""Bytes for each call that may be left over, as when a table doubles."""
FILLED: Final = 100_000
"""Calls after which any table should be full."""


def growth(once: Callable[[], object], effort: Profile, most: int = CALLS) -> float:
    """The least bytes that one call leaves behind.

    A round takes about a third of the profile's seconds, and so many calls at most, fewer of a short profile. Who seems
    to grow is called on for as long as all of them, for he may have a table that is not full yet.
    """
    with traced(), _old_ones_left_out():
        times = max(FEWEST, min(most, 20 * effort.examples, int(effort.seconds / ROUNDS / _seconds_of(once))))
        least = _least(once, times, ROUNDS)
        if least > FORGOTTEN:
            _go_on(once, effort.seconds)
            least = min(least, _least(once, times, 1))
    return least


@contextmanager
def traced() -> Iterator[None]:
    """Memory is traced, as it was before or not."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start(1)
    try:
        yield
    finally:
        if not tracing:
            tracemalloc.stop()


def in_use() -> int:
    """Bytes that are in use, of those allocated since memory is traced."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@contextmanager
def _old_ones_left_out() -> Iterator[None]:
    """No collection looks at what was there before, which may be all that a long run of tests has left behind.

    Where somebody has left out some already they stay so, and these with them.
    """
    frozen = gc.get_freeze_count()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()


def _least(once: Callable[[], object], times: int, rounds: int) -> float:
    sizes = [_after(once, times) for _ in range(rounds + 1)]
    return min(after - before - NOISE for before, after in pairwise(sizes)) / times


def _after(once: Callable[[], object], times: int) -> int:
    for _ in range(times):
        once()
    return in_use()


def _go_on(once: Callable[[], object], seconds: float) -> None:
    until = process_time() + seconds
    for _ in range(FILLED):
        once()
        if process_time() > until:
            return


def _seconds_of(once: Callable[[], object]) -> float:
    """The least of a few: the first may be slow, and so is any on a busy machine."""
    times = [perf_counter()]
    for _ in range(FEWEST):
        once()
        times.append(perf_counter())
    return min(after - before for before, after in pairwise(times))
