"""The console script `balancer`: looks at configs and plugins; refuses to bind or connect anything.

The balancer itself is run by `twist balancer`. Exit status: 0 when all is well, 64 for a wrong config or command line.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import attrs

import balancer
from balancer.assembly import default_algorithm
from balancer.config import load
from balancer.describe import plan
from balancer.errors import ConfigError
from balancer.installed import installed, unknown_types

USAGE_ERROR: Final = 64
"""What the system calls EX_USAGE; `twist` exits with it as well."""

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


class _Parser(ArgumentParser):
    """Says what is wrong in one line, and exits with the status that `twist` uses."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


@attrs.frozen
class Command:
    """One subcommand: a line about it, what it takes (name and a line for each), what it does and returns as status."""

    about: str
    run: Callable[[Namespace], int]
    arguments: Mapping[str, str] = attrs.field(factory=dict)


def main(argv: list[str] | None = None) -> int:
    """Run the command line (without the program's name; the process's own if None) and return the exit status."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    return COMMANDS[arguments.command].run(arguments)


def _parser() -> _Parser:
    parser = _Parser(prog="balancer", description=_TEACHING, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"balancer {balancer.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.about, description=command.about)
        for argument, about in command.arguments.items():
            own.add_argument(argument, help=about)
    return parser


def _check(arguments: Namespace) -> int:
    try:
        config = load(arguments.config)
        mistakes = tuple(unknown_types(config))
    except ConfigError as error:
        mistakes = error.mistakes
    if mistakes:
        print(*mistakes, sep="\n", file=sys.stderr)
        return USAGE_ERROR
    print(*plan(config, default_algorithm()), sep="\n")
    return 0


def _plugins(_arguments: Namespace) -> int:
    print(*installed(), sep="\n")
    return 0


COMMANDS: Final[Mapping[str, Command]] = {
    "check": Command(
        "load a config, tell every mistake, or print the plan it amounts to",
        _check,
        {"config": "the config module, such as conf.py"},
    ),
    "plugins": Command("list the plugins that are installed, by what they are for", _plugins),
}
