"""What is told of a pool: the same that it does, and nothing changes by the telling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.explaining import TierShare, explaining
from balancer.core.messages import RequestHead
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.core.slow_start import Curve
from balancer.errors import BalancerError
from balancer.interfaces import ISession, Kind
from balancer.plugins.algorithms import First, LeastConnections, PeakEWMA, PowerOfTwo, Random, RoundRobin
from balancer.plugins.hashing import Hash, Ketama, SourceHash, header
from balancer.plugins.sticky import OwnCookie, Remembered, Sticky
from tests.core.policies import Steered, Turns, backend

ALGORITHMS = [
    First(),
    Hash(lambda session: session.client[0], Ketama(16)),
    LeastConnections(),
    PeakEWMA(),
    PowerOfTwo(),
    Random(),
    RoundRobin(),
]


def session(*tried: Backend) -> Session:
    """A session that has tried these."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=list(tried))


def made(
    backends: list[Backend], algorithm: Any, plan_b: Any = None, *, turns: Turns | None = None, **settings: Any
) -> Pool:
    """A pool of these, on a clock of its own."""
    ports = (turns or Turns(look=0.0)).ports()
    return Pool("site", backends, algorithm, ports=ports, on_policy_error=plan_b, **settings)


def fleet(*names: str) -> list[Backend]:
    """Backends of these names, all up."""
    return [backend(name) for name in names]


standings = st.lists(
    st.tuples(st.sampled_from([0, 1, 1, 3]), st.integers(0, 1), st.booleans(), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=5,
)


def standing(told: list[tuple[float, int, bool, bool, int]]) -> list[Backend]:
    """Backends with a weight, a tier, up or not, draining or not, and so many sessions of three that are possible."""
    backends = []
    for place, (weight, tier, up, draining, active) in enumerate(told):
        one = backend(f"b{place}", weight=weight, tier=tier, up=up)
        one.become(draining=draining, active=active, max_connections=3)
        backends.append(one)
    return backends


def chosen(pool: Pool, one: Session) -> str | None:
    """What the pool really chooses, which is then over."""
    try:
        lease = pool.pick(one)
    except BalancerError:
        return None
    lease.backend.become(active=lease.backend.active - 1)
    lease.refuse()
    return lease.backend.name


@given(standings, st.sampled_from(ALGORITHMS), st.lists(st.integers(0, 4), max_size=2))
def test_it_tells_what_is_done(told: list[Any], algorithm: Any, places: list[int]) -> None:
    """A decision is the one that is made, another choice is among those told, and none is told where none is made."""
    backends = standing(told)
    pool = made(backends, algorithm)
    tried = [backends[place] for place in places if place < len(backends)]
    choice = pool.explain(session(*tried)).choice
    done = chosen(pool, session(*tried))
    assert (choice.backend is None) is (done is None)
    if done is not None:
        assert done in choice.among
        assert (choice.by == "decision") is (len(choice.among) == 1)
        usable = {one.name for one in backends if one.usable and not one.full and one not in tried}
        assert set(choice.among) <= usable


@given(standings, st.sampled_from(ALGORITHMS), st.integers(0, 5))
def test_nothing_changes_by_it(told: list[Any], algorithm: Any, before: int) -> None:
    """Counts, turns, chance, failures known and the session itself are as if nobody had asked."""
    pool, other = (made(standing(told), algorithm) for _ in range(2))
    for one in (pool, other):
        for _ in range(before):
            chosen(one, session())
    asked = session(pool.backends[0])
    was = [getattr(asked, name) for name in ISession]
    counts = [(one.active, one.served, one.failed) for one in pool.backends]
    pool.explain(asked)
    assert [getattr(asked, name) for name in ISession] == was
    assert asked.tried == (pool.backends[0],)
    assert [(one.active, one.served, one.failed) for one in pool.backends] == counts
    assert pool.policy.faults.count == 0
    assert [chosen(pool, session()) for _ in range(9)] == [chosen(other, session()) for _ in range(9)]


@pytest.mark.parametrize(
    ("algorithm", "by", "among"),
    [
        (RoundRobin(), "turn", {"a", "b", "c"}),
        (Random(), "chance", {"a", "b", "c"}),
        (LeastConnections(), "chance", {"b", "c"}),
        (First(), "decision", {"a"}),
        (SourceHash(), "decision", {"a"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_turn_and_chance_are_told(algorithm: Any, by: str, among: set[str]) -> None:
    """Where the next choice hangs on whose turn it is, or on chance, that is said, and who it may be."""
    backends = fleet("a", "b", "c")
    backends[0].become(active=1)
    choice = made(backends, algorithm).explain(session()).choice
    assert (choice.by, set(choice.among), choice.algorithm) == (by, among, algorithm.name)
    assert choice.backend in choice.among


def test_a_retry_goes_elsewhere() -> None:
    """What a retry would choose is told, too: nobody, where there is no other."""
    told = made(fleet("a", "b"), First()).explain(session())
    assert told.retry is not None
    assert (told.choice.backend, told.retry.backend) == ("a", "b")
    told = made(fleet("a"), First()).explain(session())
    assert told.retry is not None
    assert (told.retry.backend, told.retry.reason) == (None, "no-backend")
    assert "every backend that is up was tried" in told.retry.why


def test_every_backend_has_its_reasons() -> None:
    """Each backend is told with why it may not be chosen, and with what the algorithm says of it."""
    backends = [*fleet("a", "b", "c"), backend("d", tier=1), backend("e", up=False)]
    backends[1].become(active=2, max_connections=2)
    backends[2].become(draining=True)
    told = made(backends, LeastConnections()).explain(session(backends[0])).backends
    assert [(one.backend, one.state, one.reasons) for one in told] == [
        ("a", "up", ("tried",)),
        ("b", "up", ("full (2 of 2)",)),
        ("c", "draining", ("draining",)),
        ("d", "up", ("tier 1 is not in use",)),
        ("e", "down", ("down",)),
    ]
    assert [(one.score, one.note) for one in told[:3]] == [(0.0, "weight 1"), (2.0, "weight 1"), (None, "")]


def test_who_starts_slowly_is_told() -> None:
    """A backend that has just come back is told with the share that it is let have."""
    turns, algorithm, backends = Turns(0.0), Steered(), fleet("a", "b")
    pool = Pool("site", backends, algorithm, ports=turns.ports(), slow_start=Curve(60))
    turns.time += 100
    for up in (False, True):
        backends[0].become(up=up)
        pool.refresh()
    turns.time += 15
    told = pool.explain(session()).backends
    assert [one.reasons for one in told] == [("starting slowly (25 %)",), ()]


def test_nobody_is_chosen_where_none_is_up() -> None:
    """Without a backend the answer says so, for the reason that a session would be refused for."""
    told = made([backend("a", up=False)], RoundRobin()).explain(session())
    assert (told.choice.backend, told.choice.by, told.choice.reason, told.retry) == (None, "nobody", "no-backend", None)
    assert told.choice.why == "pool 'site': no backend is up"
    assert not told.panic


def test_tiers_have_shares() -> None:
    """The tiers in use are told with the share of sessions that each has, by spill or all of them."""
    backends = [backend("a"), backend("b", up=False), backend("c", tier=1)]
    told = made(backends, RoundRobin()).explain(session())
    assert told.tiers == (TierShare(0, 1.0),)
    told = made(backends, RoundRobin(), spill=1.4).explain(session())
    assert [(one.tier, round(one.share, 6)) for one in told.tiers] == [(0, 0.7), (1, 0.3)]


def test_a_slow_start_is_told() -> None:
    """One that starts slowly is told with the share that is let through, and that another choice is by chance."""
    turns, backends = Turns(look=0.0), fleet("a", "b")
    pool = made(backends, First(), turns=turns, slow_start=Curve(60.0))
    for up in (False, True):
        backends[0].become(up=up)
        pool.refresh()
    turns.time += 15
    told = pool.explain(session())
    assert told.backends[0].reasons == ("starting slowly (25 %)",)
    assert (told.choice.by, told.choice.among) == ("chance", ("a", "b"))


def test_panic_is_told() -> None:
    """A backend that is used though it is not well is told as what it is."""
    one = backend("a", up=False)
    one.become(pressed=True)
    told = made([one], RoundRobin()).explain(session())
    assert (told.panic, told.choice.backend, told.backends[0].state) == (True, "a", "down")


def test_an_algorithm_that_fails() -> None:
    """A failure here is none of the pool's; another algorithm that stands in is named as the one that chose."""
    pool = made(fleet("a"), Steered("raise"), Steered("first"))
    assert pool.explain(session()).choice.backend == "a"
    alone = made(fleet("a"), Steered("raise"))
    assert alone.explain(session()).choice.reason == "policy-failed"
    assert (pool.policy.faults.count, alone.policy.faults.count) == (0, 0)
    broken = made(fleet("a"), Steered(making="raise"), RoundRobin()).explain(session())
    assert (broken.algorithm, broken.choice.algorithm) == ("steered", "round-robin")


class Wordy:
    """An algorithm whose picker explains itself as it is told to."""

    def __init__(self, words: Any) -> None:
        self.name, self._words = None, words

    def picker(self, backends: Any, random: Any) -> Any:
        """One that chooses the first."""
        self.backends = backends
        return self

    def __call__(self, session: Any) -> Any:
        return self.backends[0]

    def explain(self, session: Any) -> Any:
        """The words."""
        if isinstance(self._words, BaseException):
            raise self._words
        return [(self.backends[0], *self._words)]

    def __repr__(self) -> str:
        return "Wordy"


@pytest.mark.parametrize("words", [SystemExit(3), ValueError("no"), ("high", "note"), (1,)], ids=repr)
def test_an_explanation_that_fails(words: Any) -> None:
    """A picker that cannot explain itself is told so, and the choice all the same."""
    told = made(fleet("a"), Wordy(words)).explain(session())
    assert told.fault.startswith("explain() raised ")
    assert (told.algorithm, told.choice.backend, told.backends[0].score) == ("Wordy", "a", None)
    assert made(fleet("a"), Wordy((2, "well"))).explain(session()).backends[0].note == "well"


def test_long_work_is_done_in_slices() -> None:
    """A picker that takes long to make is made between other work, and so are many choices."""
    turns = Turns(look=0.002)
    pool = Pool("site", fleet("a", "b"), Steered(making="in slices", slices=9), ports=turns.ports())
    turns.run(9)
    assert pool.policy.snapshot is not None
    steps = len(list(explaining(pool, session())))
    assert steps > 9
    assert turns.queue == []


def test_an_algorithm_that_fails_now_and_then() -> None:
    """What is chosen at times is told, whatever else happens at other times."""

    class Moody(Wordy):
        turns = 0

        def __call__(self, session: Any) -> Any:
            self.turns += 1
            return self.backends[0] if self.turns % 2 else None

    choice = made(fleet("a", "b"), Moody((1, "well"))).explain(session()).choice
    assert (choice.backend, choice.by, choice.among) == ("a", "decision", ("a",))


class Kept:
    """An algorithm with a keeper that `still` makes another of, or fails to."""

    name = "kept"

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def picker(self, backends: Any, *_others: Any) -> Any:
        """One that chooses the first, for it keeps itself."""
        return Wordy((1, "kept")).picker(backends, None)

    def keeper(self) -> Any:
        """Itself."""
        return self

    def still(self) -> Any:
        """Another, or none."""
        if self.error is not None:
            raise self.error
        return self


def test_a_keeper_that_fails() -> None:
    """A keeper that cannot be asked without learning is the policy's failure, here alone."""
    assert made(fleet("a"), Kept()).explain(session()).choice.backend == "a"
    pool = made(fleet("a"), Kept(SystemExit()))
    assert pool.explain(session()).choice.reason == "policy-failed"
    assert pool.policy.faults.count == 0
    assert pool.pick(session()).backend.name == "a"


def asking(fields: tuple[tuple[str, str], ...] = ()) -> Session:
    """A session with a request."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, RequestHead("GET", "/", "a.example", fields=fields))


def test_what_is_remembered_stays_so() -> None:
    """A client that is only asked about is not remembered, and one that is remembered is told as such."""
    pool = made(fleet("a", "b"), Sticky(Remembered(key=header("x-user"))))
    ann = (("x-user", "ann"),)
    assert pool.explain(asking(ann)).choice.by == "turn"
    assert pool.explain(asking(ann)).choice.by == "turn"
    home = pool.pick(asking(ann)).backend.name
    told = pool.explain(asking(ann))
    assert (told.choice.backend, told.choice.by) == (home, "decision")


def test_what_the_algorithm_keeps_to_itself() -> None:
    """The head is told as the algorithm lets the backend have it; without a say in it, nothing is told."""
    pool = made(fleet("a"), Sticky(OwnCookie("lb", "secret of the tests")))
    choice = pool.explain(asking((("cookie", "lb=x; other=1"),))).choice
    assert choice.request is not None
    assert choice.request.get("cookie") == "other=1"
    assert made(fleet("a"), First()).explain(asking()).choice.request is None
    assert pool.explain(session()).choice.request is None
