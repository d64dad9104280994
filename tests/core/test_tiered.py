"""Tiers that share sessions out, each with a picker of its own, in a pool with a spill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import NoBackend, PolicyFailed
from balancer.interfaces import Kind, Phase
from tests.core.policies import Steered, Turns, backend


def two_tiers(up: int) -> list[Backend]:
    """Four backends of tier 0, so many of which are up, and two of tier 1."""
    lower = [backend(f"a{place}", up=place < up) for place in range(4)]
    return [*lower, *(backend(f"z{place}", tier=1) for place in range(2))]


def made(backends: list[Backend], algorithm: Any, **settings: Any) -> Pool:
    """A pool of these with Envoy's factor."""
    return Pool("site", backends, algorithm, ports=Turns().ports(), spill=1.4, **settings)


def pick(pool: Pool, name: str | None = None, *tried: Backend) -> Lease:
    """A pick for a session that may belong to that backend."""
    return pool.pick(Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=list(tried), server_name=name))


def tiers(pool: Pool, count: int = 2000) -> Counter[int]:
    """The tiers of so many picks."""
    return Counter(pick(pool).backend.tier for _ in range(count))


@pytest.mark.parametrize("making", ["at once", "in slices"])
@pytest.mark.parametrize(("up", "share"), [(4, 1.0), (3, 1.0), (2, 0.7), (1, 0.35), (0, 0.0)])
def test_sessions_are_shared_out(up: int, share: float, making: str) -> None:
    """Each tier has its share of the sessions, by chance, whatever the algorithm; a healthy one has all."""
    found = tiers(made(two_tiers(up), Steered("at random", making)))
    assert found[0] / 2000 == pytest.approx(share, abs=0.03)
    assert found[1] == 2000 - found[0]


def test_shares_follow_what_happens() -> None:
    """As backends go down and come up the next picks are shared out anew, and nobody who is down is picked."""
    backends = two_tiers(4)
    pool = made(backends, Steered("at random"))
    assert pool.standing is not None
    for up in (3, 2, 1, 4):
        for place in range(4):
            backends[place].become(up=place < up)
        pool.refresh()
        assert tiers(pool, 300).keys() == pool.standing.shares.keys()
        assert all(one.usable for one in pool.eligible())
    for one in backends:
        one.become(up=False)
    pool.refresh()
    with pytest.raises(NoBackend):
        pick(pool)


def test_a_session_is_served_whatever_it_has_tried() -> None:
    """One that has tried a whole tier has another one's backend, and every refused choice has its end."""
    backends, algorithm = two_tiers(2), Steered("first")
    pool = made(backends, algorithm)
    leases = [pick(pool, None, *backends[:4]) for _ in range(30)]
    assert {lease.backend.tier for lease in leases} == {1}
    for lease in leases:
        lease.end()
    assert algorithm.book.chosen == algorithm.book.released


class Partly:
    """An algorithm that has nobody in tier 0."""

    name = "partly"

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """None, or the last."""
        return lambda _session: backends[-1] if backends[-1].tier else None


def test_who_has_nobody_hands_on() -> None:
    """Where the algorithm has none in the tier that chance draws the others are asked; only all of them decline."""
    assert tiers(made(two_tiers(2), Partly()), 100) == {1: 100}
    with pytest.raises(NoBackend, match="chose none"):
        pick(made(two_tiers(2), Steered("none")))


def test_a_fault_is_contained() -> None:
    """What goes wrong in one tier's picker is the policy's fault, or the other algorithm's turn."""
    with pytest.raises(PolicyFailed):
        pick(made(two_tiers(2), Steered("raise")))
    plan_b = Steered("last")
    pool = made(two_tiers(2), Steered("stranger"), on_policy_error=plan_b)
    assert {pick(pool).backend.name for _ in range(50)} == {"a1", "z1"}
    for making in ("raise", "not callable", "broken"):
        failing = made(two_tiers(2), Steered(making=making))
        with pytest.raises(PolicyFailed):
            pick(failing)
        assert failing.policy.faults.count


class Kept:
    """An algorithm with a keeper: sessions that name a backend belong there, others go to the first. Keeps book."""

    name, wanders = "kept", False

    def __init__(self) -> None:
        self.pickers = list[KeptPicker]()

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """Never asked for, since there is a keeper."""
        raise AssertionError

    def keeper(self) -> Any:
        """What is kept is this."""
        return KeptFor(self)


class KeptFor:
    """Its keeper."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def picker(self, backends: Sequence[Backend], others: Sequence[Backend], random: Random) -> Any:
        """For these, and for the others if a session belongs there."""
        self.kept.pickers.append(KeptPicker(self.kept, backends, others))
        return self.kept.pickers[-1]


class KeptPicker:
    """Its picker."""

    waits = True

    def __init__(self, kept: Kept, backends: Sequence[Backend], others: Sequence[Backend]) -> None:
        self.kept, self.backends, self.others = kept, backends, others
        self.open = Counter[str]()

    def __call__(self, session: Any) -> Any:
        """Its own, or the first."""
        everybody = (*self.backends, *self.others)
        chosen = next((one for one in everybody if one.name == session.server_name), everybody[0])
        if self.kept.wanders:
            chosen = self.others[0]
        self.open[chosen.name] += 1
        return chosen

    def released(self, backend: Backend, outcome: Any) -> None:
        """One fewer."""
        self.open[backend.name] -= 1

    def belongs(self, session: Any, backend: Backend) -> bool:
        """By its name."""
        return bool(session.server_name == backend.name)

    def requested(self, session: Any, backend: Backend, head: RequestHead) -> RequestHead:
        """Say whose picker it was."""
        return head.with_field("x-tier", str(self.backends[0].tier))

    def responded(self, session: Any, backend: Backend, head: ResponseHead) -> ResponseHead:
        """Say whose picker it was."""
        return head.with_field("x-tier", str(self.backends[0].tier))

    def explain(self, session: Any) -> Any:
        """A word for each."""
        return [(one, 1.0, "kept") for one in self.backends]


@pytest.mark.parametrize("own", ["a1", "z1"])
def test_a_session_belongs_across_tiers(own: str) -> None:
    """Whatever tier chance draws, a session has its own backend, and only that one's tier hears of it."""
    kept = Kept()
    pool = made(two_tiers(2), kept)
    leases = [pick(pool, own) for _ in range(20)]
    assert {lease.backend.name for lease in leases} == {own}
    assert all(lease.belongs() for lease in leases)
    tier = str(leases[0].backend.tier)
    assert leases[0].requested(RequestHead("GET", "/")).get("x-tier") == tier
    assert leases[0].responded(ResponseHead(200, "OK")).get("x-tier") == tier
    assert [picker.open[own] for picker in kept.pickers] == ([20, 0] if own == "a1" else [0, 20])
    for lease in leases:
        lease.end(Phase.DONE)
    assert not any(+picker.open for picker in kept.pickers)


def test_a_session_may_belong_to_a_tier_that_does_not_serve() -> None:
    """One whose backend is draining, as all of its tier, is looked after by the lowest tier that serves."""
    kept = Kept()
    backends = [*two_tiers(2), backend("q0", tier=2)]
    backends[-1].become(draining=True)
    pool = made(backends, kept)
    lease = pick(pool, "q0")
    assert lease.backend is backends[-1]
    assert lease.requested(RequestHead("GET", "/")).get("x-tier") == "0"
    lease.end()
    assert not any(+picker.open for picker in kept.pickers)


def test_a_picker_that_wanders_is_at_fault() -> None:
    """One that goes on to choose beyond its tier, for sessions that belong nowhere, is contained and named."""
    kept = Kept()
    pool = made(two_tiers(2), kept)
    kept.wanders = True
    with pytest.raises(PolicyFailed):
        pick(pool)


class Mute:
    """An algorithm whose pickers have no more than the choice in tier 1, and everything in tier 0."""

    name = "mute"

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """Of one kind or the other."""
        return (lambda _session: backends[0]) if backends[0].tier else KeptPicker(Kept(), backends, ())


def test_what_a_part_does_not_have_is_left_out() -> None:
    """Where only some tiers' pickers have a say, the others' sessions pass as they are."""
    backends = two_tiers(2)
    pool = made(backends, Mute())
    leases = {lease.backend.tier: lease for lease in (pick(pool, None) for _ in range(100))}
    head = RequestHead("GET", "/"), ResponseHead(200, "OK")
    assert (leases[1].requested(head[0]), leases[1].responded(head[1])) == head
    assert leases[0].responded(head[1]).get("x-tier") == "0"
    assert not leases[1].belongs()
    assert len(pool.explain(Session(Kind.TCP, ("192.0.2.1", 1), 0.0)).backends) == len(backends)
    leases[1].end()


def test_one_tier_is_left_to_the_algorithm() -> None:
    """While one tier has everything its picker is the algorithm's own, and the pool is called by its name."""
    kept = Kept()
    pool = made(two_tiers(4), kept)
    assert pool.policy.title == "kept"
    assert pool.policy.snapshot is not None
    assert pool.policy.snapshot.picker is kept.pickers[-1]
    assert pool.policy.keeps


class Learning(Kept):
    """One whose keeper can learn nothing."""

    asked = 0

    def keeper(self) -> Any:
        kept = KeptFor(self)
        kept.still = self.still  # type: ignore[attr-defined]  # as only some have
        return kept

    def still(self) -> Any:
        """One that learns nothing."""
        self.asked += 1
        return KeptFor(self)


def test_what_is_explained_is_asked_of_a_keeper_that_is_still() -> None:
    """A keeper that can learn nothing does so with tiers, too, when a choice is only explained."""
    algorithm = Learning()
    made(two_tiers(2), algorithm).explain(Session(Kind.TCP, ("192.0.2.1", 1), 0.0))
    assert algorithm.asked == 1
