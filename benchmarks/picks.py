"""What a pick costs: by algorithm, beside the least that one can cost; in a pool; and how long making a picker blocks.

A pick of an algorithm that does not look at all backends is to cost 2 us at most with 64 of them, the guard around it
0.3 us, and no slice of the work on a picker 5 ms. Run it on an idle machine: `python -m benchmarks.picks`.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from itertools import cycle, pairwise
from random import Random
from typing import Any, Final

from balancer.core.pool import Pool
from balancer.core.slow_start import Curve
from balancer.plugins.algorithms import LeastConnections, LeastTime, PeakEWMA, PowerOfTwo, RoundRobin
from balancer.plugins.algorithms import Random as Chance
from balancer.plugins.hashing import Hash, Ketama, Rendezvous, SourceHash, capture
from benchmarks.micro import Call, Case, backends, pick, ports, sessions
from benchmarks.results import table

SIZE: Final = 64
SIZES: Final = (64, 1000)
"""How many backends pickers are made for."""
LEAST: Final = "the next of a cycle"

CONSTANT: Final[list[Any]] = [
    RoundRobin(),
    Chance(),
    PowerOfTwo(),
    PeakEWMA(),
    SourceHash(),
    SourceHash(Ketama()),
    Hash(capture("none")),
]
"""Those that look at a few backends, however many there are."""
GROWING: Final[list[Any]] = [LeastConnections(), LeastTime(), SourceHash(Rendezvous())]
"""Those that look at all."""

POOLS: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "failure_hold": {"failure_hold": 1.0},
    "slow_start, nobody starting": {"slow_start": Curve(30)},
    "spill and panic, all fit": {"spill": 1.4, "panic": 0.5},
}
"""What a pool may be told, none of which is to cost a pick anything while all is well."""


def called(algorithm: Any) -> str:
    """What the table calls it."""
    return f"{algorithm.name} {type(getattr(algorithm, 'by', None)).__name__}".removesuffix(" NoneType")


def least() -> Call:
    """The least that a pick from so many can do."""
    order, clients = cycle(backends(SIZE)), sessions()

    def picker(_session: object) -> object:
        return next(order)

    return lambda: picker(next(clients))


def in_a_pool(settings: dict[str, Any]) -> Call:
    """A pool's pick in turn, and its end."""
    algorithm: Any = RoundRobin()
    pool, clients = Pool("benchmark", backends(SIZE), algorithm, ports=ports(), **settings), sessions()
    return lambda: pool.pick(next(clients)).end()


def guarded(*, asked: bool) -> Call:
    """A pick in turn: by the picker alone, or asked as the pool asks a stranger's, so that no fault of it gets out."""
    algorithm: Any = RoundRobin()
    pool, clients = Pool("benchmark", backends(SIZE), algorithm, ports=ports()), sessions()
    policy, snapshot = pool.policy, pool.policy.snapshot
    assert snapshot is not None
    picker = snapshot.picker
    return (lambda: policy.ask(snapshot, next(clients))) if asked else (lambda: picker(next(clients)))


def longest_slice(algorithm: Any, size: int) -> float:
    """The most milliseconds of work in a row that making a picker for so many takes."""
    fleet, marks = backends(size), [time.thread_time()]
    making = algorithm.picker(fleet, Random(1))
    marks.append(time.thread_time())
    if isinstance(making, Generator):
        marks += [time.thread_time() for _ in making]
    return max(later - earlier for earlier, later in pairwise(marks)) * 1000


def picks() -> list[tuple[str, str, str]]:
    """What each algorithm's pick costs, in microseconds, and how many times the least that is."""
    cases = [Case(called(one), partial(pick, one, SIZE)) for one in (*CONSTANT, *GROWING)]
    reference = Case(LEAST, least).measure()
    told = [(case.name, case.measure()) for case in cases]
    return [(name, f"{cost:.2f}", f"{cost / reference:.1f}") for name, cost in [(LEAST, reference), *told]]


def main() -> None:
    """Measure everything and print the tables."""
    print(f"A pick from {SIZE} backends.\n")
    print(table(("what", "us", "times the least"), picks()))
    print("\nA pool's pick in turn, and its end, by what the pool is told.\n")
    told = [(name, f"{Case(name, partial(in_a_pool, given)).measure():.2f}") for name, given in POOLS.items()]
    print(table(("what", "us"), told))
    print("\nThe guard around a picker.\n")
    cases = [Case(name, partial(guarded, asked=asked)) for name, asked in (("alone", False), ("guarded", True))]
    print(table(("what", "us"), [(case.name, f"{case.measure():.2f}") for case in cases]))
    print("\nThe longest slice of making a picker.\n")
    made = [(f"{called(one)} for {size}", one, size) for one in CONSTANT for size in SIZES]
    print(table(("what", "ms"), [(name, f"{longest_slice(one, size):.2f}") for name, one, size in made]))


if __name__ == "__main__":
    main()
