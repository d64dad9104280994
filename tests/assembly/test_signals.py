"""Signals as they are written in a config: which are collected, and over what connections."""

from __future__ import annotations

from typing import Any

import attrs

from balancer.config import Health
from balancer.core.signals import Signals
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.plugins.signals import Prometheus, Reported
from tests.assembly.parts import assembled, relay

METRICS = Prometheus("/metrics", {"queue": "waiting"})


@attrs.frozen
class By(RoundRobin):
    """Says what it goes by."""

    signals: Any = ("queue",)


def test_nothing_is_collected_unasked() -> None:
    """A pool whose algorithm goes by no signals has none, and nothing asks for any."""
    assembly = assembled(relay())
    ((pool,), (backend,)) = assembly.pools.values(), next(iter(assembly.pools.values())).backends
    assert (pool.hearing, assembly.checks, backend.reporting) == (None, [], ())
    assert not isinstance(backend.signals, Signals)


def test_each_source_is_set_up_in_its_way() -> None:
    """Sources that ask do so beside the checks; those that are told are told by the checks."""
    health = Health(TCPCheck())
    both = [METRICS, Reported("usage")]
    assembly = assembled(relay(health=health, signals=both, algorithm=By(("queue", "usage"))))
    (backend,) = next(iter(assembly.pools.values())).backends
    assert len(assembly.checks) == 2
    assert len(backend.reporting) == 1
    backend.reporting[0]({"usage": 2, "queue": 3})
    assert dict(backend.signals) == {"usage": 2.0}


def test_the_one_that_stands_in_is_asked_for_too() -> None:
    """What only the algorithm for when the first one fails goes by is collected as well."""
    assembly = assembled(relay(signals=METRICS, on_policy_error=By()))
    assert len(assembly.checks) == 1
