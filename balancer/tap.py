"""The door that `twist` knocks on: options, exit status and signals; everything else is `balancer.service`'s."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from random import SystemRandom
from types import FrameType
from typing import Any, NoReturn

from twisted.logger import Logger
from twisted.python import runtime, usage

from balancer.config import Config, load
from balancer.errors import ConfigError
from balancer.installed import unknown_types
from balancer.net.memory import keep_freed
from balancer.net.threads import look_names_up_aside
from balancer.service import Balancer

log = Logger("balancer")

DEFAULT_REACTOR = "balancer" if sys.platform == "linux" else "default"
"""The reactor for those who named none with `twist --reactor`: ours where there is epoll, else Twisted's choice."""

YOUNG = 10_000
"""Objects made and not freed after which the garbage collector looks at them; a burst of connections makes fewer."""

ENDING = (signal.SIGTERM, signal.SIGINT)
"""The signals that end the balancer."""

INTERRUPTED = 130
"""What shells call the status of what SIGINT has ended."""


class Options(usage.Options):
    """The command line of `twist balancer`."""

    synopsis = "--config conf.py"
    longdesc = (
        "Balances HTTP, TCP and UDP over backends as a config says. The config is a Python file that sets `config`; "
        "check one with `balancer check conf.py`. SIGTERM and SIGINT drain: nothing new is accepted, what is alive has "
        "Config(drain=...) seconds to end, and a second signal ends it at once. SIGUSR1 opens the access logs anew. "
        "SIGHUP reads certificates anew. Exit status: 0 after a stop, 1 when the balancer could not start, 64 when the "
        "config is wrong."
    )
    optParameters = (("config", "c", None, "The config, a Python file. Required."),)

    config: Config
    process: Process

    def postOptions(self) -> None:
        """Read the config, once the reactor is installed: a config may import what imports the reactor."""
        if self["config"] is None:
            raise usage.UsageError("--config is missing; write: twist balancer --config conf.py")
        self.process = Process()
        self.process.take_signals()
        twist: Any = self.parent
        if "reactor" not in twist:
            twist["reactor"] = twist.installReactor(DEFAULT_REACTOR)
        try:
            self.config = load(self["config"])
            mistakes = tuple(unknown_types(self.config))
        except ConfigError as error:
            mistakes = error.mistakes
        except KeyboardInterrupt:
            _leave(INTERRUPTED, ("interrupted",))
        if mistakes:
            _leave(64, mistakes)


def makeService(options: Options) -> Balancer:
    """The balancer as a Twisted service, on the reactor that `twist` runs."""
    twist: Any = options.parent
    reactor, process = twist["reactor"], options.process
    look_names_up_aside(reactor)
    service = Balancer(
        options.config,
        reactor,
        random=SystemRandom(),
        wall=runtime.seconds,
        start_failed=lambda line: process.fail(reactor, line),
        started=process.started,
    )
    process.run(reactor, service)
    return service


class Process:
    """What `twist` leaves to us: it would die of SIGTERM, ignore a second one, and exit 0 after a failed start.

    A signal that comes before the reactor runs ends the process at once: there is nothing to drain.
    """

    def __init__(self) -> None:
        self._stderr = sys.stderr  # kept from now on, for `twist` puts its log in place of it
        self._running: tuple[Any, Balancer] | None = None
        self._signals = 0

    def take_signals(self) -> None:
        """Have SIGTERM and SIGINT end the balancer, SIGUSR1 open logs anew, and SIGHUP read certificates anew."""
        for number in (*ENDING, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, self._heard)

    def run(self, reactor: Any, service: Balancer) -> None:
        """From when the reactor runs, have the first signal drain and a second one hurry.

        Until then they are held back, for a reactor that starts takes them for its own.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        reactor.callWhenRunning(self._runs, reactor, service)

    def started(self) -> None:
        """What is there now stays: the garbage collector need not go through it again while clients wait.

        Nor need it look often: what belongs to a connection is freed as that ends, without it.
        """
        keep_freed()
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)

    def fail(self, reactor: Any, line: str) -> None:
        """Stop, and exit with status 1."""
        self._stderr.write(f"balancer: {line}\n")
        atexit.register(_exit_with, 1)
        reactor.stop()

    def _runs(self, reactor: Any, service: Balancer) -> None:
        self.take_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # one that was held back ends the process here
        self._running = reactor, service

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        """A signal, in between any two steps of anything: what follows is left to the reactor."""
        if self._running is not None:
            reactor, service = self._running
            reactor.callFromThread(self._obey, number, reactor, service)
        elif number in ENDING:
            try:
                self._stderr.write("balancer: ended before it had started\n")
            finally:
                _exit_with(0)

    def _obey(self, number: int, reactor: Any, service: Balancer) -> None:
        if number == signal.SIGUSR1:
            service.reopen_logs()
            return
        if number == signal.SIGHUP:
            service.reload_certificates()
            return
        self._signals += 1
        if self._signals > 1:
            service.hurry()
        elif reactor.running:
            log.info("draining; a second signal ends at once")
            reactor.stop()


def _exit_with(status: int) -> None:
    """Give the process its status: `twist` has none but 0 to give once the reactor has run."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _leave(status: int, lines: tuple[str, ...]) -> NoReturn:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(status)
