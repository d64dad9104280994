"""Sources of signals: what each asks for, what it makes of the answer, and how it tells what it cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.messages import ResponseHead
from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ISignalSource, ISignalSourcePlugin, Kind
from balancer.plugins.signals import LONGEST, LoadReports, Prometheus, Reported
from tests.plugins.examined import FakeTarget

METRICS = {"queue": "waiting", "usage": 'max(kv_usage{model="m"})'}
SCRAPED = Prometheus("/metrics", METRICS)
TEXT = b'waiting 3\nkv_usage{model="m"} 0.25\nkv_usage{model="m"} 0.5\nother 7\n'


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with that body."""
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


def collected(said: bytes, source: Prometheus = SCRAPED, target: FakeTarget | None = None) -> list[Any]:
    """What comes of asking a backend that says so."""
    target = target or FakeTarget()
    found: list[Any] = []
    Deferred.fromCoroutine(source.collect(target)).addBoth(found.append)
    target.protocol.dataReceived(said)
    return found


@pytest.mark.parametrize("source", [SCRAPED, LoadReports("cpu"), Reported("queue")], ids=repr)
def test_provides_the_interface(source: Any) -> None:
    """Every source provides `ISignalSource`, and its class is listed as a plugin."""
    assert verifyObject(ISignalSource, source)
    assert IPlugin.providedBy(type(source))
    assert ISignalSourcePlugin.providedBy(type(source))
    assert Kind.HTTP in source.protocols


def test_metrics_are_asked_for_and_read() -> None:
    """One request is made on a connection of its own, which is closed; the numbers asked for are told by name."""
    target = FakeTarget()
    assert collected(answer(TEXT), target=target) == [{"queue": 3.0, "usage": 0.5}]
    request = target.transport.value()
    assert request.startswith(b"GET /metrics HTTP/1.1\r\n")
    assert b"host: 192.0.2.9:80\r\n" in request.lower()
    assert b"connection: close\r\n" in request.lower()
    assert target.transport.disconnecting
    assert SCRAPED.names == {"queue", "usage"}


def test_a_unix_socket_has_a_host_too() -> None:
    """A backend without a host is asked as localhost."""
    target = FakeTarget(address="/run/backend.sock")
    collected(answer(TEXT), target=target)
    assert b"host: localhost\r\n" in target.transport.value().lower()


def test_what_is_not_there_is_left_out() -> None:
    """A backend that exposes none of the metrics tells nothing, and no more is read of an answer than is useful."""
    assert collected(answer(b"\xff\xfe")) == [{}]
    assert collected(answer(b"\n" * LONGEST + b"waiting 3\n")) == [{}]


def test_a_number_that_is_cut_off_does_not_count() -> None:
    """Where more is exposed than is read, the number that the end runs through is not taken for a smaller one."""
    ends = b"other 5\nwaiting 12"
    body = b'kv_usage{model="m"} 0.5\n' + b"\n" * (LONGEST - len(ends) - 24) + ends + b"345\n"
    assert body[:LONGEST].endswith(ends)
    assert collected(answer(body)) == [{"usage": 0.5}]
    assert collected(answer(ends)) == [{"queue": 12.0}]


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (answer(TEXT, b"404 Not Found"), "status 404, expected 200"),
        (b"nonsense\r\n\r\n", "no answer to be had: "),
    ],
)
def test_what_cannot_be_had_is_told(said: bytes, evidence: str) -> None:
    """An answer that is none fails as a check would, with evidence."""
    (failure,) = collected(said)
    assert failure.check(CheckFailed)
    assert str(failure.value).startswith(evidence)


def test_answers_report_load() -> None:
    """The numbers in the header of an answer are told."""
    source = LoadReports("cpu_utilization", "named_metrics.kv")
    head = ResponseHead(200, fields=(("endpoint-load-metrics", "TEXT cpu_utilization=0.5, named_metrics.kv=2"),))
    assert source.answered(head) == {"cpu_utilization": 0.5, "named_metrics.kv": 2.0}
    with pytest.raises(CheckFailed, match="are no report"):
        source.answered(ResponseHead(200))


def test_checks_report() -> None:
    """What health checks report is taken as it is."""
    assert Reported("queue", "usage", expire=9) == Reported("queue", "usage", expire=9)
    assert Reported("queue").reported


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Prometheus("metrics", METRICS), "Prometheus: path: 'metrics' is not a path; write '/metrics'"),
        (lambda: Prometheus("/", {}), "Prometheus: metrics: {} does not say which metrics; write {'queue': "),
        (lambda: Prometheus("/", ["a"]), "Prometheus: metrics: ['a'] does not say which metrics; write"),
        (lambda: Prometheus("/", {"a": "b c"}), "Prometheus: metrics: {'a': 'b c'} does not say which metrics; write"),
        (lambda: Prometheus("/", {"a": 3}), "Prometheus: metrics: {'a': 3} does not say which metrics; write"),
        (lambda: Prometheus("/", METRICS, port=0), "Prometheus: port: 0 is not a port; give a number from 1 to 65535"),
        (lambda: Prometheus("/", METRICS, every=0), "Prometheus: every: 0 is not a number of seconds from 0.1 up;"),
        (lambda: Prometheus("/", METRICS, timeout=0), "Prometheus: timeout: 0 is not a number of seconds from 0.01 up"),
        (lambda: Prometheus("/", METRICS, expire=0), "Prometheus: expire: 0 is not a number of seconds above 0;"),
        (
            lambda: Prometheus("/", METRICS, every=5, expire=4),
            "Prometheus: expire: 4 is over before the next every=5; give more",
        ),
        (LoadReports, "LoadReports: names: () is no name of a signal; write it in quotes"),
        (lambda: LoadReports("cpu", expire=0), "LoadReports: expire: 0 is not a number of seconds above 0;"),
        (lambda: Reported(""), "Reported: names: ('',) is no name of a signal; write it in quotes"),
    ],
)  # fmt: skip
def test_mistakes_are_told(make: Any, line: str) -> None:
    """A setting that could not work is told as the config is read."""
    with pytest.raises(ConfigError) as raised:
        make()
    assert [mistake[: len(line)] for mistake in raised.value.mistakes] == [line]
