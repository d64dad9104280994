"""Put the balancer under mixed load for a while, and see that it keeps nothing of it: `make soak`.

Requests in the clear and over TLS, relayed connections that are kept, ended, half-closed and cut off, bulk and
datagrams, all at once. What the process has in use is read after a short load, when all that is kept for the next use
has been made, and again after the long one. Ends with status 1 when something has stayed, when an answer was
wrong, or when the log tells of an error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks.gauges import GAUGES, SOCKETS, Reading, Watched, left, reading
from benchmarks.peers import BACKEND_PORTS, PEERS, PORTS, Running, start
from benchmarks.processes import Program
from benchmarks.results import table

HERE = Path(__file__).parent
PEER = attrs.evolve(PEERS["ours"], config=(HERE / "soak_config.py").read_text(), ports=(*PORTS, "port_source"))

BEGINS_WITHIN = 20.0
"""Seconds within which every load has done something."""
SETTLES_WITHIN = 30.0
"""Seconds within which all that ends by time has ended: see `soak_config.py`."""
LOOK = 0.25
"""Seconds between two looks at it."""
TOLD_EVERY = 60.0
"""Seconds between two lines that tell how far it is."""

MIX = (
    ("ask", "port_h1"),
    ("connect", "port_h1"),
    ("finish", "port_h1"),
    ("abort", "port_h1"),
    ("ask-tls", "port_tls"),
    ("shake", "port_tls"),
    ("resume", "port_tls"),
    ("abort-tls", "port_tls"),
    ("ask", "port_l4"),
    ("connect", "port_l4"),
    ("finish", "port_l4"),
    ("abort", "port_l4"),
    ("pour", "port_bulk"),
    ("cut", "port_bulk"),
    ("leave", "port_source"),
    ("echo", "port_udp"),
    ("roam", "port_udp"),
)
"""Each kind of load of `load.py`, and where it goes."""


class SoakFailed(Exception):
    """The load did not come to its end; the message says why in a line."""


@attrs.frozen
class Soak:
    """The balancer that is soaked, and the core of the load."""

    running: Running
    core: int
    folder: Path

    def load(self, seconds: float) -> None:
        """Let it work for so long, all loads at once. Raises `SoakFailed` when one does nothing, or ends early."""
        with ExitStack() as stack:
            loads = {" ".join(name): stack.enter_context(self._loading(*name)) for name in MIX}
            _at_work(loads)
            for rest in spans(seconds):
                time.sleep(rest)
                print(f"done: {_done(loads)}", flush=True)

    def settled(self) -> Reading:
        """What it has in use once its sockets are those it listens on, or after as long as that may take.

        Health checks come and go, so what counts of sockets is the last look before the rest is read.
        """
        bound = len(self.running.ports) + 1  # and the control socket
        watched, until = Watched(self.running.program.pid, self.folder), time.monotonic() + SETTLES_WITHIN
        while (sockets := SOCKETS.read(watched)) > bound and time.monotonic() < until:
            time.sleep(LOOK)
        return {**reading(watched), SOCKETS.name: sockets}

    def _loading(self, kind: str, port: str) -> Program:
        return Program([sys.executable, str(HERE / "load.py"), kind, self.running.ports[port]], self.core)


def spans(seconds: float) -> Iterator[float]:
    """How long to wait until each line that tells how far it is."""
    while seconds > TOLD_EVERY:
        yield TOLD_EVERY
        seconds -= TOLD_EVERY
    yield seconds


def _at_work(loads: Mapping[str, Program]) -> None:
    """Return once every load has done something."""
    until = time.monotonic() + BEGINS_WITHIN
    while idle := [name for name, count in _done(loads).items() if not count]:
        if time.monotonic() > until:
            raise SoakFailed(f"nothing was done by: {', '.join(idle)}")
        time.sleep(LOOK)


def _done(loads: Mapping[str, Program]) -> dict[str, int]:
    """How much each load has done so far."""
    lines = {name: load.ask() for name, load in loads.items()}
    if ended := [name for name, line in lines.items() if not line]:
        raise SoakFailed(f"ended early, for the reason above: {', '.join(ended)}")
    return {name: int(line) for name, line in lines.items()}


def soaked(soak: Soak, seconds: float, warm_up: float) -> list[str]:
    """What has stayed after so many seconds of load that had not after the warm-up, a line for each."""
    fresh = soak.settled()
    soak.load(warm_up)
    before = soak.settled()
    soak.load(seconds)
    after = soak.settled()
    names = [gauge.name for gauge in GAUGES]
    lines = [(name, *(str(one[name]) for one in (fresh, before, after))) for name in names]
    print(table(("what", "fresh", "warm", "after"), lines), flush=True)
    return left({**before, SOCKETS.name: fresh[SOCKETS.name]}, after)


def run(seconds: float, warm_up: float) -> list[str]:
    """All that is wrong, a line for each."""
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="soak-")))
        backends = stack.enter_context(Program([sys.executable, str(HERE / "backends.py")], cores[0]))
        ports = dict(zip(BACKEND_PORTS, backends.line().split(), strict=True))
        running = start(PEER, ports, cores[-1], folder)
        stack.enter_context(running.program)
        try:
            wrong = soaked(Soak(running, cores[0], folder / PEER.name), seconds, warm_up)
        except SoakFailed as failure:
            wrong = [str(failure)]
        running.program.stop()
        log = (folder / PEER.name / "log").read_text()
        if running.program.status != 0:
            wrong.append(f"it ended with status {running.program.status}")
    if "Traceback" in log:
        wrong.append(f"the log tells of an error: {log[log.index('Traceback') :][:2000]}")
    return wrong


def main() -> None:
    """Do what the command line says."""
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seconds", type=float, default=600.0, help="length of the load (600)")
    parser.add_argument("--warm-up", type=float, default=20.0, help="length of the load before it (20)")
    given = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("the soak needs Linux: epoll, /proc and processes that are bound to a core")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if wrong := run(given.seconds, given.warm_up):
        sys.exit("\n".join(wrong))
    print("nothing has stayed")


if __name__ == "__main__":
    main()
