"""The looks after a certificate on a reactor: when they are made, what is told of them, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from balancer.core.renewal import LONGEST, Pauses
from balancer.errors import CertificateNotObtained
from balancer.net.acme import renewing
from balancer.net.acme.looking import Outlook
from balancer.net.acme.obtaining import Stopped
from balancer.net.acme.renewing import BUSY, SELDOM, Renewal
from balancer.net.acme.storage import Held, Locked
from tests.net.acme.turns import AtOnce, Turns

DAY = 86400.0
FIRST = Held(frozenset({"a.example"}), 0, 90 * DAY, "ecdsa", b"first")
SECOND = Held(frozenset({"a.example"}), 60 * DAY, 150 * DAY, "ecdsa", b"second")


class Latest(Random):
    """Chance that never makes anything come sooner."""

    def random(self) -> float:
        """The least."""
        return 0.0


class House:
    """A renewal, and what comes of it. `found` is what the next looks find, the last of them from then on."""

    def __init__(self, *found: Outlook | Exception, held: Held | None = None) -> None:
        self.clock, self.found, self.lines, self.changes = Turns(), list(found), list[str](), 0
        self.looks = list[float]()
        self.renewal = Renewal(
            self,  # type: ignore[arg-type]  # it looks
            held,
            reactor=self.clock,
            now=self.clock.seconds,
            pauses=Pauses(120, Latest()),
            changed=self._changed,
            told=self.lines.append,
            failed=self.lines.append,
        )
        self.renewal.start()
        self.clock.advance(0)

    def look(self, pause: Callable[[float], bool]) -> Outlook:
        """Find what is to be found."""
        self.looks.append(self.clock.seconds())
        self.pause = pause
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads take no time."""
    monkeypatch.setattr(renewing, "Threads", AtOnce)


def test_the_first_certificate() -> None:
    """It is looked at the start; one that was obtained is told, and whoever serves is told that it changed."""
    house = House(Outlook(FIRST, True, 60 * DAY))
    assert house.lines == ["a certificate was obtained, which is good for 90.0 days"]
    assert house.changes == 1
    assert house.renewal.figures() == {
        "days_left": 90,
        "obtained": 1,
        "failures": 0,
        "last_error": None,
        "next_try": SELDOM,
    }
    house.renewal.stop()


def test_nothing_new() -> None:
    """One that is there already changes nothing, and is looked at again when it is due, or after some hours."""
    house = House(Outlook(FIRST, False, SELDOM + 10), Outlook(FIRST, False, SELDOM + 10), held=FIRST)
    assert (house.lines, house.changes) == ([], 0)
    house.clock.advance(SELDOM)
    house.clock.advance(10)
    house.clock.advance(1)
    assert house.looks == [0, SELDOM, SELDOM + 10, SELDOM + 11]
    house.renewal.stop()


def test_obtained_by_somebody_else() -> None:
    """One that another process has put there is taken over, and not told as ours."""
    house = House(Outlook(SECOND, False, 100 * DAY), held=FIRST)
    assert (house.lines, house.changes, house.renewal.held) == ([], 1, SECOND)
    house.renewal.stop()


def test_somebody_else_is_obtaining() -> None:
    """While another process obtains it is looked again soon, and that is no failure."""
    house = House(Locked(), Outlook(FIRST, False, 60 * DAY))
    house.clock.advance(BUSY)
    assert house.looks == [0, BUSY]
    assert (house.renewal.failures, house.changes) == (0, 1)
    house.renewal.stop()


def test_failures() -> None:
    """What fails is tried again after ever longer pauses, told in doubling steps, and touches nothing that is there."""
    house = House(CertificateNotObtained("it is out of reach"), held=FIRST)
    house.clock.pump([120, 240, 480, 960])
    assert house.looks == [0, 120, 360, 840, 1800]
    assert house.lines == [
        "no certificate was obtained: it is out of reach; tried again in 120 s, 1 so far",
        "no certificate was obtained: it is out of reach; tried again in 240 s, 2 so far",
        "no certificate was obtained: it is out of reach; tried again in 960 s, 4 so far",
    ]
    figures = house.renewal.figures()
    assert (figures["failures"], figures["last_error"]) == (5, "it is out of reach")
    assert figures["next_try"] == 1800 + 1920
    assert (house.renewal.held, house.changes) == (FIRST, 0)
    house.renewal.stop()


def test_after_a_success() -> None:
    """The first failure after a success is told again, and tried again soon."""
    trouble = OSError(28, "no space left")
    house = House(trouble, trouble, trouble, Outlook(FIRST, True, 2000), trouble)
    house.clock.pump([120, 240, 480])
    assert house.renewal.figures()["last_error"] is None
    house.clock.pump([1160, 120])
    assert house.lines[2:] == [
        "a certificate was obtained, which is good for 90.0 days",
        "no certificate was obtained: [Errno 28] no space left; tried again in 120 s, 1 so far",
        "no certificate was obtained: [Errno 28] no space left; tried again in 240 s, 2 so far",
    ]
    house.renewal.stop()


def test_what_the_authority_asks_for() -> None:
    """The rest that an authority asks for is given to it."""
    house = House(CertificateNotObtained("rateLimited", pause=2 * LONGEST))
    house.clock.advance(2 * LONGEST - 1)
    assert house.looks == [0]
    house.clock.advance(1)
    assert len(house.looks) == 2
    house.renewal.stop()


def test_a_fault_of_ours(logged_failures: list[LogEvent]) -> None:
    """A fault of ours is told with all that is known of it, and does not end the looks."""
    house = House(KeyError("odd"))
    house.clock.advance(120)
    assert len(house.looks) == 2
    assert [event["log_failure"].type for event in logged_failures] == [KeyError, KeyError]
    logged_failures.clear()
    house.renewal.stop()


def test_what_follows_fails(logged_failures: list[LogEvent], monkeypatch: pytest.MonkeyPatch) -> None:
    """When what follows a new certificate fails that is told, and the looks go on."""
    monkeypatch.setattr(House, "_changed", lambda _: 1 / 0)
    house = House(Outlook(FIRST, True, 10))
    assert [event["log_failure"].type for event in logged_failures] == [ZeroDivisionError]
    logged_failures.clear()
    house.clock.advance(10)
    assert len(house.looks) == 2
    house.renewal.stop()


def test_stop() -> None:
    """After a stop nothing is looked at, whatever it waits for waits no more, and it may come at any time."""
    house = House(Outlook(FIRST, False, 60 * DAY))
    assert house.pause(0)
    house.renewal.stop()
    house.renewal.stop()
    assert not house.pause(1000)
    assert house.clock.getDelayedCalls() == []


@pytest.mark.parametrize("found", [Outlook(FIRST, True, 9), Stopped()])
def test_stop_in_the_middle(found: Outlook | Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a look under way comes to after a stop is of no interest."""
    ended = Deferred[Any]()
    monkeypatch.setattr(renewing, "deferToThreadPool", lambda *_: ended)
    house = House(found)
    house.renewal.stop()
    if isinstance(found, Exception):
        ended.errback(found)
    else:
        ended.callback(found)
    assert (house.lines, house.changes, house.clock.getDelayedCalls()) == ([], 0, [])


def test_a_stop_before_the_start() -> None:
    """One that never was started is stopped like any other."""
    Renewal(
        House(Locked()),  # type: ignore[arg-type]  # it is not asked to look
        None,
        reactor=Clock(),
        now=lambda: 0.0,
        pauses=Pauses(1, Latest()),
        changed=Event().set,
        told=str,
        failed=str,
    ).stop()
