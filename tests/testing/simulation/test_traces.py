"""A trace says who comes and when, the same for the same seed, and tells what is wrong with it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random
from typing import Any

import pytest

from balancer.core.messages import RequestHead
from balancer.errors import ConfigError
from balancer.interfaces import Report
from balancer.testing.simulation import At, Fault, Poisson, Trace


def test_requests_arrive_as_often_as_there_are() -> None:
    """No more arrive than are asked for, nor than were recorded, and none before another."""
    moments = list(Trace(100, arrivals=Poisson(5)).moments(Random(1)))
    assert len(moments) == 100
    assert moments == sorted(moments)
    assert list(Trace(100, arrivals=At([3, 4, 6])).moments(Random(1))) == [0, 1, 3]


def test_clients_are_as_popular_as_was_said() -> None:
    """Without a skew all come alike; with one of 1 the second comes half as often as the first."""
    even = Counter(islice(Trace(keys=4).clients(Random(1)), 10_000))
    skewed = Counter(islice(Trace(keys=4, skew=1).clients(Random(1)), 10_000))
    assert [even[number] / 10_000 for number in range(4)] == pytest.approx([0.25] * 4, abs=0.02)
    assert [skewed[number] / 10_000 for number in range(4)] == pytest.approx([0.48, 0.24, 0.16, 0.12], abs=0.02)


def test_a_key_is_wherever_it_is_looked_for() -> None:
    """A client's own key is in the path, the query, a field and a cookie of what it asks for."""
    head = Trace().head(7)
    assert (head.path, head.query, head.get("x-key"), head.get("cookie")) == ("/k7", "key=k7", "k7", "key=k7")
    assert Trace(asks=lambda number: RequestHead("POST", f"/{number}")).head(7).path == "/7"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"requests": 0}, "requests: 0 is not a whole number of at least 1"),
        ({"arrivals": 100}, "arrivals: 100 has no gaps(random); give one such as Poisson(100)"),
        ({"service": 0.05}, "service: 0.05 has no times(random); give one such as Exponential(0.05)"),
        ({"servers": 0}, "servers: 0 is not a whole number of at least 1"),
        ({"keys": 1 << 25}, "keys: 33554432 is more than 16777216; give less"),
        ({"network": -1}, "network: -1 is not a number from 0 up; give 0 for none"),
        ({"skew": "x"}, "skew: 'x' is not a number from 0 up; give 0 for none"),
        ({"asks": "GET /"}, "asks: 'GET /' cannot be called; give a function of a number that returns a RequestHead"),
        ({"reports": 1}, "reports: 1 is no mapping; give one such as {'b1': Report(tags={'primary'})}"),
        ({"reports": {"b1": 1}}, "reports: 1 is not a Report; give one such as Report(tags={'primary'})"),
        ({"faults": "b2"}, "faults: 'b2' is not a Fault; give one such as Fault('b2', 'slow', at=30, lasts=20)"),
    ],
)
def test_mistakes_are_told(given: dict[str, Any], line: str) -> None:
    """What cannot be simulated is refused, in a line that says what to give."""
    with pytest.raises(ConfigError) as caught:
        Trace(**given)
    assert caught.value.mistakes == (f"Trace: {line}",)


def test_what_fits_no_pool_is_found() -> None:
    """It tells what of it would befall backends that are not there, and what nothing would report."""
    trace = Trace(faults=[Fault("b1", "down"), Fault("b3", "down")], reports={"b2": Report(), "b4": Report()})
    assert list(trace.misfits(["b1", "b2"], checked=True)) == [
        "faults: there is no backend 'b3'; name one of the pool's",
        "reports: there is no backend 'b4'; name one of the pool's",
    ]
    assert list(Trace(reports={"b1": Report()}).misfits(["b1"], checked=False)) == [
        "reports: would be ignored, for no health check makes any; give the pool health=Health(...)"
    ]
