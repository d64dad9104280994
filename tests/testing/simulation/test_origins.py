"""Modelled backends: so many at once and the others in order, and every way to fail."""

from __future__ import annotations

from balancer.testing.simulation import Fault
from balancer.testing.simulation.clock import VirtualClock
from balancer.testing.simulation.origins import Job, Origin


class Asked:
    """A backend of two servers, and when it answered what."""

    def __init__(self) -> None:
        self.clock, self.told, self.broken_lines = VirtualClock(), list[tuple[float, str, int]](), 0
        self.origin = Origin(self.clock, servers=2, network=0.5)

    def ask(self, name: str, seconds: float) -> Job:
        """It gets a request."""
        job = Job(seconds, lambda status: self.told.append((self.clock.seconds(), name, status)))
        self.origin.ask(job)
        return job

    def after(self, seconds: float, what: str, lasts: float | None = None) -> None:
        """This is to befall it."""
        fault = Fault("b", what, lasts=lasts)
        self.clock.callLater(seconds, self.origin.befall, fault)
        if lasts:
            self.clock.callLater(seconds + lasts, self.origin.relieve, fault)

    def broken(self) -> None:
        """See `origins.Line`."""
        self.broken_lines += 1

    def run(self) -> list[tuple[float, str, int]]:
        """All that it answered in the end."""
        self.clock.run(lambda: False)
        return self.told


def test_only_so_many_are_worked_on() -> None:
    """Two servers work on two requests; the third begins when one of them is done, and each answer takes its way."""
    asked = Asked()
    for name, seconds in (("a", 1), ("b", 3), ("c", 1)):
        asked.ask(name, seconds)
    assert asked.run() == [(1.5, "a", 200), (2.5, "c", 200), (3.5, "b", 200)]


def test_what_nobody_wants_is_not_begun() -> None:
    """A request that was given up while it waited takes no time, and one that is worked on is not answered."""
    asked = Asked()
    jobs = [asked.ask(name, 1) for name in "abcd"]
    jobs[0].cancel()
    jobs[2].cancel()
    assert asked.run() == [(1.5, "b", 200), (2.5, "d", 200)]


def test_slow_until_it_is_well() -> None:
    """While it is slow, what begins takes ten times as long."""
    asked = Asked()
    asked.after(0, "slow", lasts=2)
    asked.clock.callLater(1, asked.ask, "a", 1)
    asked.clock.callLater(3, asked.ask, "b", 1)
    assert asked.run() == [(4.5, "b", 200), (11.5, "a", 200)]


def test_failing_at_once() -> None:
    """While it fails it answers every request at once, with an error, and ends what it has begun."""
    asked = Asked()
    asked.ask("a", 1)
    asked.after(0.25, "failing")
    asked.clock.callLater(0.5, asked.ask, "b", 1)
    assert asked.run() == [(1.0, "b", 500), (1.5, "a", 200)]


def test_hung_until_it_is_back() -> None:
    """While it hangs it answers nothing; when it is back it answers what is done and goes on with the rest."""
    asked = Asked()
    asked.ask("a", 1)
    asked.after(0.5, "hung")
    asked.clock.callLater(1, asked.ask, "b", 1)
    asked.after(5, "back")
    assert asked.run() == [(5.5, "a", 200), (6.5, "b", 200)]
    assert asked.origin.what == ""


def test_down_breaks_all() -> None:
    """When it goes down its connections break, and nothing that it had is ever answered, even if it hung before."""
    asked = Asked()
    asked.origin.enter(asked)
    for name in "abc":
        asked.ask(name, 1)
    asked.after(0.5, "hung")
    asked.after(2, "down", lasts=1)
    asked.clock.callLater(2.5, lambda: asked.told.append((2.5, "refuses", asked.origin.refuses)))
    assert asked.run() == [(2.5, "refuses", True)]
    assert (asked.broken_lines, asked.origin.refuses) == (1, False)


def test_a_later_fault_goes_on() -> None:
    """When the time of one fault is over, another that came meanwhile stays."""
    asked = Asked()
    asked.after(0, "slow", lasts=2)
    asked.after(1, "failing")
    asked.clock.callLater(3, asked.ask, "a", 1)
    assert asked.run() == [(3.5, "a", 500)]
