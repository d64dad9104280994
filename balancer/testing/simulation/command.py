"""`balancer simulate`: its arguments, and what is simulated and printed for them; refuses to simulate by itself."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from twisted.plugin import getPlugins

import balancer.plugins
from balancer.config import load
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, Report
from balancer.testing.simulation.chance import (
    Arrivals,
    At,
    Constant,
    Exponential,
    LogNormal,
    Poisson,
    Recorded,
    Service,
)
from balancer.testing.simulation.faults import Fault
from balancer.testing.simulation.plots import plot
from balancer.testing.simulation.results import Result, report
from balancer.testing.simulation.simulating import simulate
from balancer.testing.simulation.subjects import Subject, subject_of
from balancer.testing.simulation.traces import Trace

ABOUT: Final = "run a pool of a config on a virtual clock, and tell what becomes of its requests"

_TEACHING: Final = """\
Nothing is bound and nobody is connected to: clients and backends are modelled, all else is the balancer's own.

At half of what all backends can do, each working on four requests at once, for 50 ms on average:

    balancer simulate conf.py

What if b2 got ten times slower after 30 seconds, for 20 seconds, and would another algorithm do better?

    balancer simulate conf.py --fault 'b2 slow 10 at 30 for 20' --compare LeastConnections

Other faults are 'b2 down', 'b2 hung', 'b2 failing' (add 'seen' if health checks fail as well) and 'b2 back'. What came
in and how long it took may be recorded, as a file of numbers of seconds:

    balancer simulate conf.py --arrivals times.txt --service recorded:took.txt

Exit status: 0, or 64 for a wrong config or command line.
"""

_LAWS: Final[dict[str, Callable[..., Service]]] = {
    "constant": Constant,
    "exponential": Exponential,
    "lognormal": LogNormal,
}
_MOST_LOAD: Final = 10.0
"""More than all backends can do by so much teaches nothing; it was meant as a percentage, or as a rate."""

_SERVICE: Final = "constant:SECONDS, exponential:SECONDS, lognormal:SECONDS[:SIGMA] or recorded:FILE"


def fill(parser: ArgumentParser) -> None:
    """Have the parser take what `run` needs."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.description = _TEACHING
    parser.add_argument("config", help="the config module, such as conf.py")
    parser.add_argument("--pool", metavar="NAME", help="which pool, where there are several")
    parser.add_argument("--requests", type=int, default=10_000, metavar="NUMBER", help="how many (10000)")
    coming = parser.add_mutually_exclusive_group()
    coming.add_argument("--load", type=float, default=0.5, metavar="SHARE", help="of what all backends can do (0.5)")
    coming.add_argument("--rate", type=float, metavar="NUMBER", help="requests a second, instead")
    coming.add_argument("--arrivals", metavar="FILE", help="when requests arrived, instead")
    parser.add_argument("--service", type=service, default=Exponential(0.05), metavar="LAW", help=_SERVICE)
    parser.add_argument("--servers", type=int, default=4, metavar="NUMBER", help="requests a backend works on (4)")
    parser.add_argument("--keys", type=int, default=1000, metavar="NUMBER", help="different clients (1000)")
    parser.add_argument(
        "--skew", type=float, default=0.0, metavar="NUMBER", help="how unlike they come: 1 is Zipf's law"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="FAULT", help="such as 'b2 slow 10 at 30 for 20'"
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="NAME=TAG",
        help="what health checks report of it, such as b1=primary",
    )
    parser.add_argument("--compare", action="append", default=[], metavar="ALGORITHM", help="another one, by its name")
    parser.add_argument("--seed", type=int, default=0, metavar="NUMBER", help="another one is another day (0)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture too; needs balancer[plot]")


def run(arguments: Namespace) -> Iterable[str]:
    """The lines that it prints. Raises `ConfigError`."""
    subject = subject_of(load(arguments.config), arguments.pool)
    trace = _trace(arguments, len(subject.pool.backends))
    others = (subject.by(_algorithm(name)) for name in arguments.compare)
    results = [simulate(each, trace, seed=arguments.seed) for each in (subject, *others)]
    if arguments.plot is not None:
        plot(results, arguments.plot)
    if arguments.json:
        return [json.dumps([result.figures() for result in results], indent=2)]
    return [_about(subject, trace, results), "", *report(results)]


def service(text: str) -> Service:
    """From the name of a law and its numbers."""
    law, _, numbers = text.partition(":")
    try:
        if law == "recorded":
            return Recorded(_recorded(numbers))
        return _LAWS[law](*map(float, numbers.split(":")))
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{text!r} is none; give {_SERVICE}") from error


def _trace(arguments: Namespace, backends: int) -> Trace:
    return Trace(
        arguments.requests,
        arrivals=_arrivals(arguments, backends),
        service=arguments.service,
        servers=arguments.servers,
        keys=arguments.keys,
        skew=arguments.skew,
        faults=[Fault.parse(text) for text in arguments.fault],
        reports=_reports(arguments.tag),
    )


def _reports(given: list[str]) -> dict[str, Report]:
    """Of each backend the one with all its tags."""
    tags: dict[str, set[str]] = {}
    for text in given:
        name, _, tag = text.rpartition("=")
        if not name or not tag:
            raise ConfigError([f"--tag: {text!r} tells no tag of a backend; write one such as b1=primary"])
        tags.setdefault(name, set()).add(tag)
    return {name: Report(tags=found) for name, found in tags.items()}


def _arrivals(arguments: Namespace, backends: int) -> Arrivals:
    if arguments.arrivals is not None:
        return At(_recorded(arguments.arrivals))
    if arguments.rate is not None:
        return Poisson(arguments.rate)
    if not arguments.service.mean:
        raise ConfigError(["--load: backends that take no time can do any number of requests; give a --rate instead"])
    if not 0 < arguments.load <= _MOST_LOAD:
        likely = f"{arguments.load / 100:g} for {arguments.load:g} %" if arguments.load > 0 else "0.8 for 80 %"
        remedy = f"give a share such as {likely}, or requests a second as --rate"
        raise ConfigError([f"--load: {arguments.load:g} is not above 0 and up to {_MOST_LOAD:g}; {remedy}"])
    return Poisson(arguments.load * backends * arguments.servers / arguments.service.mean)


def _recorded(file: str) -> list[float]:
    """The numbers in a file. Raises `ConfigError`."""
    try:
        return [float(word) for word in Path(file).read_text().split()]
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError([f"{file}: {error}; give numbers of seconds, and nothing else"]) from error


def _algorithm(name: str) -> IAlgorithm:
    """One that is installed and needs no settings. Raises `ConfigError`."""
    plain = dict(_plain(getPlugins(IAlgorithmPlugin, balancer.plugins)))
    if name not in plain:
        raise ConfigError(
            [f"--compare: {name!r} is not one that can be made as it is; give {', '.join(sorted(plain))}"]
        )
    return plain[name]


def _plain(plugins: Iterable[Any]) -> Iterator[tuple[str, IAlgorithm]]:
    """Those of the algorithms that can be made without settings, by their names."""
    for plugin in plugins:
        try:
            yield plugin.__name__, plugin()
        except (ConfigError, TypeError):
            continue


def _about(subject: Subject, trace: Trace, results: list[Result]) -> str:
    """What was simulated, in a line."""
    took = max(result.seconds for result in results)
    faults = f", faults: {len(trace.faults)}" if trace.faults else ""
    came = f"{results[0].requests} requests, {_law(trace.arrivals)}, {_law(trace.service)}"
    return f"{subject.pool}: {came}{faults}: {took:.3g} s"


def _law(law: object) -> str:
    """With its numbers, but not all of those that were recorded."""
    return type(law).__name__ if isinstance(law, At | Recorded) else repr(law)
