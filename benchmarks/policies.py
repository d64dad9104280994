"""How the algorithms do, on the virtual clock: within which time requests are over, by load and by the law of the work.

Ten backends of four servers each, work of 50 ms on average, and the same requests for every algorithm: with all well,
with one ten times slower, and with one that answers errors at once. The same figures come out on every machine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from balancer.plugins.algorithms import LeastConnections, LeastTime, PeakEWMA, PowerOfTwo, Random, RoundRobin
from balancer.plugins.combinators import BoundedLoad
from balancer.plugins.hashing import Hash, Ketama, Maglev, Rendezvous, SourceHash, header
from balancer.tables import table
from balancer.testing.simulation import Constant, Exponential, Fault, LogNormal, Poisson, Result, Trace, simulate
from balancer.testing.simulation.results import milliseconds

WORK: Final = 0.05
SERVERS: Final = 4
BACKENDS: Final = 10
LOADS: Final = (0.1, 0.5, 0.8)
LAWS: Final = (Constant(WORK), Exponential(WORK), LogNormal(WORK))
KEY: Final = header("x-key")
POLICIES: Final[dict[str, Any]] = {
    "RoundRobin()": RoundRobin(),
    "Random()": Random(),
    "LeastConnections()": LeastConnections(),
    "PowerOfTwo()": PowerOfTwo(),
    "LeastTime()": LeastTime(),
    "PeakEWMA()": PeakEWMA(),
    "SourceHash()": SourceHash(),
    "Hash(by=Maglev())": Hash(KEY, by=Maglev()),
    "Hash(by=Ketama())": Hash(KEY, by=Ketama()),
    "Hash(by=Rendezvous())": Hash(KEY, by=Rendezvous()),
    "BoundedLoad(Hash())": BoundedLoad(Hash(KEY)),
}
"""Every algorithm that has its own way with load; the others choose by what is configured."""


@attrs.frozen
class Case:
    """What befalls the pool, and which figure tells how an algorithm takes it."""

    name: str
    about: str
    faults: tuple[Fault, ...] = ()

    def figure(self, result: Result) -> str:
        """The one to look at."""
        return f"{result.backends[-1].share:.1%}" if self.name == "failing" else milliseconds(result.p99)


CASES: Final = (
    Case("well", "p99, all well"),
    Case("slow", "p99, one of ten ten times slower", (Fault(f"b{BACKENDS}", "slow", by=10),)),
    Case("failing", "share of one of ten that fails at once", (Fault(f"b{BACKENDS}", "failing"),)),
)


def trace(law: Any, load: float, requests: int, faults: Sequence[Fault] = ()) -> Trace:
    """What keeps the backends so busy."""
    rate = load * BACKENDS * SERVERS / WORK
    return Trace(requests, arrivals=Poisson(rate), service=law, servers=SERVERS, faults=faults)


def measure(case: Case, requests: int, seed: int) -> Iterator[tuple[str, list[Result]]]:
    """For each algorithm what came of it, by law and load."""
    for name, algorithm in POLICIES.items():
        traces = (trace(law, load, requests, case.faults) for law in LAWS for load in LOADS)
        yield name, [simulate(algorithm, each, seed=seed) for each in traces]


def shown(case: Case, measured: Sequence[tuple[str, list[Result]]]) -> Iterator[str]:
    """The table of one case."""
    heads = [f"{type(law).__name__.lower()} {load:.0%}" for law in LAWS for load in LOADS]
    yield f"{case.about}:"
    yield from table(["", *heads], [[name, *map(case.figure, results)] for name, results in measured])


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print a table for each case, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000, help="of each simulation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="some of well,slow,failing")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    chosen = [case for case in CASES if case.name in arguments.cases.split(",")]
    found = {case: list(measure(case, arguments.requests, arguments.seed)) for case in chosen}
    if arguments.json:
        told = {case.name: {name: [one.figures() for one in each] for name, each in found[case]} for case in found}
        print(json.dumps(told, indent=2))
        return
    for case, measured in found.items():
        print(*shown(case, measured), "", sep="\n")


if __name__ == "__main__":
    main()
