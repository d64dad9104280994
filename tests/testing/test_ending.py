"""Pickers that are made in slices: all of them are taken, and no more than can be."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from balancer.plugins.algorithms import First
from balancer.plugins.sticky import OwnCookie, Sticky
from balancer.testing import FakeBackend, MemoryPool, ending
from balancer.testing.ending import Ending, EndlessPicker, bounded
from tests.testing.faulty.answering import NeverMade


class InSlices:
    """Takes a few."""

    name = "in-slices"

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        for _ in range(5):
            yield
        return lambda _session: backends[0]


def test_slices_come_to_an_end() -> None:
    """A picker in slices is made in as many as it takes."""
    assert MemoryPool(InSlices()).pick().backend.name == "b0"


def test_without_end() -> None:
    """A pool whose picker is never made says so at once, rather than to wait for ever on its clock."""
    with pytest.raises(EndlessPicker, match="no picker after 100000 slices"):
        MemoryPool(NeverMade())


def test_too_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picker that takes seconds of work and is not made is given up, however few the slices."""
    seconds: Iterator[float] = iter((0.0, 3.0, 6.0))
    monkeypatch.setattr(ending, "process_time", lambda: next(seconds))
    made = bounded(NeverMade().picker((), Random(1)))
    next(made)
    with pytest.raises(EndlessPicker, match="after 5 s of work"):
        next(made)


def test_all_else_is_as_it_was() -> None:
    """What makes pickers at once, with a keeper or without, is asked as before."""
    made = Ending(First())
    assert made.name == First().name
    assert not hasattr(made, "keeper")
    assert not hasattr(made, "_making_of")
    kept = Ending(Sticky(OwnCookie("served-by", "s" * 32))).keeper()
    assert callable(kept.picker((FakeBackend(),), (), Random(1)))
