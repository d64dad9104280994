"""The kit on signal sources: those that ask, that are told and that take reports; faulty ones are caught."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from balancer.errors import CheckFailed
from balancer.interfaces import ISignalSource, Kind
from balancer.plugins.signals import LoadReports, Prometheus, Reported
from tests.testing.faulty.morals import MORALS
from tests.testing.faulty.sources import SOURCES
from tests.testing.kit.told import broken_by, story_of

ALL = [
    "shape",
    "heads",
    "cancelled",
    "refused",
    "garbage",
    "splits",
    "evidence",
    "blocking",
    "flapping",
    "side_by_side",
]


@pytest.mark.parametrize("faulty", SOURCES, ids=str)
def test_every_faulty_source_is_caught(faulty: Any) -> None:
    """The promise that a faulty source breaks is named, and what came instead."""
    assert tuple(broken_by(faulty).splitlines()) == MORALS[str(faulty)]


@pytest.mark.parametrize(
    "sound",
    [lambda: LoadReports("cpu_utilization"), lambda: Prometheus("/metrics", {"queue": "n"}), lambda: Reported("queue")],
)
def test_the_sound_pass(sound: Any) -> None:
    """Built-in sources keep every promise."""
    assert [story_of(sound, level) for level in ALL] == [""] * 10


class Told:
    """Splits what need not be there."""

    names = ("load",)
    fields = frozenset({"x-load"})
    expire = 5.0
    protocols = frozenset({Kind.HTTP})

    def answered(self, head: Any) -> Any:
        """See `ISignalSource`."""
        value = head.get("x-load")
        if value == "cpu=nan":
            raise CheckFailed("not a number")
        return {"load": float(value)}


@pytest.mark.parametrize(
    ("members", "level", "told"),
    [
        ({}, "heads", "it raised ValueError"),
        ({"answered": lambda _self, _head: None}, "heads", "None, which is a NoneType"),
        ({"answered": lambda _self, _head: {"load": "high"}}, "heads", "{'load': 'high'}"),
        ({"expire": 0}, "shape", "expire is for how many seconds a number counts"),
        ({"answered": None, "reported": False, "collect": None}, "shape", "none of these"),
    ],
)
def test_the_faulty_are_caught(members: Any, level: str, told: str) -> None:
    """What raises, answers no numbers, or has no way to bring any, is told."""
    faulty = implementer(ISignalSource)(type("Faulty", (Told,), dict(members)))
    assert told in story_of(faulty, level)


def test_what_is_missing() -> None:
    """A source without names is told so."""

    class Nameless:
        def answered(self, head: Any) -> Any:
            """See `ISignalSource`."""
            return {}

    assert "names attribute was not provided" in story_of(Nameless, "shape")
