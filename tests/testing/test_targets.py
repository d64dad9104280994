"""The backend under examination: it is reached, refuses or lets wait, and what was closed ends."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget
from balancer.testing import MemoryTarget
from tests.testing.faulty.checks import FirstLine


def test_it_is_a_target() -> None:
    """It has all that a check may ask of one."""
    assert verifyObject(ICheckTarget, MemoryTarget())
    assert MemoryTarget().wall() > 0


def factory_of(line: FirstLine) -> Factory:
    """What makes a connection have this protocol."""
    return Factory.forProtocol(lambda: line)


def test_connections() -> None:
    """A connection is made at once, or when it is let; what it is told arrives until it closes."""
    for held in (False, True):
        target, line = MemoryTarget(held=held), FirstLine()
        made: list[Any] = []
        target.connect(factory_of(line)).addCallback(made.append)
        assert made == ([] if held else [line])
        target.connect_held()
        assert made == [line]
        target.say(b"x\n")
        line.transport.loseConnection()
        target.say(b"y")
        target.settle()
        target.end()
        assert line.data == b"x\n"


def test_refusals() -> None:
    """What is refused fails; datagrams and programs too, and they are never answered else."""
    for refused in (True, False):
        target = MemoryTarget(refused=refused)
        failures: list[Any] = []
        for asked in (target.datagram(b""), target.run([], {})):
            asked.addErrback(failures.append)
        assert len(failures) == (2 if refused else 0)
        assert target.asked == 2
    assert failures == []
    MemoryTarget(refused=True).connect(Factory()).addErrback(lambda failure: failure.trap(CheckFailed))
