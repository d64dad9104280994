"""The kit on filters: every faulty one is caught with its message."""

from __future__ import annotations

import tracemalloc
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred

from balancer.interfaces import Direction, Reply
from tests.testing.faulty import hearing
from tests.testing.faulty.filters import FILTERS
from tests.testing.faulty.morals import MORALS
from tests.testing.kit.told import broken_by, story_of


@pytest.mark.parametrize("faulty", [*FILTERS, *hearing.FILTERS], ids=str)
def test_every_faulty_filter_is_caught(faulty: Any) -> None:
    """The promise that a faulty filter breaks is named, and what came instead."""
    assert tuple(broken_by(faulty).splitlines()) == MORALS[str(faulty)]


class Counting:
    """Gives bodies a transform that is as it should be, and takes no time for a request."""

    async def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return head.with_field("x-seen", "yes")

    def response(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return Reply(404) if head.status == 503 else head.without("etag", "x-nobody-knows")

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return None if direction is Direction.REQUEST else _Upper()


class _Upper:
    def feed(self, data: bytes) -> bytes:
        """Take the next bytes."""
        return data.upper()

    def finish(self) -> bytes:
        """Nothing was held back."""
        return b"."


@pytest.mark.parametrize("level", ["heads", "fields", "untouched", "cuts", "bodies", "buffer", "memory"])
def test_a_sound_one_passes(level: str) -> None:
    """A coroutine, a reply, a field that goes and a transform that waits for nothing are no faults."""
    assert story_of(Counting, level) == ""


def test_what_takes_time_is_let_go() -> None:
    """A filter that waits for something is not waited for."""

    class Waits(Counting):
        async def request(self, head: Any, session: Any) -> Any:
            await Deferred()
            return head

    assert story_of(Waits, "heads") == ""


def test_heads_arrive() -> None:
    """A head that no reader takes is told, and so is a field that gets lost on its way."""

    class Spaced(Counting):
        def response(self, head: Any, session: Any) -> Any:
            return head.with_field("content-length", "x")

        async def request(self, head: Any, session: Any) -> Any:
            return attrs.evolve(head, target="no path")

    assert "never raises" in story_of(Spaced, "heads")


def test_memory_is_traced_on() -> None:
    """Who traces memory already goes on doing so."""
    tracemalloc.start()
    try:
        assert story_of(Counting, "buffer") == ""
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
