"""Measure what a request, a connection or a KiB costs a balancer in processor time, next to its peers: `make bench`.

The balancer runs on one core, the load and the backends on another. Every peer has its turn in each round, and the
table says the median over the rounds. Everything is on 127.0.0.1, bounded in time, and ended again.
`docs/explanation/performance.md` says how to read the figures.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks import micro
from benchmarks.peers import BACKEND_PORTS, PEERS, PeerFailed, Running, start
from benchmarks.processes import Program
from benchmarks.results import HEADINGS, WORKLOADS, Sample, Workload, figures, rows, table

HERE = Path(__file__).parent
WARM_UP = 0.3
"""Seconds of load before a sample begins: connections are made, caches are warm."""


@attrs.frozen
class Stage:
    """Where the measurements run: the peers that are up, and the core of the load."""

    peers: Mapping[str, Running]
    core: int

    def sample(self, workload: Workload, peer: str, number: int, seconds: float) -> Sample:
        """One turn of one peer; raises `PeerFailed` when the load does not get the answers that it expects."""
        running = self.peers[peer]
        command = [sys.executable, str(HERE / "load.py"), workload.kind, running.ports[workload.port]]
        with Program(command, self.core) as load:
            time.sleep(WARM_UP)
            done, used, began = done_by(load), running.program.usage(), time.monotonic()
            time.sleep(seconds)
            done = done_by(load) - done
            used, took = running.program.usage() - used, time.monotonic() - began
        if not done:
            raise PeerFailed("nothing was done")
        return Sample(number, peer, used, done, took)

    def measure(self, workload: Workload, rounds: int, seconds: float) -> Iterator[Sample]:
        """The samples of all peers that can do this work; one that fails is named, and left out from then on."""
        able = [name for name, running in self.peers.items() if workload.port in running.ports]
        for number in range(rounds):
            for peer in tuple(able):
                try:
                    yield self.sample(workload, peer, number, seconds)
                except PeerFailed as failure:
                    able.remove(peer)
                    print(f"{workload.name}: {peer} is left out: {failure}")


def done_by(load: Program) -> int:
    """How much the load has done so far; raises `PeerFailed` when it has ended."""
    line = load.ask()
    if not line:
        raise PeerFailed("the load ended early, for the reason above")
    return int(line)


def running_peers(names: Sequence[str], core: int, load_core: int, stack: ExitStack) -> dict[str, Running]:
    """Start the backends and the peers, to be ended by the stack; who cannot start is named."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
    backends = stack.enter_context(Program([sys.executable, str(HERE / "backends.py")], load_core))
    ports = dict(zip(BACKEND_PORTS, backends.line().split(), strict=True))
    found = {}
    for name in names:
        try:
            found[name] = start(PEERS[name], ports, core, folder)
        except PeerFailed as failure:
            print(f"{name} is left out: {failure}")
        else:
            stack.enter_context(found[name].program)
    return found


def compare(names: Sequence[str], workloads: Sequence[str], rounds: int, seconds: float) -> None:
    """Measure and print the table."""
    cores = sorted(os.sched_getaffinity(0))
    core, load_core = cores[-1], cores[0]
    print(f"Processor time of the balancer's processes, core {core}; load and backends on core {load_core}.")
    with ExitStack() as stack:
        stage = Stage(running_peers(names, core, load_core, stack), load_core)
        lines = []
        for name in workloads:
            workload = WORKLOADS[name]
            samples = list(stage.measure(workload, rounds, seconds))
            lines += rows(figures(samples, workload), workload)
    print(table(HEADINGS, lines))
    print("\n".join(f"{name}: {WORKLOADS[name].what}" for name in workloads), end="\n\n")


def one_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """A parser of names with commas between them, each one of those known."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := [name for name in given if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return given

    return names


def options() -> argparse.ArgumentParser:
    """The command line."""
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=about)
    add = parser.add_argument
    add("--workloads", type=one_of(WORKLOADS), default=list(WORKLOADS), help=f"some of {','.join(WORKLOADS)}")
    add("--peers", type=one_of(PEERS), default=list(PEERS), help=f"some of {','.join(PEERS)}")
    add("--rounds", type=int, default=3, help="how often each peer has its turn (3)")
    add("--seconds", type=float, default=1.0, help="length of a turn (1)")
    add("--no-micro", dest="micro", action="store_false", help="leave out the parts on their own")
    add("--no-peers", dest="compare", action="store_false", help="leave out the comparison")
    return parser


def main() -> None:
    """Do what the command line says."""
    given = options().parse_args()
    if sys.platform != "linux":
        sys.exit("the measurements need Linux: epoll, /proc and processes that are bound to a core")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if given.compare:
        compare(given.peers, given.workloads, given.rounds, given.seconds)
    if given.micro:
        micro.main()


if __name__ == "__main__":
    main()
