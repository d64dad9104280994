"""The promises that hold over time and in number: memory that does not grow, and picks that take no longer than due.

What is compared was measured in the same run, and of several batches the least counts: a busy machine makes all slower,
and never an innocent algorithm slow.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator
from contextlib import suppress
from random import Random
from time import perf_counter, thread_time  # noqa: TID251  real time is what is measured
from typing import Any, Final

from balancer.core.backend import Backend
from balancer.core.messages import ResponseHead
from balancer.errors import BalancerError, DownstreamGone, UpstreamGone
from balancer.interfaces import Outcome, Phase
from balancer.testing.ending import Ending
from balancer.testing.kit.algorithms import finished
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.growing import FORGOTTEN, growth
from balancer.testing.kit.keys import keyed_session, session_of
from balancer.testing.kit.setups import SetUp
from balancer.testing.kit.stories import Story
from balancer.testing.pools import MemoryPool

PICKERS: Final = 16
"""The most pickers of one round."""

ENDS: Final = (
    *[(Phase.DONE, None, 200)] * 5,
    (Phase.CONNECT, UpstreamGone("refused"), None),
    (Phase.DATA, DownstreamGone("closed"), None),
    (Phase.DONE, None, 503),
)
"""How sessions end: most of them well."""

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
    story = Story()
    setup = SetUp(4, failure_hold=True)  # nothing in it has the picker made anew, which would forget what it remembers
    pool = setup.made(subject.make())
    story.tell(str(setup))
    count = iter(range(1_000_000))
    per_session = growth(lambda: _serve(subject, pool, next(count)), subject.effort)
    if per_session > FORGOTTEN:
        story.tell("sessions of different clients come and end, some of them badly")
        story.broken("sessions that have ended leave nothing behind", f"each leaves {per_session:.0f} bytes or more")
    algorithm = subject.make()
    per_backend = growth(lambda: _rename(algorithm, next(count)), subject.effort, PICKERS)
    if per_backend > 5 * FORGOTTEN:
        story.tell("pickers are made, each for 2 backends that were never there before")
        story.broken(
            "backends that are gone leave nothing behind", f"each picker leaves {per_backend:.0f} bytes or more"
        )


def _serve(subject: Subject, pool: MemoryPool, number: int) -> None:
    """One session, which ends as its number has it; what failed is held against its backend for a while.

    One that was not connected comes again.
    """
    phase, error, status = ENDS[number % len(ENDS)]
    with suppress(BalancerError):
        session = keyed_session(subject, pool, number)
        lease = pool.pick(session)
        lease.end(phase, error=error, status=status)
        if phase is Phase.CONNECT:
            session.become(attempt=2, tried=(lease.backend,))
            pool.pick(session).end()
    pool.wait(1.0)


def _rename(algorithm: Any, number: int) -> None:
    MemoryPool(_Fresh(algorithm, number), (1, 1))


class _Fresh:
    """Gives the backends names that nobody had before."""

    def __init__(self, algorithm: Any, number: int) -> None:
        self.name, self._algorithm, self._number = algorithm.name, algorithm, number

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        for place, backend in enumerate(backends):
            backend.books.name = f"fresh-{self._number}-{place}"
        return self._algorithm.picker(backends, random)


def budget(subject: Subject) -> None:
    """At 8, 64 and 512 backends a pick takes no longer than a few looks at each, waits for nothing, and is made so."""
    for size in SIZES:
        story = Story()
        story.tell(f"a pool of {size} backends")
        pool = MemoryPool(_Least(), [1.0] * size)
        reference = _one_look(pool)
        made, waiting = _slowest_slice(subject.make(), pool.backends)
        if waiting > WAITING:
            story.broken("making a picker waits for nothing", f"it waits {waiting * 1000:.1f} ms at a time")
        if made > SLICE * reference + SLICE_SLACK:
            promised = "a picker is made at once, or by a generator in slices of a millisecond"
            story.broken(promised, f"{made * 1000:.1f} ms at a time, {made / reference:.0f} times a look at all")
        _judge_picks(subject, pool, reference, story)


def _one_look(pool: MemoryPool) -> float:
    return _timed(lambda: _reference(pool.backends))[0]


def _judge_picks(subject: Subject, pool: MemoryPool, reference: float, story: Story) -> None:
    """Time a pick with all that the picker is told of one session."""
    picker = _made(subject.make(), pool.backends)
    now = pool.clock.seconds()
    several = [session_of(subject.claims.affinity or True, number, now=now) for number in range(50)]
    for session in several[::2]:
        session.become(attempt=2, tried=(pool.backends[0],))
    order = iter(range(10_000_000))

    def once() -> None:
        session = several[next(order) % len(several)]
        with suppress(Exception):  # whether it fails is another promise
            chosen = picker(session)
            if chosen is not None:
                _tell_all(picker, session, chosen)

    working, waiting = _timed(once)
    if waiting > WAITING:
        story.broken("a pick waits for nothing", f"it waits {waiting * 1000:.1f} ms")
    if working > RATIO * reference + SLACK:
        promised = f"a pick takes at most {RATIO:g} times as long as one look at all backends"
        story.broken(promised, f"{working * 1e6:.0f} us, where a look takes {reference * 1e6:.0f} us")


def _tell_all(picker: Any, session: Any, chosen: Any) -> None:
    """What a picker may want to be told of a session, up to its end."""
    for name, head in (("requested", session.request), ("responded", ResponseHead(200))):
        told = getattr(picker, name, None)
        if told is not None and session.request is not None:
            told(session, chosen, head)
    release = getattr(picker, "released", None)
    if release is not None:
        release(chosen, Outcome(session.now, 0.0, session=session))


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
    return finished(_begun(algorithm, backends))


_WHOM: Final = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
"""This thread, where the system can tell; else the process."""


class _Watch:
    """Measures what one stretch of code works and waits, in seconds.

    Only what gives the processor up of itself waits: who is made to wait by a busy machine does not.
    """

    def __init__(self) -> None:
        self._gave_up, self._working, self._passing = _given_up(), thread_time(), perf_counter()

    def stopped(self, calls: int = 1) -> tuple[float, float]:
        """For one of so many calls."""
        working, passing = thread_time() - self._working, perf_counter() - self._passing
        waits = 2 * (_given_up() - self._gave_up) > calls
        return working / calls, (passing - working) / calls if waits else 0.0


def _given_up() -> int:
    """How often this thread has waited for something."""
    return resource.getrusage(_WHOM).ru_nvcsw


def _timed(once: Callable[[], object]) -> tuple[float, float]:
    """What one call works and waits, the least of several batches."""
    times, calls = list[tuple[float, float]](), 1
    while len(times) < BATCHES:
        watch = _Watch()
        for _ in range(calls):
            once()
        working, waiting = watch.stopped(calls)
        if (working + waiting) * calls < 0.002:  # too little to be measured
            calls *= 4
            continue
        times.append((working, waiting))
    return min(working for working, _ in times), min(waiting for _, waiting in times)


def _slowest_slice(algorithm: Any, backends: Any) -> tuple[float, float]:
    """What the longest step in making a picker works and waits; of a few tries the ones that went best."""
    tries = [_steps(algorithm, backends) for _ in range(3)]
    return min(max(working for working, _ in steps) for steps in tries), min(
        max(waiting for _, waiting in steps) for steps in tries
    )


def _steps(algorithm: Any, backends: Any) -> list[tuple[float, float]]:
    """What each step takes."""
    times, made = list[tuple[float, float]](), None
    while not times or isinstance(made, Generator):
        watch = _Watch()
        try:
            made = next(made) or made if isinstance(made, Generator) else _begun(Ending(algorithm), backends)
        except StopIteration as end:
            made = end.value
        times.append(watch.stopped())
    return times


def _begun(algorithm: Any, backends: Any) -> Any:
    """What should be a picker, or the work on it."""
    if hasattr(algorithm, "keeper"):
        return algorithm.keeper().picker(backends, (), Random(1))
    return algorithm.picker(backends, Random(1))
