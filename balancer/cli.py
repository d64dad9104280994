"""The console script `balancer`: looks at configs and plugins, and operates a running balancer; refuses to be one.

The balancer itself is run by `twist balancer`. Exit status: 0 when all is well, 64 for a wrong config or command line,
74 when the output cannot be written; `balancer ctl` has two of its own.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, NoReturn

import attrs
from twisted.python import runtime

import balancer
from balancer import ctl
from balancer.assembly import default_algorithm, proofs, upstream_tls
from balancer.certificates import certificates, holdings
from balancer.config import load
from balancer.describe import plan
from balancer.doubts import doubts
from balancer.errors import ConfigError
from balancer.explain import commanding
from balancer.installed import installed, unknown_types
from balancer.testing.simulation import command as simulation
from balancer.timeouts import timeouts

USAGE_ERROR: Final = 64
"""What the system calls EX_USAGE; `twist` exits with it as well."""

INTERRUPTED: Final = 130
"""What a shell makes of a program that was ended by SIGINT."""

OUTPUT_ERROR: Final = 74
"""What the system calls EX_IOERR."""

_TEACHING: Final = """\
A layer 4 and layer 7 load balancer that is programmed in Python.

Copy this into conf.py:

    from balancer import Config, Health, HTTPListener, Pool
    from balancer.plugins.algorithms import LeastConnections
    from balancer.plugins.health import HTTPCheck

    site = Pool(
        "site",
        backends=["127.0.0.1:8001", "127.0.0.1:8002"],
        algorithm=LeastConnections(),
        health=Health(HTTPCheck("/"), every=2),
    )
    config = Config([HTTPListener("tcp:8080", pool=site)])

Look at what it amounts to, then run it:

    balancer check conf.py
    twist balancer --config conf.py
"""

_CHECKING: Final = """\
Loads a config, binds nothing, and prints all that it amounts to: every setting in force, the time-outs, the
certificates, and warnings of what is hardly meant. Or it tells every mistake in a line, with what to write instead.

    balancer check conf.py
    balancer check conf.py | grep warning

Exit status: 0, or 64 for a wrong config or command line.
"""

_LISTING: Final = """\
Algorithms, health checks, signals, matchers, flow keys and filters, each with what it does and how to write it, and in
brackets the module and the package it is from. A config uses one by importing it:

    from balancer.plugins.algorithms import LeastConnections
    site = Pool("site", backends=[...], algorithm=LeastConnections())
"""


class _Parser(ArgumentParser):
    """Says what is wrong in one line, and exits with the status that `twist` uses."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


@attrs.frozen
class Command:
    """One subcommand: a line about it, the lines it has to say, and its parser filled with what it takes.

    `run` raises `ConfigError` for a config that is wrong, and `NotDone` for what a running balancer does not do.
    """

    about: str
    run: Callable[[Namespace], Iterable[str]]
    fill: Callable[[ArgumentParser], object] = lambda _parser: None


def main(argv: list[str] | None = None) -> int:
    """Run the command line (without the program's name; the process's own if None) and return the exit status."""
    try:
        arguments = _parser().parse_args(argv)
        lines = list(COMMANDS[arguments.command].run(arguments))
    except SystemExit as stop:
        return _printed((), int(stop.code or 0))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return USAGE_ERROR
    except ctl.NotDone as error:
        print(f"balancer: {error}", file=sys.stderr)
        return error.status
    return _printed(lines, 0)


def _printed(lines: Iterable[str], status: int) -> int:
    """Print the lines, after what argparse has, and return the status; another if they cannot be written."""
    try:
        print(*(f"{line}\n" for line in lines), sep="", end="", flush=True)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader such as `head` that has seen enough
            print(f"balancer: the output cannot be written: {error.strerror}", file=sys.stderr)
        with suppress(OSError):
            sys.stdout.close()  # or the interpreter would try once more as it ends
        return OUTPUT_ERROR
    return status


def _parser() -> _Parser:
    parser = _Parser(prog="balancer", description=_TEACHING, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"balancer {balancer.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, command in COMMANDS.items():
        command.fill(commands.add_parser(name, help=command.about, description=command.about))
    return parser


def _fill_check(parser: ArgumentParser) -> None:
    _teach(parser, _CHECKING)
    parser.add_argument("config", help="the config module, such as conf.py")


def _teach(parser: ArgumentParser, text: str) -> None:
    parser.formatter_class, parser.description = RawDescriptionHelpFormatter, text


def _check(arguments: Namespace) -> Iterable[str]:
    config = load(arguments.config)
    mistakes = (*unknown_types(config), *upstream_tls.faults(config), *proofs.faults(config))
    if mistakes:
        raise ConfigError(mistakes)
    shown = [*certificates(config, runtime.seconds), *holdings(config, runtime.seconds()), *doubts(config)]
    return [*plan(config, default_algorithm()), "", *timeouts(config), *([""] if shown else []), *shown]


def _plugins(_arguments: Namespace) -> Iterable[str]:
    return installed()


COMMANDS: Final[Mapping[str, Command]] = {
    "check": Command(
        "load a config, tell every mistake, or print the plan it amounts to, time-outs and certificates",
        _check,
        _fill_check,
    ),
    "ctl": Command(ctl.ABOUT, ctl.run, ctl.fill),
    "simulate": Command(simulation.ABOUT, simulation.run, simulation.fill),
    "explain": Command(commanding.ABOUT, commanding.run, commanding.fill),
    "plugins": Command(
        "list the plugins that are installed, by what they are for", _plugins, lambda parser: _teach(parser, _LISTING)
    ),
}
