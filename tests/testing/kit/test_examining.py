"""One check under way: how it is judged, what it tells, and what it must not leave behind."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import Clock

from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.testing import MemoryTarget
from balancer.testing.kit.examining import TIMEOUT, Examination, are_numbers
from balancer.testing.kit.stories import Broken, Story
from tests.testing.faulty.checks import FirstLine, first_line
from tests.testing.faulty.well import OtherClock


def answering(found: Any) -> Any:
    """A check that answers this, or raises it, at once."""

    async def check(_target: Any) -> Any:
        if isinstance(found, BaseException):
            raise found
        return found

    return check


async def asking(target: Any) -> Report:
    """A check that waits for a line."""
    return Report(weight=0.5, detail=repr(await first_line(target, FirstLine())))


@pytest.mark.parametrize(
    ("found", "verdict", "told", "evidence"),
    [
        (None, "passes", "passes", ""),
        (Report(detail="well"), "passes", "passes", "well"),
        (Report(weight=0.5), "passes", "passes with Report(weight=0.5, tags=None, detail='', signals=None)", ""),
        (CheckFailed("no"), "fails", "fails", "no"),
    ],
)
def test_what_it_says(found: Any, verdict: str, told: str, evidence: str) -> None:
    """A check passes or fails, with what it reports and with evidence for it."""
    examined = Examination(answering(found), Story())
    assert (examined.verdict, examined.told, examined.evidence) == (verdict, told, evidence)
    examined.stop()


def test_it_waits_until_the_backend_says_something() -> None:
    """A check waits for what the backend says, and ends with it; nothing is left then."""
    examined = Examination(asking, Story())
    assert examined.verdict == "still waits"
    examined.say(b"well\n")
    assert (examined.verdict, examined.evidence) == ("passes", "b'well'")
    examined.end()
    examined.stop()
    assert examined.story.steps == ["the backend says b'well\\n'", "the backend closes"]


@pytest.mark.parametrize(
    ("at_once", "step", "seconds"),
    [(True, "it is cancelled", 0.0), (False, "its time is up, and it is cancelled", TIMEOUT)],
)
def test_it_is_cancelled(at_once: bool, step: str, seconds: float) -> None:
    """A check that waits is cancelled when its time is up, or at once."""
    examined = Examination(asking, Story(), MemoryTarget(silent=True))
    examined.stop(at_once=at_once)
    assert examined.ended
    assert examined.story.steps == [step]
    assert examined.target.network.seconds() == seconds


@pytest.mark.parametrize(
    ("found", "told"),
    [(ValueError("x"), "it raised ValueError: x"), (SystemExit(), "it raised SystemExit"), (True, "True, which is a")],
)
def test_what_is_no_answer(found: Any, told: str) -> None:
    """What is neither None nor a report, and what is raised but CheckFailed, breaks a promise."""
    with pytest.raises(Broken, match=told):
        Examination(answering(found), Story())


def test_what_cannot_be_awaited() -> None:
    """A check that answers at once breaks a promise; a Deferred can be awaited."""
    with pytest.raises(Broken, match="7, which cannot be awaited"):
        Examination(lambda _target: 7, Story())
    assert Examination(lambda _target: Deferred(), Story()).verdict == "still waits"


def test_a_connection_beside_the_target_is_left_open() -> None:
    """What reaches the backend by the clock alone, which is a reactor, is not closed for it, and is found."""

    async def beside(target: Any) -> None:
        target.clock.connectTCP("192.0.2.9", 80, ClientFactory.forProtocol(FirstLine))

    with pytest.raises(Broken, match="a connection is still open"):
        Examination(beside, Story()).stop()


@pytest.mark.parametrize(
    ("found", "fit"),
    [
        ({"load": 1}, True),
        ({}, True),
        ({"load": 1.5, "other": "x"}, True),
        ({"load": float("nan")}, False),
        ({"load": "1"}, False),
        (7, False),
        (None, False),
    ],
)
def test_numbers(found: Any, fit: bool) -> None:
    """What a source tells by its names are finite numbers; what it tells beside those does not matter."""
    assert are_numbers({"load"}, found) is fit


def test_a_source_is_asked_like_a_check() -> None:
    """What can collect is asked for numbers, and must answer some."""

    class Source:
        names = ("load",)

        async def collect(self, target: Any) -> Any:
            return {"load": len(await first_line(target, FirstLine())) or None}

    examined = Examination(Source(), Story())
    examined.say(b"xx\n")
    assert examined.told == "passes with {'load': 2}"
    with pytest.raises(Broken, match="finite numbers by name"):
        Examination(Source(), Story()).say(b"\n")


def test_the_reactor_of_the_process_is_not_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sets a call on the reactor of the process, and leaves it there, is found; what was there before is not."""
    reactor = Clock()
    reactor.callLater(60, lambda: None)
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", reactor)
    Examination(asking, Story()).stop()
    with pytest.raises(Broken, match="calls are still to come on the reactor of the process"):
        Examination(OtherClock(), Story()).stop()
