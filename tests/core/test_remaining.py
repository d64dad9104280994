"""What a pool offers after refusals: whom the picker would take next, as far as that is to be had in time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.pool import REFUSALS, Pool
from balancer.core.remaining import SMALL
from balancer.core.session import Session
from balancer.errors import NoBackend, PolicyFailed
from balancer.interfaces import Kind
from tests.core.policies import Steered, Turns, backend


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
        one.become(max_connections=1, active=1)
        yield one


def fleet(count: int) -> list[Backend]:
    """So many backends that are up."""
    return [backend(f"b{number}") for number in range(count)]


def made(backends: list[Backend], algorithm: Any, plan_b: Any = None, look: float = 0.0) -> Pool:
    """A pool on a clock on which every look takes so long."""
    return Pool("site", backends, algorithm, ports=Turns(look).ports(), on_policy_error=plan_b)


class Insisting:
    """An algorithm whose picker answers with the first, whatever was tried."""

    name = "insisting"

    def __init__(self) -> None:
        self.built = list[int]()

    def picker(self, backends: Any, random: Any) -> Any:
        """Pick the first."""
        self.built.append(len(backends))
        return lambda _session: backends[0]


@pytest.mark.parametrize("count", [2, REFUSALS, REFUSALS + 1, SMALL])
@pytest.mark.parametrize("others", [2, SMALL + 1])
def test_who_is_full_is_passed_over_in_order(count: int, others: int) -> None:
    """However many are full and however many are not, the picker's own order decides, and no other picker is made."""
    backends, algorithm = [*full(count), *(backend(f"b{n}") for n in range(others))], InOrder()
    pool = made(backends, algorithm)
    one = session()
    assert pool.pick(one).backend.name == "b0"
    assert one.tried == tuple(backends[: min(count, REFUSALS)])
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


@given(st.sampled_from([SMALL, SMALL + 1]))
def test_a_picker_for_what_remains_only_while_that_is_small(remaining: int) -> None:
    """After the refusals a picker is built for what remains, if that is little; among more, chance decides."""
    backends, algorithm = fleet(remaining + 1), Insisting()
    lease = made(backends, algorithm).pick(session(backends[0]))
    assert algorithm.built == [remaining + 1] + [remaining] * (remaining <= SMALL)
    assert remaining > SMALL or lease.backend is backends[1]


def test_chance_repeats_itself() -> None:
    """What chance decides follows from the seed alone."""
    backends = fleet(SMALL + 2)
    chosen = [made(backends, Steered()).pick(session(backends[0])).backend for _ in range(3)]
    assert len(set(chosen)) == 1


def test_another_algorithm_stands_in_for_what_remains() -> None:
    """When no picker can be made for what remains after refusals, a session gets one of it all the same."""
    backends, algorithm, plan_b = fleet(3), Steered(), Steered()
    pool, alone = made(backends, algorithm, plan_b), made(backends, algorithm)
    algorithm.making = "raise"
    assert pool.pick(session(backends[0])).backend is not backends[0]
    assert plan_b.book.chosen == plan_b.book.released == {"b0": 1}
    assert algorithm.book.chosen == algorithm.book.released == {"b0": REFUSALS}
    with pytest.raises(PolicyFailed):
        alone.pick(session(backends[0]))
