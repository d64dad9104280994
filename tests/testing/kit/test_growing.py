"""What calls leave behind: one who keeps all is told from one whose table is bounded."""

from __future__ import annotations

import tracemalloc
from collections import OrderedDict
from itertools import count

from balancer.testing.kit.claims import PROFILES
from balancer.testing.kit.growing import FORGOTTEN, growth, in_use, traced

QUICK = PROFILES["quick"]


def test_who_keeps_all_grows() -> None:
    """Each call that keeps a number is told with its bytes."""
    kept, numbers = list[str](), count()
    assert growth(lambda: kept.append(str(next(numbers))), QUICK) > 40


def test_a_table_that_is_bounded_does_not_grow() -> None:
    """A table that is not full when the rounds are over has time to become so."""
    table, numbers = OrderedDict[int, str](), count()

    def once() -> None:
        number = next(numbers)
        table[number] = str(number)
        if len(table) > 12_000:
            table.popitem(last=False)

    assert growth(once, QUICK) < FORGOTTEN


def test_tracing_stays_as_it_was() -> None:
    """What is traced only for a measurement is not traced after it."""
    before = tracemalloc.is_tracing()
    with traced():
        assert in_use() >= 0
    assert tracemalloc.is_tracing() is before
