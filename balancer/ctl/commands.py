"""The arguments of `balancer ctl`, and what is asked and printed for them; refuses to know how a balancer does it."""

from __future__ import annotations

import json
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from contextlib import suppress
from math import isfinite
from typing import Any, Final

from balancer.ctl.asking import ask
from balancer.ctl.texts import lines_of
from balancer.explain.commanding import asked, fill_question

ABOUT: Final = "look at a running balancer, and take its backends out of use or back"

_TEACHING: Final = """\
The balancer must have a control socket, and you must be its user:

    config = Config([...], control="unix:/run/balancer.sock")

Before you stop a backend, give it no new sessions, and wait until it has none:

    balancer ctl /run/balancer.sock drain b1
    balancer ctl /run/balancer.sock counters
    balancer ctl /run/balancer.sock undrain b1

A new one that is to get half of its share for now, and then all of it:

    balancer ctl /run/balancer.sock weight b1 0.5
    balancer ctl /run/balancer.sock weight b1 1

Who is connected, and what became of b1:

    balancer ctl /run/balancer.sock connections
    balancer ctl /run/balancer.sock events b1

Where a request would go now, and why:

    balancer ctl /run/balancer.sock explain 'GET https://app.example.com/' --header 'Cookie: beta=on'

A backend whose name is in several pools is called pool/name. Exit status: 0 when all is well, 1 when the balancer
refuses, 64 for a wrong command line, 69 when nobody answers.
"""

_BACKEND: Final = "the backend's name, or pool/name"


def _weight(text: str) -> float:
    with suppress(ValueError):
        if isfinite(weight := float(text)) and weight >= 0:
            return weight
    raise ArgumentTypeError(f"{text!r} is not a number from 0")


def _count(text: str) -> int:
    with suppress(ValueError):
        if (count := int(text)) >= 1:
            return count
    raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")


def fill(parser: ArgumentParser) -> None:
    """Have the parser take what `run` needs."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _TEACHING
    parser.add_argument("path", metavar="PATH", help="the control socket, as a path or as in the config")
    commands = parser.add_subparsers(dest="question", metavar="COMMAND", required=True, title="commands")
    json_too = ArgumentParser(add_help=False)
    for one in (parser, json_too):
        one.add_argument("--json", action="store_true", default=SUPPRESS, help="print the answer as it came")

    def command(name: str, about: str) -> ArgumentParser:
        return commands.add_parser(name, help=about, description=about, parents=[json_too])

    command("drain", "give a backend no new sessions, and leave it those it has").add_argument("backend", help=_BACKEND)
    command("undrain", "give a backend new sessions again").add_argument("backend", help=_BACKEND)
    weight = command("weight", "put a weight in place of the configured one")
    weight.add_argument("backend", help=_BACKEND)
    weight.add_argument("weight", type=_weight, help="a number; with 0 it gets no new sessions")
    command("counters", "what was counted, by listener, pool and backend")
    command("connections", "the live sessions")
    events = command("events", "the latest changes of backends, oldest first")
    events.add_argument("backend", nargs="?", help=f"{_BACKEND}; all if left out")
    events.add_argument("--count", type=_count, help="so many at most")
    fill_question(command("explain", "where a request, a connection or a datagram would go now, and why"))


def run(arguments: Namespace) -> Iterable[str]:
    """Ask, and return the lines to print. Raises `NotDone`."""
    given = {name: getattr(arguments, name, None) for name in ("backend", "weight", "count")}
    question: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if arguments.question == "explain":
        line, more = asked(arguments)
        question = {"question": line, **more}
    answer = ask(arguments.path.removeprefix("unix:"), {"do": arguments.question, **question})
    return [json.dumps(answer)] if getattr(arguments, "json", False) else lines_of(arguments.question, answer)
