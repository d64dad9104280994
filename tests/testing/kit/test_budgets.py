"""The budgets of what reads strangers' text: the slow are caught, wherever the text is, and what waits is too."""

from __future__ import annotations

import time
from typing import Any

import pytest

from balancer.errors import CheckFailed
from balancer.interfaces import Kind
from balancer.testing.kit.pacing import PROMISED
from tests.testing.faulty.slow import SLOW
from tests.testing.kit.told import broken_by, story_of

NUMBERS = "came: N characters take N ms"


@pytest.mark.no_cover  # it compares times, which to be measured distorts
@pytest.mark.parametrize("faulty", SLOW, ids=str)
def test_every_slow_plugin_is_caught(faulty: Any) -> None:
    """A plugin that hostile text makes slow is told the text, and how time grew."""
    assert broken_by(faulty).splitlines() == [f"promised: {PROMISED}"[:100], NUMBERS]


def test_a_story_names_the_place() -> None:
    """A counterexample says where the text stood, what it was, and how long several lengths of it took."""
    lines = story_of(SLOW[0].factory, "budget").splitlines()
    assert lines[1] == "  1. the path of a request is 'a' over and over before '!'"
    assert lines[2].count(" characters of it take ") >= 2


class Waiting:
    """Sleeps over each."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        time.sleep(0)  # noqa: TID251  so that all waits, as is to be found
        return False

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        time.sleep(0)  # noqa: TID251  so that all waits, as is to be found
        return head


@pytest.mark.parametrize("member", ["matches", "request"])
def test_who_waits_is_caught(member: str) -> None:
    """A matcher and a filter wait for nothing."""
    made = type("Made", (), {member: getattr(Waiting, member)})
    assert story_of(made, "budget").endswith("promised: it waits for nothing\ncame: it called time.sleep")


class Refusing:
    """Raises whatever it is given, within what its kind may raise."""

    names, fields, protocols = ("load",), ("x-load",), frozenset(Kind)
    expire = every = timeout = 1.0

    def answered(self, head: Any) -> Any:
        """See `ISignalSource`."""
        raise CheckFailed("no")

    async def collect(self, target: Any) -> Any:
        """See `ISignalSource`."""
        raise CheckFailed("no")


class Failing:
    """Fails where it should not, which another promise tells."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        raise KeyError(head.target)


@pytest.mark.parametrize("quick", [Refusing, Failing])
def test_who_fails_quickly_is_quick(quick: Any) -> None:
    """What raises is not slow for that."""
    assert story_of(quick, "budget") == ""


class SlowSource(Refusing):
    """Compares each letter with all others."""

    collect = None  # type: ignore[assignment]  # it asks nobody

    def answered(self, head: Any) -> Any:
        """See `ISignalSource`."""
        value = head.get("x-load")
        return {"load": sum(value.count(value[place:]) for place in range(len(value)))}


def test_slow_sources_are_caught() -> None:
    """What a backend reports in its answers is hostile too."""
    assert story_of(SlowSource, "budget").splitlines()[1].startswith("  1. every field of an answer is ")
