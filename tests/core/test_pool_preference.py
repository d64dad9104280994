"""What a pool offers after refusals: to whom a picker would go next, as far as that is to be had in time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.pool import REFUSALS, SMALL, Pool
from balancer.core.session import Session
from balancer.errors import NoBackend
from balancer.interfaces import Kind
from tests.core.policies import Turns, backend


class InOrder:
    """An algorithm that takes slices to make a picker, which has an order: the first that the session has not tried."""

    name = "in-order"

    def __init__(self, *, heeds: bool = True, answers: int = 99) -> None:
        self.heeds, self.answers, self.built, self.asked = heeds, answers, list[int](), 0

    def picker(self, backends: Any, random: Any) -> Generator[None, None, Any]:
        self.built.append(len(backends))
        yield
        return lambda session: self._pick(backends, session.tried if self.heeds else ())

    def _pick(self, backends: Any, tried: Any) -> Any:
        self.asked += 1
        return next((one for one in backends if one not in tried), backends[0]) if self.asked <= self.answers else None


def session(*tried: Backend) -> Session:
    """A session that has tried these."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=list(tried))


def full(count: int) -> Iterator[Backend]:
    """Backends that have all they take."""
    for number in range(count):
        one = backend(f"f{number}")
        one.max_connections = one.active = 1
        yield one


def made(backends: list[Backend], algorithm: InOrder, look: float = 0.0) -> Pool:
    """A pool on a clock on which every look takes so long."""
    return Pool("site", backends, algorithm, ports=Turns(look).ports())


@pytest.mark.parametrize("count", [2, REFUSALS, REFUSALS + 1, SMALL])
@pytest.mark.parametrize("others", [2, SMALL + 1])
def test_who_is_full_is_passed_over_in_order(count: int, others: int) -> None:
    """However many are full and however many are not, the picker's own order decides, and no other picker is made."""
    backends, algorithm = [*full(count), *(backend(f"b{n}") for n in range(others))], InOrder()
    pool = made(backends, algorithm)
    one = session()
    assert pool.pick(one).backend.name == "b0"
    assert one.tried == backends[: min(count, REFUSALS)]
    assert algorithm.built == [len(backends)]
    assert algorithm.asked <= REFUSALS + 1


def test_a_picker_that_heeds_nothing_is_made_for_the_rest_in_time() -> None:
    """One that goes on to insist is made anew for what remains, if that takes no time."""
    backends, algorithm = [*full(1), backend("b0"), backend("b1")], InOrder(heeds=False)
    pool = made(backends, algorithm)
    assert {pool.pick(session()).backend.name for _ in range(9)} == {"b0"}
    assert algorithm.built == [3] + [2] * 9


def test_what_takes_time_is_not_tried_twice() -> None:
    """Where making one for the rest takes longer than a slice chance decides, and does so until something changes."""
    backends, algorithm = [*full(1), backend("b0"), backend("b1")], InOrder(heeds=False)
    pool = made(backends, algorithm, look=0.002)
    assert {pool.pick(session()).backend.name for _ in range(9)} == {"b0", "b1"}
    assert algorithm.built == [3, 2]
    pool.refresh()
    pool.pick(session())
    assert algorithm.built == [3, 2, 3, 2]


def test_a_picker_may_have_none_but_the_full() -> None:
    """When a picker that is told what it cannot have says that nothing else will do, it is believed."""
    backends, algorithm = [*full(1), backend("b0")], InOrder(heeds=False, answers=REFUSALS)
    with pytest.raises(NoBackend, match="chose none"):
        made(backends, algorithm).pick(session())
    assert algorithm.built == [2]
