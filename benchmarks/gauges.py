"""What can be told of a balancer, by `/proc` and by its control socket, and how much may stay when its work is over.

A gauge is a name, a way to read it and what it may have risen by. Whatever else tells of the process is one more row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs

from balancer.ctl.asking import ask
from benchmarks.processes import usage_of

CONTROL = "control.sock"
"""What the balancer's control socket is called."""

REST = 1.0
"""Seconds over which the processor time of a process at rest is taken."""


@attrs.frozen
class Watched:
    """A balancer: its process, and the folder of its control socket."""

    pid: int
    folder: Path


@attrs.frozen
class Gauge:
    """Something that rises under load and has to fall again: by all but `share` of what it was, and `plus`."""

    name: str
    read: Callable[[Watched], int]
    share: float = 0.0
    plus: int = 0

    def allowed(self, before: int) -> int:
        """What it may be when it was that before."""
        return int(before * (1 + self.share)) + self.plus


def memory(watched: Watched) -> int:
    """KiB of memory in use (VmRSS)."""
    status = Path(f"/proc/{watched.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def opened(pid: int) -> Iterator[str]:
    """What each descriptor of the process is: `socket:[...]`, `pipe:[...]`, or a path."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(descriptor.readlink())
        except FileNotFoundError:
            continue


def descriptors(kind: str) -> Callable[[Watched], int]:
    """How many descriptors of that kind it has."""
    return lambda watched: sum(what.startswith(kind) for what in opened(watched.pid))


def others(watched: Watched) -> int:
    """How many descriptors of any other kind."""
    return sum(not what.startswith(("socket:", "pipe:")) for what in opened(watched.pid))


def threads(watched: Watched) -> int:
    """How many threads it has."""
    return len(list(Path(f"/proc/{watched.pid}/task").iterdir()))


def unrest(watched: Watched) -> int:
    """Milliseconds of processor time in a second, by which forgotten timers would be found."""
    before = usage_of(watched.pid).total
    time.sleep(REST)
    return int((usage_of(watched.pid).total - before) / REST / 1e6)


def counted(name: str, watched: Watched) -> int:
    """What the balancer itself has counted of that."""
    return int(ask(str(watched.folder / CONTROL), {"do": "counters"})["process"][name])


SOCKETS = Gauge("sockets", descriptors("socket:"))

GAUGES = (
    Gauge("memory, KiB", memory, share=0.1, plus=4096),
    SOCKETS,
    Gauge("pipes", descriptors("pipe:"), plus=16),
    Gauge("other descriptors", others),
    Gauge("threads", threads, plus=1),
    Gauge("at rest, ms a second", unrest, plus=20),
    Gauge("sessions", partial(counted, "sessions")),
    Gauge("flows", partial(counted, "flows")),
    Gauge("pipes lent", partial(counted, "pipes")),
    Gauge("deadlines", partial(counted, "deadlines"), plus=4),
)
"""Unused pipes are kept for the next use. A deadline may be that of a connection kept to a backend."""

Reading = Mapping[str, int]


def reading(watched: Watched) -> Reading:
    """What every gauge says."""
    return {gauge.name: gauge.read(watched) for gauge in GAUGES}


def left(before: Reading, after: Reading) -> list[str]:
    """What has not gone back to what it was, a line for each."""
    return [
        f"{gauge.name}: {after[gauge.name]}, and it was {before[gauge.name]}"
        for gauge in GAUGES
        if after[gauge.name] > gauge.allowed(before[gauge.name])
    ]
