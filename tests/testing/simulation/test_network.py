"""Modelled connections: they stand or do not, end as they are told, and are what health checks see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from balancer.interfaces import IHealthCheck
from balancer.testing.fakes import FakeBackend
from balancer.testing.simulation import Fault
from balancer.testing.simulation.network import Line, ModelledCheck, Network
from balancer.testing.simulation.origins import Origin

PLACE = "b1", 0


@pytest.fixture
def network() -> Network:
    """One with a single backend, half a second away."""
    network = Network(0.5)
    network.origins[PLACE] = Origin(network, 1, 0.5)
    return network


class Waiting:
    """Who waits for a connection: `net.racing.Awaiting`."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.stands = self.failed = self.told.append


def connect(network: Network) -> tuple[Line, Waiting, Any]:
    """A connection on its way."""
    line, waiting = Line(), Waiting()
    line.dialing = waiting
    return line, waiting, network.connect_directly(PLACE, line, waiting.failed, "")


def test_a_connection_stands_after_a_while(network: Network) -> None:
    """Who dialled is told when it stands, and when the backend breaks it, unless it was closed before."""
    line, waiting, _ = connect(network)
    other, *_ = connect(network)
    network.run(lambda: False)
    assert (waiting.told, network.seconds()) == ([line], 0.5)
    broken: list[str] = []
    line.lost, other.lost = lambda: broken.append("one"), lambda: broken.append("other")
    other.abort()
    network.origins[PLACE].befall(Fault("b1", "down"))
    assert broken == ["one"]


def test_nobody_listens(network: Network) -> None:
    """A backend that is down refuses; an attempt that was cancelled is told nothing."""
    network.origins[PLACE].befall(Fault("b1", "down"))
    _, refused, _ = connect(network)
    _, cancelled, attempt = connect(network)
    attempt.cancel()
    network.run(lambda: False)
    assert [str(error) for error in refused.told] == ["it is down"]
    assert cancelled.told == []


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (None, "well"),
        (Fault("b1", "slow"), "well"),
        (Fault("b1", "failing"), "well"),
        (Fault("b1", "failing", seen=True), "it is failing"),
        (Fault("b1", "down"), "it is down"),
        (Fault("b1", "hung"), "nothing"),
    ],
    ids=str,
)
def test_what_checks_find(network: Network, fault: Fault | None, found: str) -> None:
    """A health check finds out what is wrong, as far as it can be seen; of one that hangs it hears nothing."""
    origin = network.origins[PLACE]
    if fault is not None:
        origin.befall(fault)
    check, told = ModelledCheck(network, {"b1": origin}, {}), ["nothing"]
    verifyObject(IHealthCheck, check)
    running = Deferred.fromCoroutine(check.check(target()))
    running.addCallbacks(lambda _: told.append("well"), lambda failure: told.append(failure.getErrorMessage()))
    network.run(lambda: False)
    assert told[-1] == found


def test_a_check_may_be_cancelled(network: Network) -> None:
    """A check that is no longer wanted ends at once."""
    running = Deferred.fromCoroutine(ModelledCheck(network, network_origins(network), {}).check(target()))
    ended: list[Any] = []
    running.addErrback(ended.append)
    running.cancel()
    network.run(lambda: False)
    assert len(ended) == 1


def network_origins(network: Network) -> dict[str, Origin]:
    """The backends by their names."""
    return {"b1": network.origins[PLACE]}


def target() -> Any:
    """What a check looks at."""
    return SimpleNamespace(backend=FakeBackend("b1"))
