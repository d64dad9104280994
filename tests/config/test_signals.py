"""Signals in a pool: sources that bring what the algorithm goes by, no less and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from zope.interface import directlyProvides

from balancer.config import Agent, Config, Health, HTTPListener, Pool, UDPListener
from balancer.config.mistakes import collecting
from balancer.config.signals import used
from balancer.errors import ConfigError
from balancer.interfaces import ISignalSource, Kind
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.hashing import header
from balancer.plugins.health import TCPCheck
from balancer.plugins.signals import LoadReports, Prometheus, Reported
from balancer.plugins.sticky import Sticky

QUEUE = Prometheus("/metrics", {"queue": "waiting"})


@attrs.frozen
class ByQueue(RoundRobin):
    """Says that it goes by a queue."""

    signals = ("queue",)


def source(**told: Any) -> Any:
    """A stranger's source."""
    made = SimpleNamespace(
        **{"names": ("queue",), "expire": 30, "protocols": frozenset(Kind), "reported": True, **told}
    )
    directlyProvides(made, ISignalSource)
    return made


def mistakes(sources: Any, algorithm: Any = None, **settings: Any) -> list[str]:
    """What is wrong with a pool that has these."""
    given = {"backends": ["10.0.0.1:80"], "algorithm": algorithm or ByQueue(), "signals": sources, **settings}
    try:
        Pool("site", **given)
    except ConfigError as error:
        return [line.removeprefix("Pool 'site': signals: ") for line in error.mistakes]
    return []


def test_the_names_that_are_used() -> None:
    """An algorithm goes by the signals that it or its parts declare; most go by none."""
    assert used([RoundRobin(), None, Sticky(header("x-user"), ByQueue()), ByQueue()]) == ("queue",)


def test_what_fits() -> None:
    """One source or several that bring what is used are no mistake, and neither is a pool without."""
    assert mistakes(QUEUE) == mistakes([QUEUE]) == mistakes((), RoundRobin()) == []
    assert mistakes(Reported("queue"), health=Health(TCPCheck())) == []
    assert mistakes(Reported("queue"), agent=Agent(port=9999)) == []


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        (
            (),
            "nothing brings 'queue', by which the algorithm goes; give a source such as Prometheus('/metrics', ",
        ),
        ([QUEUE, LoadReports("queue")], "two sources bring 'queue'; leave it out of one"),
        ([QUEUE, LoadReports("cpu")], "'cpu' would be ignored, for no algorithm of the pool goes by it; leave it out"),
        ("queue", "'queue' does not provide ISignalSource; give a source such as Prometheus('/metrics', {'queue'"),
        (Prometheus, "Prometheus is a class; give an object of it: Prometheus(...)"),
        (
            Reported("queue"),
            "Reported(names=('queue',), expire=30.0) would bring none, for nothing checks the backends; give",
        ),
    ],
)
def test_what_does_not(sources: Any, line: str) -> None:
    """What nothing brings, nothing uses, or cannot be brought, is told."""
    assert [mistake[: len(line)] for mistake in mistakes(sources)] == [line]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"names": "queue"}, "names: 'queue' are no texts; give some such as {'queue'}"),
        ({"names": [3]}, "names: [3] are no texts; give some such as {'queue'}"),
        ({"collect": lambda: None}, "collect cannot be called with (target); let it take just that"),
        ({"expire": 0}, "expire: 0 is not a positive number of seconds; give one such as 5"),
        ({"collect": lambda *_: None}, "every: None is not a positive number of seconds; give one such as 5"),
        ({"answered": lambda *_: None}, "fields: None are no texts; give some such as {'queue'}"),
    ],
)
def test_a_strangers_source_is_judged(told: dict[str, Any], line: str) -> None:
    """What a stranger's source lacks is told before it is used."""
    assert any(mistake.endswith(line) for mistake in mistakes(source(**told), health=Health(TCPCheck())))


def test_a_source_without_a_way() -> None:
    """A source that has no way to bring any is told so, and so is a port where there is none."""
    made = SimpleNamespace(names=("queue",), expire=30, protocols=frozenset(Kind))
    directlyProvides(made, ISignalSource)
    (line,) = mistakes(made)
    assert line.endswith("has no way to bring any; give it collect, answered or reported")
    (line,) = mistakes(Prometheus("/metrics", {"queue": "waiting"}, port=9100), backends=["unix:/run/a.sock"])
    assert line.endswith("port: a backend on a unix socket has none; leave it out")


def test_what_is_no_source_or_no_algorithm_is_told_as_that() -> None:
    """What is no source or no algorithm at all is one mistake, and nothing is said of what it would bring or use."""
    given: dict[str, Any] = {"backends": ["10.0.0.1:80"], "algorithm": Sticky, "signals": "queue"}
    with collecting() as told:
        Config(listeners=[HTTPListener("tcp:80", pool=Pool("site", **given))])
    assert [line[:50] for line in told] == [
        "Pool 'site': algorithm: Sticky is a class; give an object of it: Sticky(...)"[:50],
        "Pool 'site': signals: 'queue' does not provide ISignalSource; give"[:50],
    ]


def test_a_pool_that_no_fitting_listener_uses() -> None:
    """A source that can bring nothing for the listeners that use the pool would be ignored."""
    pool = Pool("dns", backends=["10.0.0.1:53"], algorithm=ByQueue(), signals=QUEUE)
    with pytest.raises(
        ConfigError, match=r"would bring nothing, for no .*Listener or .*Listener uses the pool; leave it out"
    ):
        Config(listeners=[UDPListener("udp:53", pool=pool)])
    odd = Pool(
        "site",
        backends=["10.0.0.1:80"],
        algorithm=ByQueue(),
        signals=source(protocols=("http",)),
        health=Health(TCPCheck()),
    )
    with pytest.raises(ConfigError, match=r"protocols: \('http',\) are not kinds; give some of Kind"):
        Config(listeners=[HTTPListener("tcp:80", pool=odd)])
    Config(
        listeners=[
            HTTPListener("tcp:80", pool=Pool("site", backends=["10.0.0.1:80"], algorithm=ByQueue(), signals=QUEUE))
        ]
    )
