"""Faulty signal sources: they tell what is no number, what is not so any more, or leave something behind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from zope.interface import implementer

from balancer.errors import CheckFailed
from balancer.interfaces import ISignalSource, Kind
from tests.testing.faulty.checks import STREAMS, FirstLine, first_line
from tests.testing.faulty.listing import Faulty


class _Asking:
    """Asks for a line with one number."""

    names = ("load",)
    protocols = STREAMS
    every, timeout, expire = 5.0, 1.0, 15.0

    async def collect(self, target: Any) -> Mapping[str, Any]:
        """See `ISignalSource`."""
        line = await first_line(target, FirstLine())
        try:
            return {"load": int(line)}
        except ValueError:
            raise CheckFailed(f"{line!r} is no number") from None


class _Hearing:
    """Reads a field of answers."""

    names = ("load",)
    fields = frozenset({"x-load"})
    protocols = frozenset({Kind.HTTP})
    expire = 15.0


class ConvertsBlindly(_Hearing):
    """Takes whatever stands in the field for a number."""

    def answered(self, head: Any) -> dict[str, float]:
        """See `ISignalSource`."""
        return {"load": float(head.get("x-load"))}


class TakesNaN(_Hearing):
    """Tells what no other number can be compared with."""

    def answered(self, head: Any) -> dict[str, float]:
        """See `ISignalSource`."""
        try:
            return {"load": float(head.get("x-load"))}
        except ValueError:
            raise CheckFailed("no number") from None


class TellsTexts(_Asking):
    """Tells what it read as it was read."""

    async def collect(self, target: Any) -> Mapping[str, Any]:
        """See `ISignalSource`."""
        return {"load": (await first_line(target, FirstLine())).decode(errors="replace")}


class TellsOldNumbers(_Asking):
    """Tells the last numbers again when there are no new ones, so that they never expire."""

    def __init__(self) -> None:
        self.last: Mapping[str, Any] = {}

    async def collect(self, target: Any) -> Mapping[str, Any]:
        """See `ISignalSource`."""
        try:
            self.last = await super().collect(target)
        except CheckFailed:
            if not self.last:
                raise
        return self.last


class ContentWithNothing(_Asking):
    """Calls it an answer when there is none."""

    async def collect(self, target: Any) -> Mapping[str, Any]:
        """See `ISignalSource`."""
        with suppress(CheckFailed):
            return await super().collect(target)
        return {}


class AsksInItsOwnTime(_Asking):
    """Keeps a timer of its own for the next time."""

    async def collect(self, target: Any) -> Mapping[str, Any]:
        """See `ISignalSource`."""
        target.clock.callLater(60, self.collect, target)
        return await super().collect(target)


@implementer(ISignalSource)
class BringsNothing(_Hearing):
    """Has no way to bring what it names."""

    fields = frozenset()


class UpperCase(_Hearing):
    """Waits for a field by a name that no field has."""

    fields = frozenset({"X-Load"})

    def answered(self, head: Any) -> dict[str, float]:
        """See `ISignalSource`."""
        return {"load": len(head.get("X-Load") or "")}


SOURCES = [
    Faulty(ConvertsBlindly, "heads"),
    Faulty(TakesNaN, "heads"),
    Faulty(TellsTexts, "garbage"),
    Faulty(TellsOldNumbers, "flapping"),
    Faulty(ContentWithNothing, "refused"),
    Faulty(AsksInItsOwnTime, "cancelled"),
    Faulty(BringsNothing, "shape"),
    Faulty(UpperCase, "shape"),
]
