"""The backend under examination: it is reached, refuses or lets wait, and what was closed ends."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget
from balancer.testing import MemoryTarget
from tests.testing.faulty.checks import FirstLine


def asked(target: MemoryTarget) -> list[tuple[Any, ...]]:
    """What comes of a datagram and of a program, each with its place."""
    found: list[tuple[Any, ...]] = []
    answers: list[Deferred[Any]] = [target.datagram(b""), target.run(["true"], {})]
    for place, answer in enumerate(answers):
        answer.addCallbacks(lambda came, place=place: found.append((place, came)), trapped, errbackArgs=(found, place))
    return found


def trapped(failure: Any, found: list[tuple[Any, ...]], place: int) -> None:
    """Take note of a check's failure."""
    found.append((place, str(failure.trap(CheckFailed) and failure.value)))


def connected(target: MemoryTarget, line: FirstLine) -> list[Any]:
    """The protocol, once its connection is made, or the failure."""
    made: list[Any] = []
    target.connect(Factory.forProtocol(lambda: line)).addBoth(made.append)
    target.network.pump()
    return made


def test_it_is_a_target() -> None:
    """It has all that a check may ask of one, and can carry a password."""
    assert verifyObject(ICheckTarget, MemoryTarget())
    assert MemoryTarget().wall() > 0
    assert MemoryTarget().private


@pytest.mark.parametrize("silent", [True, False])
def test_connections(silent: bool) -> None:
    """A connection is made at once, or when it is let; what it is told arrives until it closes."""
    target, line = MemoryTarget(silent=silent), FirstLine()
    made = connected(target, line)
    assert made == ([] if silent else [line])
    target.reach()
    assert made == [line]
    target.say(b"x")
    target.flood(b"y\n")
    line.transport.loseConnection()
    target.say(b"z")
    target.flood(b"z")
    assert line.data == b"xy\n"
    assert target.network.pairs == []


@pytest.mark.parametrize(("cleanly", "told"), [(True, "closed cleanly"), (False, "non-clean")])
def test_ends(cleanly: bool, told: str) -> None:
    """The backend closes or breaks off; a program ends well or not, and a datagram is not answered by that."""
    target, line = MemoryTarget(), FirstLine()
    lost: list[Any] = []
    line.connectionLost = lost.append  # type: ignore[method-assign,assignment]  # to see the reason
    connected(target, line)
    found = asked(target)
    target.end(cleanly=cleanly)
    assert told in lost[0].getErrorMessage()
    assert found == [(1, (0 if cleanly else 1, b""))]
    target.say(b"late")
    assert found[1:] == [(0, b"late")]


def test_answers() -> None:
    """What the backend says answers datagrams, and is the output of programs; what was given up hears nothing."""
    target = MemoryTarget()
    found = asked(target)
    target.say(b"x" * 5000)
    assert found == [(0, b"x" * 5000), (1, (0, b"x" * 4096))]
    given_up: list[Any] = []
    for answer in (target.datagram(b""), target.run(["true"], {})):
        answer.addBoth(given_up.append)
        answer.cancel()
    target.say(b"y")
    assert given_up[1:] == [(-9, b"")]
    assert target.asked == 4


@pytest.mark.parametrize("late", [True, False])
def test_refusals(late: bool) -> None:
    """What is refused fails: connections, datagrams and programs, also those that had to wait."""
    target = MemoryTarget(silent=late, refused=not late)
    found, made = asked(target), connected(target, FirstLine())
    target.datagram(b"").addErrback(lambda _: None).cancel()
    target.reach(refused=True)
    assert [place for place, _ in found] == [0, 1]
    assert made[0].check(CheckFailed)


def test_nothing_is_asked_when_the_check_is_over() -> None:
    """What a check asks for when it is over is counted, and not answered."""
    target = MemoryTarget()
    target.close()
    answers: list[Deferred[Any]] = [target.connect(Factory()), target.datagram(b""), target.run([], {})]
    target.network.pump()
    assert not any(answer.called for answer in answers)
    assert target.too_late == 3
