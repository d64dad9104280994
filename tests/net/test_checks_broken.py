"""What a stranger's check answers or raises in place of a result: it fails, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from balancer.interfaces import ICheckTarget, Report
from tests.net.house import House
from tests.net.test_checks import Check, checked


class Waitable:
    """Can be awaited, and is neither a coroutine nor a Deferred."""

    def __await__(self) -> Iterator[Any]:
        raise LookupError("never made for this")
        yield


async def true(_: ICheckTarget) -> Any:
    """A check that takes itself for a predicate."""
    return True


def raises(_: ICheckTarget) -> Any:
    """A check with a bug."""
    raise ZeroDivisionError("oops")


class Unprintable(Exception):
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise LookupError("no words")


async def raises_what_cannot_be_shown(_: ICheckTarget) -> Any:
    """A check that fails twice over."""
    raise Unprintable


async def not_waited_for(_: ICheckTarget) -> Any:
    """A check that forgot an `await`."""
    return Deferred[None]()


async def senseless(_: ICheckTarget) -> Report:
    """A check that reports what cannot be used."""
    return Report(weight=-1)


async def mutated(_: ICheckTarget) -> Report:
    """A check that changes its report behind its back."""
    report = Report()
    object.__setattr__(report, "weight", "x")
    return report


async def meddles(target: ICheckTarget) -> None:
    """A check that writes to the backend that it looks at."""
    target.backend.weight = 7.0


async def duck(_: ICheckTarget) -> Any:
    """A check with a report of its own make."""
    return SimpleNamespace(weight=1.0, tags=None, detail="")


BROKEN: list[Any] = [lambda _: None, lambda _: True, lambda _: Waitable(), true, raises, raises_what_cannot_be_shown]
BROKEN += [not_waited_for, senseless, mutated, duck, meddles]


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_check_is_a_failed_check(house: House, told: list[LogEvent], check: Check) -> None:
    """Whatever a check raises or answers in place of a result takes the backend down, says so, and checks go on."""
    (backend,) = checked(house, check)
    assert backend.state == "down"
    assert told[-1]["because"].startswith(": the check itself failed: ")
    assert house.network.getDelayedCalls()


def test_a_check_changes_nothing(house: House, told: list[LogEvent]) -> None:
    """A check that writes to its backend fails at that, and the log says what it tried and what to do instead."""
    (backend,) = checked(house, meddles)
    assert (backend.state, backend.weight) == ("down", 1.0)
    assert "'weight' of backend '127.0.0.1:9001' is only to be read; keep notes" in told[-1]["because"]
