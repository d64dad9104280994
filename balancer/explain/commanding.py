"""The command line `balancer explain`: what it takes, and what it prints; refuses to explain anything itself."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from typing import Any, Final

from balancer.config import load
from balancer.explain.ground import offline
from balancer.explain.question import question
from balancer.explain.telling import told
from balancer.explain.texts import lines_of
from balancer.explain.way import follow

ABOUT: Final = "tell where a request goes by a config, and why: routes, filters, backends, and what a retry would do"

_TEACHING: Final = """\
Nothing is bound, looked up or connected: it is the config that is asked. All its backends count as up and idle, but
those that you name.

    balancer explain conf.py 'GET https://app.example.com/v1/x'
    balancer explain conf.py 'POST http://app.example.com:8080/cart' --client 10.1.2.3 --header 'Cookie: beta=on'

What if b2 were down, and b3 had all the connections that it takes?

    balancer explain conf.py 'GET https://app.example.com/' --down b2 --full web/b3

What if the health check found that b1 is the primary?

    balancer explain conf.py 'tcp://:5432' --tag b1=primary

A connection, and a datagram. Routes that look at first bytes need some:

    balancer explain conf.py 'tcp://:5432'
    balancer explain conf.py 'tcp://:8443' --sni shop.example.com
    balancer explain conf.py 'udp://:53' --peek hex:abcd0100000100000000000003777777076578616d706c650000010001

A choice may hang on whose turn it is, or on chance. Then that is said, and the one that is told is an example. A
running balancer tells of its own backends, as they are now: balancer ctl PATH explain 'GET https://app.example.com/'.
Exit status: 0 whatever the answer is, 64 for a wrong command line or config.
"""


def fill(parser: ArgumentParser) -> None:
    """Have the parser take what `run` needs."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _TEACHING
    parser.add_argument("config", help="the config module, such as conf.py")
    fill_question(parser)
    for state, about in (
        ("down", "count this backend as down"),
        ("full", "let this backend have its max_connections"),
        ("draining", "let this backend drain"),
    ):
        parser.add_argument(f"--{state}", metavar="BACKEND", action="append", default=[], help=about)
    parser.add_argument(
        "--tag",
        metavar="BACKEND=TAG",
        action="append",
        default=[],
        help="give this backend a tag, as its health check would",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def fill_question(parser: ArgumentParser) -> None:
    """Have the parser take a question."""
    parser.add_argument("asked", metavar="QUESTION", help="'GET https://HOST/PATH', tcp://:PORT or udp://:PORT")
    parser.add_argument("--client", metavar="ADDRESS", help="who asks: an address, with a port if that matters")
    parser.add_argument(
        "--header", metavar="FIELD", action="append", default=[], help="a header field, such as 'Cookie: a=b'"
    )
    parser.add_argument("--listener", metavar="ENDPOINT", help="the listener to ask, such as tcp:443")
    parser.add_argument("--sni", metavar="NAME", help="the server name to ask for by TLS, if it is not the host")
    parser.add_argument("--peek", metavar="BYTES", default="", help="what the client says first: text, or hex:160301")


def asked(arguments: Namespace) -> tuple[str, dict[str, Any]]:
    """The question, and what was said beside it."""
    more = {
        "client": arguments.client,
        "headers": arguments.header,
        "listener": arguments.listener,
        "sni": arguments.sni,
        "peek": arguments.peek,
    }
    return arguments.asked, {name: value for name, value in more.items() if value}


def run(arguments: Namespace) -> Iterable[str]:
    """The lines to print. Raises `ConfigError` for a config, or a question, that is wrong."""
    ground = offline(
        load(arguments.config),
        down=arguments.down,
        full=arguments.full,
        draining=arguments.draining,
        tags=arguments.tag,
    )
    line, more = asked(arguments)
    answer = told(follow(ground, question(line, **more)))
    return [json.dumps(answer, indent=2)] if arguments.json else lines_of(answer)
