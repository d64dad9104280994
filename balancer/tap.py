"""The door that `twist` knocks on: options, exit status and signals; everything else is `balancer.service`'s."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from random import SystemRandom
from types import FrameType
from typing import Any, NoReturn

from twisted.logger import Logger
from twisted.python import usage

from balancer.config import Config, load
from balancer.errors import ConfigError
from balancer.installed import unknown_types
from balancer.service import Balancer

log = Logger("balancer")

DEFAULT_REACTOR = "default"
"""The reactor for those who named none with `twist --reactor`."""


class Options(usage.Options):
    """The command line of `twist balancer`."""

    synopsis = "[--config conf.py]"
    longdesc = """Balances HTTP, TCP and UDP over backends as a config says. The config is a Python file that sets
    `config`; check one with `balancer check conf.py`. SIGTERM and SIGINT drain: nothing new is accepted, what is alive
    has Config(drain=...) seconds to end, and a second signal ends it at once. Exit status: 0 after a stop, 1 when the
    balancer could not start, 64 when the config is wrong."""
    optParameters = (("config", "c", None, "The config, a Python file. Required."),)

    config: Config

    def postOptions(self) -> None:
        """Read the config, once the reactor is installed: a config may import what imports the reactor."""
        if self["config"] is None:
            raise usage.UsageError("--config is missing; write: twist balancer --config conf.py")
        twist: Any = self.parent
        if "reactor" not in twist:
            twist["reactor"] = twist.installReactor(DEFAULT_REACTOR)
        try:
            self.config = load(self["config"])
            mistakes = tuple(unknown_types(self.config))
        except ConfigError as error:
            mistakes = error.mistakes
        if mistakes:
            _leave(64, mistakes)


def makeService(options: Options) -> Balancer:
    """The balancer as a Twisted service, on the reactor that `twist` runs."""
    twist: Any = options.parent
    reactor = twist["reactor"]
    process = Process(reactor)
    service = Balancer(options.config, reactor, random=SystemRandom(), start_failed=process.fail)
    reactor.callWhenRunning(process.take_signals, service)
    return service


class Process:
    """What `twist` leaves to us: it would die of SIGTERM, ignore a second one, and exit 0 after a failed start."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._stderr = sys.stderr  # kept from now on, for `twist` puts its log in place of it
        self._signals = 0

    def fail(self, line: str) -> None:
        """Stop, and exit with status 1."""
        self._stderr.write(f"balancer: {line}\n")
        atexit.register(_exit_with, 1)
        self._reactor.stop()

    def take_signals(self, service: Balancer) -> None:
        """Have SIGTERM and SIGINT drain; a second one of either hurries."""

        def heard(_number: int, _frame: FrameType | None) -> None:
            self._reactor.callFromThread(self._stop, service)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, heard)

    def _stop(self, service: Balancer) -> None:
        self._signals += 1
        if self._signals > 1:
            service.hurry()
        elif self._reactor.running:
            log.info("draining; a second signal ends at once")
            self._reactor.stop()


def _exit_with(status: int) -> None:
    """Give the process its status: `twist` has none but 0 to give once the reactor has run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _leave(status: int, lines: tuple[str, ...]) -> NoReturn:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(status)
