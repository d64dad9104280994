"""The clients of a trace come when they are due, are who they are, and are counted as they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from balancer.errors import BackendDown
from balancer.interfaces import Kind
from balancer.testing.simulation import At, Constant, Trace
from balancer.testing.simulation.clock import VirtualClock
from balancer.testing.simulation.crowd import Crowd


class Guest:
    """A client that stays for as long as its work takes, and leaves backends when it is told."""

    def __init__(self, stage: Stage, session: Any) -> None:
        self.began, self.session, self.stage, self.left = session.now, session, stage, 0
        self.cookies: Sequence[str] = ()

    def start(self) -> None:
        """See `Client`."""
        why = "a reason" if self.session.now else ""
        self.session.become(attempt=2)
        self.stage.clock.callLater(self.session.work, self.stage.crowd.ended, self, why)

    def leave(self, backend: Any, error: Any) -> None:
        """See `Client`."""
        self.left += 1


class Stage:
    """Three clients, of which two come at one time."""

    def __init__(self, kind: Kind = Kind.HTTP, keys: int = 1 << 24) -> None:
        self.clock, self.guests = VirtualClock(), list[Guest]()
        trace = Trace(3, arrivals=At([5, 5, 7]), service=Constant(0.25), keys=keys)
        self.crowd = Crowd(self.clock, trace, kind, seed=1)
        self.crowd.start(self.begin)

    def begin(self, session: Any) -> Guest:
        """One more has come."""
        self.guests.append(Guest(self, session))
        return self.guests[-1]


def test_they_come_and_go() -> None:
    """Each comes at its time, and how long it took, how often it was tried and why it failed is counted."""
    stage = Stage()
    stage.clock.run(lambda: stage.crowd.over)
    assert [guest.began for guest in stage.guests] == [0, 0, 2]
    assert (stage.crowd.asked, stage.crowd.latencies, stage.crowd.retries) == (3, [0.25] * 3, 3)
    assert stage.crowd.reasons == {"a reason": 1}


def test_each_is_somebody() -> None:
    """Clients have addresses of their own; only where HTTP is spoken they ask for something."""
    stage = Stage()
    stage.clock.run(lambda: stage.crowd.over)
    assert len({guest.session.client for guest in stage.guests}) == 3
    assert all(guest.session.request.path.startswith("/k") for guest in stage.guests)
    plain = Stage(Kind.TCP)
    plain.clock.run(lambda: plain.crowd.over)
    assert [guest.session.request for guest in plain.guests] == [None] * 3


def test_they_keep_cookies() -> None:
    """What a client was told to send it sends with its next request, in place of what it had by that name."""
    stage = Stage(keys=1)
    stage.clock.run(lambda: len(stage.guests) == 1)
    stage.guests[0].cookies = ["key=b2", "new=1"]
    stage.clock.run(lambda: stage.crowd.over)
    assert [guest.session.request.get("cookie") for guest in stage.guests] == ["key=k0", "key=k0", "key=b2; new=1"]


def test_all_are_told_to_leave() -> None:
    """When a backend goes down each client that is there hears of it, and none that has gone."""
    stage = Stage()
    stage.clock.run(lambda: len(stage.guests) == 2)
    nobody: Any = None
    assert len(list(stage.crowd.leave(nobody, BackendDown("gone")))) == 2
    stage.clock.run(lambda: stage.crowd.over)
    assert list(stage.crowd.leave(nobody, BackendDown("gone"))) == []
    assert [guest.left for guest in stage.guests] == [1, 1, 0]
