"""The promises that hold over time and in number: memory that does not grow, and picks that take no longer than due.

What is compared was measured in the same run, and of several batches the least counts: a busy machine makes all slower,
and never an innocent algorithm slow.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Generator
from itertools import pairwise
from random import Random
from time import perf_counter, thread_time  # noqa: TID251  real time is what is measured
from typing import Any, Final

from balancer.core.backend import Backend
from balancer.errors import BalancerError
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.keys import keyed_session
from balancer.testing.kit.stories import Story
from balancer.testing.pools import MemoryPool

ROUNDS: Final = 4
SESSIONS: Final = 2000
"""The most sessions of one round."""
PICKERS: Final = 16
"""The most pickers of one round, and the fewest calls."""
NOISE: Final = 256
"""Bytes of a round that are not the plugin's."""
FORGOTTEN: Final = 6
"""Bytes for each session that may be left over, as when a table doubles."""

SIZES: Final = (8, 64, 512)
BATCHES: Final = 5
RATIO: Final = 25.0
"""How often as long as the reference a pick may take."""
SLACK: Final = 40e-6
"""Seconds that a pick may take however few backends there are."""
WAITING: Final = 0.002
"""Seconds that a pick may wait without working; whoever waits for another machine waits longer."""
SLICE: Final = 150.0
"""How often as long as the reference pick at that size a picker, or a slice of it, may take to make."""
SLICE_SLACK: Final = 0.002


def memory(subject: Subject) -> None:
    """What it remembers does not grow with the sessions it has served, nor with the backends it has seen."""
    story, algorithm = Story(), subject.make()
    pool = MemoryPool(algorithm, (1, 1, 1, 1))
    story.tell("a pool of 4 backends")
    count = iter(range(1_000_000))
    seconds = subject.effort.seconds / ROUNDS
    per_session = _growth(lambda: _serve(subject, pool, next(count)), SESSIONS, seconds)
    if per_session > FORGOTTEN:
        story.tell("sessions of different clients come and end")
        story.broken("sessions that have ended leave nothing behind", f"each leaves {per_session:.0f} bytes or more")
    algorithm = subject.make()
    per_backend = _growth(lambda: _rename(algorithm, next(count)), PICKERS, seconds)
    if per_backend > 16 * FORGOTTEN:
        story.tell("pickers are made, each for 2 backends that were never there before")
        story.broken(
            "backends that are gone leave nothing behind", f"each picker leaves {per_backend:.0f} bytes or more"
        )


def _serve(subject: Subject, pool: MemoryPool, number: int) -> None:
    try:
        pool.pick(keyed_session(subject, pool, number)).end()
    except BalancerError:
        return


def _rename(algorithm: Any, number: int) -> None:
    MemoryPool(_Fresh(algorithm, number), (1, 1))


class _Fresh:
    """Gives the backends names that nobody had before."""

    def __init__(self, algorithm: Any, number: int) -> None:
        self.name, self._algorithm, self._number = algorithm.name, algorithm, number

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        for place, backend in enumerate(backends):
            backend.name = f"fresh-{self._number}-{place}"
        return self._algorithm.picker(backends, random)


def _growth(once: Callable[[], object], most: int, seconds: float) -> float:
    """The least bytes that one call leaves behind, over several rounds; the first is for what is made once.

    A round takes about so many seconds, and so many calls at most.
    """
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start(1)
    try:
        times = max(PICKERS, min(most, int(seconds / _seconds_of(once))))
        sizes = [_after(once, times) for _ in range(ROUNDS + 1)]
    finally:
        if not traced:
            tracemalloc.stop()
    return min(after - before - NOISE for before, after in pairwise(sizes)) / times


def _seconds_of(once: Callable[[], object]) -> float:
    began = perf_counter()
    for _ in range(PICKERS):
        once()
    return (perf_counter() - began) / PICKERS


def _after(once: Callable[[], object], times: int) -> int:
    for _ in range(times):
        once()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def budget(subject: Subject) -> None:
    """At 8, 64 and 512 backends a pick takes no longer than a few looks at each, waits for nothing, and is made so."""
    for size in SIZES:
        story = Story()
        story.tell(f"a pool of {size} backends")
        pool = MemoryPool(_Least(), [1.0] * size)
        reference = _one_look(pool)
        made = _slowest_slice(subject.make(), pool.backends)
        if made > SLICE * reference + SLICE_SLACK:
            promised = "a picker is made at once, or by a generator in slices of a millisecond"
            story.broken(promised, f"{made * 1000:.1f} ms at a time, {made / reference:.0f} times a look at all")
        _judge_picks(subject, pool, reference, story)


def _one_look(pool: MemoryPool) -> float:
    return _timed(lambda: _reference(pool.backends))[0]


def _judge_picks(subject: Subject, pool: MemoryPool, reference: float, story: Story) -> None:
    picker = _made(subject.make(), pool.backends)
    several = [keyed_session(subject, pool, number) for number in range(50)]
    order = iter(range(10_000_000))
    working, passing = _timed(lambda: picker(several[next(order) % 50]))
    if working > RATIO * reference + SLACK:
        promised = f"a pick takes at most {RATIO:g} times as long as one look at all backends"
        story.broken(promised, f"{working * 1e6:.0f} us, where a look takes {reference * 1e6:.0f} us")
    if passing - working > WAITING:
        story.broken("a pick waits for nothing", f"it takes {passing * 1000:.1f} ms and works {working * 1000:.1f} ms")


class _Least:
    """Takes no part; only to have a pool of so many."""

    name = "least"

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: _reference(backends)


def _reference(backends: Any) -> Backend:
    """One look at all, as least connections takes it."""
    found: Backend = min(backends, key=lambda one: one.active / one.weight)
    return found


def _made(algorithm: Any, backends: Any) -> Any:
    made = algorithm.keeper().picker(backends, (), Random(1)) if hasattr(algorithm, "keeper") else None
    made = algorithm.picker(backends, Random(1)) if made is None else made
    while isinstance(made, Generator):
        try:
            next(made)
        except StopIteration as end:
            made = end.value
    return made


def _timed(once: Callable[[], object]) -> tuple[float, float]:
    """CPU and passing seconds of one call, the least of several batches."""
    times, calls = list[tuple[float, float]](), 1
    while len(times) < BATCHES:
        began, start = thread_time(), perf_counter()
        for _ in range(calls):
            once()
        working, passing = thread_time() - began, perf_counter() - start
        if passing < 0.002:  # too little to be measured
            calls *= 4
            continue
        times.append((working / calls, passing / calls))
    return min(working for working, _ in times), min(passing for _, passing in times)


def _slowest_slice(algorithm: Any, backends: Any) -> float:
    """CPU seconds of the longest step in making a picker; of a few tries the one that went best."""
    return min(max(_steps(algorithm, backends)) for _ in range(3))


def _steps(algorithm: Any, backends: Any) -> list[float]:
    began = thread_time()
    made = algorithm.picker(backends, Random(1)) if not hasattr(algorithm, "keeper") else None
    times = [thread_time() - began]
    while isinstance(made, Generator):
        began = thread_time()
        try:
            next(made)
        except StopIteration as end:
            made = end.value
        times.append(thread_time() - began)
    return times
