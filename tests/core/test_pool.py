"""Who is eligible, what happens to refused choices, and what a lease tells; the machine has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.pool import REFUSALS, START, Lease, Pool
from balancer.core.remaining import SMALL
from balancer.core.session import Session
from balancer.errors import BalancerError, NoBackend, PolicyFailed, PoolFull
from balancer.interfaces import Kind
from tests.core.policies import Steered, Turns, backend


def session(*tried: Backend) -> Session:
    """A session that has tried these."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=list(tried))


def fleet(count: int) -> list[Backend]:
    """So many backends that are up."""
    return [backend(f"b{number}") for number in range(count)]


def made(backends: list[Backend], algorithm: Any, plan_b: Any = None, turns: Turns | None = None) -> Pool:
    """A pool of these."""
    return Pool("site", backends, algorithm, ports=(turns or Turns()).ports(), on_policy_error=plan_b)


class Only:
    """An algorithm whose picker asks a function for the place of its choice."""

    name = "only"

    def __init__(self, place: Callable[[int], int | None]) -> None:
        self.place, self.built = place, list[int]()

    def picker(self, backends: Any, random: Any) -> Any:
        """Pick by place."""
        self.built.append(len(backends))
        place = self.place(len(backends))
        return lambda _session: None if place is None else backends[place]


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=6))
def test_the_lowest_tier_that_is_usable_serves(told: list[tuple[int, bool]]) -> None:
    """Of all usable backends those of the lowest tier are eligible, in the order of the config."""
    backends = [backend(str(place), tier=tier, up=up) for place, (tier, up) in enumerate(told)]
    lowest = min((tier for tier, up in told if up), default=None)
    expected = [one for one, (tier, up) in zip(backends, told, strict=True) if up and tier == lowest]
    assert made(backends, Steered()).eligible() == expected


def test_a_higher_tier_serves_a_session_that_has_tried_all_of_the_lower() -> None:
    """A backup spares a client the error of primaries that are dead and not yet known to be."""
    first, backup = backend("first"), backend("backup", tier=1)
    assert made([first, backup], Steered()).pick(session(first)).backend is backup


@given(st.integers(1, SMALL + 10), st.data())
def test_a_choice_already_tried_is_refused_until_another_comes(count: int, data: st.DataObject) -> None:
    """Whatever was tried, a session gets what it has not tried, and `NoBackend` only when it has tried all."""
    backends, algorithm = fleet(count), Steered()
    places = data.draw(st.sets(st.integers(0, count - 1), min_size=min(count, 5)))
    one, pool = session(*(backends[place] for place in places)), made(backends, algorithm)
    if len(places) == count:
        with pytest.raises(NoBackend, match="every backend that is up was tried"):
            pool.pick(one)
    else:
        assert backends.index(pool.pick(one).backend) not in places
    assert sum(other.active for other in backends) == int(len(places) < count)


def test_no_choice_is_a_choice() -> None:
    """An algorithm that says none will do is believed, also about those that remain after refusals."""
    with pytest.raises(NoBackend, match="chose none"):
        made(fleet(3), Only(lambda _count: None)).pick(session())
    backends = fleet(3)
    with pytest.raises(NoBackend, match="chose none"):
        made(backends, Only(lambda count: 0 if count == 3 else None)).pick(session(backends[0]))


def test_nothing_up_is_no_backend() -> None:
    """A pool without a usable backend says so, and asks no algorithm."""
    algorithm = Steered()
    with pytest.raises(NoBackend, match="'site'"):
        made([backend("a", up=False)], algorithm).pick(session())
    with pytest.raises(NoBackend):
        made([], algorithm).pick(session())
    assert not algorithm.book.chosen


def test_another_algorithm_stands_in() -> None:
    """Where the algorithm fails to pick, or to make a picker, the other one chooses; without one it is an error."""
    for algorithm in (Steered("raise"), Steered(making="raise"), Steered("stranger")):
        plan_b = Steered("last")
        assert made(fleet(3), algorithm, plan_b).pick(session()).backend.name == "b2"
        assert plan_b.book.chosen == {"b2": 1}
        with pytest.raises(PolicyFailed):
            made(fleet(3), algorithm).pick(session())
    with pytest.raises(PolicyFailed):
        made(fleet(1), Steered("raise"), Steered("raise")).pick(session())
    with pytest.raises(PolicyFailed):
        made(fleet(1), Steered("raise"), Steered(making="raise")).pick(session())


def test_chance_stands_in_for_a_slow_algorithm() -> None:
    """A picker that takes slices of work is not waited for in the middle of a pick, but asked once more."""
    backends, algorithm = fleet(2), Steered(making="in slices")
    pool = made(backends, algorithm)
    lease = pool.pick(session(backends[0]))
    lease.end()
    assert lease.backend is backends[1]
    assert algorithm.book.chosen == algorithm.book.released == {"b0": REFUSALS + 1}


def test_the_old_picker_serves_while_the_new_one_is_built() -> None:
    """A rebuild in slices changes nothing until it is done, but what is no longer usable is not picked meanwhile."""
    turns, backends, algorithm = Turns(), fleet(3), Steered("last", "in slices", slices=5)
    pool = made(backends[:2] + backends[2:], algorithm, turns=turns)
    backends[2].become(up=False)
    pool.refresh()
    assert pool.pick(session()).backend in backends[:2]
    assert algorithm.book.released == {"b2": REFUSALS + 1}
    turns.run(9)
    assert pool.pick(session()).backend is backends[1]
    assert algorithm.book.released == {"b2": REFUSALS + 1}


def test_a_first_picker_may_take_its_time() -> None:
    """A start waits a moment for slow algorithms, and no longer: a pool without its first picker says so until then."""
    turns = Turns(look=START / 4)
    made(fleet(1), Steered(making="in slices", slices=3), turns=turns).pick(session())
    assert turns.queue == []
    late = made(fleet(1), Steered(making="in slices", slices=9), turns=turns)
    with pytest.raises(NoBackend, match="'site': the algorithm is still making its first picker"):
        late.pick(session())
    turns.run(9)
    assert late.pick(session()).backend.active == 1


def test_a_stand_in_serves_while_the_first_picker_is_made() -> None:
    """Another algorithm chooses until the first picker of a slow one is ready, and is made as politely itself."""
    turns = Turns(look=START)
    slow, plan_b = Steered(making="in slices", slices=9), Steered("last", "in slices", slices=2)
    pool = made(fleet(2), slow, plan_b, turns)
    with pytest.raises(NoBackend):
        pool.pick(session())
    turns.run(3)
    assert pool.pick(session()).backend.name == "b1"
    turns.run(9)
    assert pool.pick(session()).backend.name == "b0"


def test_a_picker_for_the_past_is_never_installed() -> None:
    """What was being built when the last backend went down does not replace what is built for those that come up."""
    turns, backends, algorithm = Turns(), fleet(3), Steered(making="in slices", slices=5)
    pool = made(backends, algorithm, turns=turns)
    backends[2].become(up=False)
    pool.refresh()
    backends[0].become(up=False)
    backends[1].become(up=False)
    pool.refresh()
    backends[2].become(up=True)
    pool.refresh()
    turns.run(9)
    one = session()
    assert pool.pick(one).backend is backends[2]
    assert one.tried == ()


def test_a_rebuild_that_fails_is_the_policys_failure() -> None:
    """When the policy cannot make a picker for those eligible now, the stand-in or the error decides, not the past."""
    algorithm, backends = Steered(), fleet(2)
    pool = made(backends, algorithm)
    algorithm.making = "raise"
    pool.refresh()
    with pytest.raises(PolicyFailed, match="made no picker"):
        pool.pick(session())


class Nobody:
    """Whoever would wait."""

    def served(self, lease: Lease) -> None:
        """Never."""

    def not_served(self, error: BalancerError) -> None:
        """Never."""


def test_a_pool_says_what_it_would_choose() -> None:
    """An explanation names the choice, and makes none."""
    pool = made(fleet(2), Steered("last"))
    assert pool.explain(session()).choice.backend == "b1"
    assert [one.active for one in pool.backends] == [0, 0]


def test_without_limits_nobody_may_wait() -> None:
    """A pool in which nothing is ever full lets nobody wait, and counts nothing."""
    pool = made(fleet(1), Steered())
    with pytest.raises(PoolFull, match="'site'"):
        pool.wait(session(), Nobody())
    assert pool.waiting == pool.waited == pool.refused == pool.timed_out == pool.longest_queue == 0


def test_what_is_full_is_refused_after_the_pick() -> None:
    """A full backend gets no session, whatever the algorithm wants; and the algorithm is told."""
    backends, algorithm = fleet(2), Steered()
    backends[0].become(max_connections=1)
    pool = made(backends, algorithm)
    assert [pool.pick(session()).backend.name for _ in range(3)] == ["b0", "b1", "b1"]
    assert algorithm.book.released == {"b0": 2 * REFUSALS}


def test_a_session_may_rejoin_its_backend() -> None:
    """A session that belongs to a backend is counted there whatever its state, and no algorithm hears of it."""
    turns, algorithm = Turns(), Only(lambda _count: 0)
    backends = fleet(2)
    pool = made(backends, algorithm, turns=turns)
    backends[1].become(up=False)
    lease = pool.rejoin(backends[1], session())
    assert (lease.backend, backends[1].active) == (backends[1], 1)
    lease.end()
    assert (backends[1].active, backends[1].served) == (0, 1)


def test_a_full_backend_is_not_rejoined() -> None:
    """A backend never has more than it takes, not even of those who belong to it."""
    full = fleet(1)
    full[0].become(max_connections=1, active=1)
    with pytest.raises(PoolFull, match="'b0' is full"):
        made(full, Only(lambda _count: 0)).rejoin(full[0], session())
    assert full[0].active == 1
