"""Signals as they are collected: when, over what, and what becomes of a source or a backend that fails."""

from __future__ import annotations

import errno
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent
from zope.interface import directlyProvides, implementer

from balancer.config import Health, TCPListener
from balancer.core.backend import Backend
from balancer.errors import CheckFailed
from balancer.interfaces import ISignalSource, Kind, Report
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.signals import LoadReports, Prometheus, Reported
from tests.net.house import House, answer, request

METRICS = Prometheus("/metrics", {"queue": "waiting"}, every=5, timeout=2, expire=12)


@attrs.frozen
class ByQueue(RoundRobin):
    """Says that it goes by a queue."""

    signals = ("queue",)


class Asked:
    """A source that answers as told; `times` are when it was asked."""

    names, expire, protocols, every, timeout = ("queue",), 30.0, frozenset(Kind), 5.0, 2.0

    def __init__(self, house: House, result: Any = None) -> None:
        self.result, self.times = result, list[float]()
        self._house = house
        directlyProvides(self, ISignalSource)

    def collect(self, target: Any) -> Any:
        self.times.append(round(self._house.network.seconds()))
        return self._answer() if not isinstance(self.result, int) else self.result

    async def _answer(self) -> Any:
        if isinstance(self.result, BaseException):
            raise self.result
        return await self.result if isinstance(self.result, Deferred) else self.result


@implementer(ISignalSource)
class Meddling:
    """A source that writes to the backend."""

    names, expire, protocols, every, timeout = ("queue",), 30.0, frozenset(Kind), 5.0, 2.0

    async def collect(self, target: Any) -> dict[str, float]:
        target.backend.weight = 7
        return {}


def collecting(house: House, source: Any, *ports: int, **settings: Any) -> list[Backend]:
    """A site whose algorithm goes by the queue that a source brings."""
    house.site(*(ports or (9001,)), algorithm=ByQueue(), signals=source, **settings)
    return house.backends


def lines(told: list[LogEvent]) -> list[str]:
    """What was told of signals."""
    return [event["line"] for event in told if "signals" in event.get("line", "")]


def test_metrics_are_scraped(house: House) -> None:
    """Each backend is asked in its turn, over a connection that is closed then; a number counts until it expires."""
    fars = house.far(9001), house.far(9002)
    one, other = collecting(house, METRICS, 9001, 9002)
    assert [len(far.calls) for far in fars] == [1, 0]
    fars[0].last.say(answer(b"waiting 3\n"))
    assert (dict(one.signals), dict(other.signals)) == ({"queue": 3.0}, {})
    assert fars[0].last.gone
    house.network.advance(3)
    fars[1].last.say(answer(b"waiting 4\n"))
    assert dict(other.signals) == {"queue": 4.0}
    house.network.advance(8.9)
    assert dict(one.signals) == {"queue": 3.0}
    house.network.advance(0.2)
    assert dict(one.signals) == {}


def test_another_port(house: House) -> None:
    """Metrics on a port of their own are asked for there, in the clear and without a greeting."""
    far, metrics = house.far(9001), house.far(9100)
    settings = {"algorithm": ByQueue(), "signals": attrs.evolve(METRICS, port=9100)}
    house.open(TCPListener("tcp:8080", pool=house._pool((9001,), settings), send_proxy="v2"))  # noqa: SLF001  its own pool
    assert far.calls == []
    assert metrics.last.hear().startswith(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1:9100\r\n")


def test_a_backend_that_cannot_be_asked(house: House, told: list[LogEvent]) -> None:
    """Who refuses, hangs or answers nonsense leaves what was known to expire, is told of, and is asked again."""
    (backend,) = collecting(house, METRICS)
    far = house.far(9001)
    house.network.advance(6)
    far.last.say(answer(b"", status="500 Oops"))
    house.network.advance(5)
    far.last.say(answer(b"waiting 2\n"))
    assert dict(backend.signals) == {"queue": 2.0}
    house.network.advance(8)
    assert far.last.gone
    assert lines(told)[0].startswith("backend '127.0.0.1:9001': no signals were to be had: ")
    assert not any(faults.count for faults in house.assembly.faults)


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (ZeroDivisionError(), True),
        ({"queue": "x"}, True),
        (3, True),
        ([], True),
        (CheckFailed("no"), False),
        ({}, False),
    ],
)
def test_a_source_that_fails_is_counted(
    house: House, logged_failures: list[LogEvent], result: Any, fault: bool
) -> None:
    """What is the source's own fault is counted as that of a plugin; what it says of a backend is not."""
    source = Asked(house, result)
    collecting(house, source)
    house.network.advance(5.6)
    counted = sum(faults.count for faults in house.assembly.faults)
    assert len(source.times) == 2
    assert counted == len(logged_failures) == (2 if fault else 0)
    logged_failures.clear()


def test_a_source_changes_nothing(house: House, logged_failures: list[LogEvent]) -> None:
    """A source that writes to the backend that it is asked about changes nothing; that is a fault of its own."""
    (backend,) = collecting(house, Meddling())
    house.network.advance(1)
    assert backend.weight == 1
    (faults,) = [faults for faults in house.assembly.faults if faults.count]
    assert [cause.partition(" is only")[0] for cause in faults.causes.values()] == [
        "'weight' of backend '127.0.0.1:9001'"
    ]
    assert "Meddling" in next(iter(faults.counts))
    logged_failures.clear()


def test_one_that_never_answers(house: House, told: list[LogEvent]) -> None:
    """A source that does not answer in its time is given up, and nothing of it is left."""
    collecting(house, Asked(house, Deferred()))
    house.network.advance(2.5)
    assert "no result within 2 s" in lines(told)[0]


def test_answers_are_listened_to(house: House, told: list[LogEvent]) -> None:
    """What a backend says of its load in an answer is taken, and the client does not get that header."""
    far = house.far()
    (backend,) = collecting(house, LoadReports("queue"))
    client = house.client(request())
    far.last.say(answer(b"hi", "endpoint-load-metrics: TEXT queue=7", "x-other: 1"))
    assert dict(backend.signals) == {"queue": 7.0}
    heard = client.hear()
    assert b"x-other: 1" in heard
    assert b"endpoint-load-metrics" not in heard
    client.say(request())
    far.last.say(answer(b"hi", "endpoint-load-metrics: nonsense"))
    assert client.hear() == answer(b"hi")
    assert "endpoint-load-metrics: 8 characters" in lines(told)[0]


def test_what_checks_report_is_taken(house: House) -> None:
    """Numbers that a health check reports are the backend's signals."""

    async def check(_target: Any) -> Report:
        return Report(signals={"queue": 5, "other": 6})

    (backend,) = collecting(house, Reported("queue"), health=Health(check, every=1))
    assert dict(backend.signals) == {"queue": 5.0}


def test_where_nobody_uses_them_nothing_is_collected(house: House) -> None:
    """A pool without signals has none, and asks nobody."""
    house.site(9001)
    (backend,) = house.backends
    assert dict(backend.signals) == {}
    assert house.assembly.checks == []
    (pool,) = house.assembly.pools.values()
    assert pool.hearing is None


def test_for_want_of_something_of_our_own(house: House, told: list[LogEvent]) -> None:
    """Where we have no descriptor left to ask over, that is told, and nothing is known of the backend by it."""
    source = Asked(house, OSError(errno.EMFILE, "too many open files"))
    collecting(house, source)
    assert "too many open files" in lines(told)[0]
    assert not any(faults.count for faults in house.assembly.faults)
