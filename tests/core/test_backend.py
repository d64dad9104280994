"""What a backend tells of itself, what it counts, and how its latency is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from balancer.core.backend import Backend, Latency
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, Draining, UpstreamTimeout
from balancer.interfaces import IBackend, Report
from tests.core.policies import backend

seconds = st.floats(0.0001, 100)
samples = st.lists(st.tuples(seconds, st.floats(0, 60)), min_size=1, max_size=20)


def naive(value: float, sample: float, since: float, half_life: float) -> float:
    """Peak EWMA written down as its rule is told: half of what was is forgotten in a half-life."""
    kept = 0.5 ** (since / half_life)
    return sample if sample > value * kept else value * kept + sample * (1 - kept)


@given(samples, st.floats(0.5, 60), st.floats(0, 100))
def test_latency_follows_the_rule(taken: list[tuple[float, float]], half_life: float, later: float) -> None:
    """After any samples the latency is what the rule makes of them, and what is left of that when read later."""
    latency, now, expected = Latency(half_life), 50.0, 0.0
    for sample, pause in taken:
        now += pause
        latency.observe(sample, now)
        expected = naive(expected, sample, pause, half_life)
        assert latency.at(now) == pytest.approx(expected)
    assert latency.at(now + later) == pytest.approx(expected * 0.5 ** (later / half_life))


@given(samples, seconds)
def test_latency_jumps_up_and_creeps_down(taken: list[tuple[float, float]], last: float) -> None:
    """A worse sample is believed at once; a better one never pulls it below what it had decayed to."""
    latency, now = Latency(), 0.0
    for sample, pause in taken:
        now += pause
        before = latency.at(now)
        latency.observe(sample, now)
        after = latency.at(now)
        assert after is not None
        assert after >= sample * (1 - 1e-9)
        assert before is None or after >= before * (1 - 1e-9)
        assert after <= max(one for one, _ in taken) * (1 + 1e-9)


def test_latency_is_unknown_before_the_first_sample() -> None:
    """Nothing observed is not the same as fast; and a sample of nothing at all counts as one."""
    latency = Latency()
    assert latency.at(10.0) is None
    latency.observe(0.0, 10.0)
    assert latency.at(10.0) == 0.0


def test_latency_tells_when_it_was_last_observed() -> None:
    """The time of the latest sample is known, whatever its value; before the first it is 0."""
    latency = Latency()
    assert latency.latest == 0
    for now in (10.0, 12.0):
        latency.observe(10.0 / now, now)
        assert latency.latest == now


@given(st.floats(0, 1e9))
def test_latency_after_a_clock_was_set_back(back: float) -> None:
    """However far a clock is set back, what was known stays until there is a worse sample."""
    latency = Latency(0.5)
    latency.observe(2.0, 1e9)
    assert latency.at(1e9 - back) == 2.0
    latency.observe(3.0, 1e9 - back)
    assert latency.at(1e9 - back) == 3.0


def test_a_backend_is_what_policies_were_promised() -> None:
    """A backend has every member of the interface, and the latency it tells is decayed to the time it is read."""
    now = 100.0
    one = Backend("a", "a:80", ("a", 80), seconds=lambda: now, tags=["gpu"], zone="east", latency_half_life=5)
    assert verifyObject(IBackend, one)
    assert (one.weight, one.tier, one.zone, one.tags, one.active) == (1.0, 0, "east", frozenset({"gpu"}), 0)
    assert one.latency is None
    one.timing.observe(1.0, now)
    now += 5
    assert one.latency == pytest.approx(0.5)


flags = st.tuples(*[st.booleans()] * 5)


@given(flags, st.sampled_from([0.0, 0.5, 2.0]))
def test_state_and_use(told: tuple[bool, ...], weight: float) -> None:
    """Only a backend that is fit, or pressed, not draining and of some weight may be used; the worst state is told."""
    one = backend("a")
    up, ejected, draining, pressed, refuses = told
    agent = "maint" if refuses else ""
    one.become(up=up, ejected=ejected, draining=draining, pressed=pressed, agent=agent)
    one.apply(Report(weight=weight))
    assert one.fit == (up and not ejected and not refuses)
    assert one.usable == ((one.fit or pressed) and not draining and weight > 0)
    states = [(not up or refuses, "down"), (ejected, "ejected"), (draining, "draining"), (True, "up")]
    assert one.state == next(state for holds, state in states if holds)
    assert one.state in repr(one)


@given(st.none() | st.integers(1, 5), st.integers(0, 6), st.integers(0, 3))
def test_a_backend_is_full_at_its_limit(most: int | None, active: int, held: int) -> None:
    """A backend is full when it has all the sessions it takes, not counting the held, and never without a limit."""
    one = Backend("a", "a:80", "a", seconds=lambda: 0.0, max_connections=most)
    one.become(active=active + held, held=held)
    assert one.full == (most is not None and active >= most)
    assert one.live == active


@given(st.none() | st.integers(1, 5), st.none() | st.integers(1, 5), st.integers(0, 6))
def test_the_lower_limit_counts(most: int | None, trial: int | None, active: int) -> None:
    """While it is tried out a backend is full at the lower of its two limits, and after that at its own."""
    one = Backend("a", "a:80", "a", seconds=lambda: 0.0, max_connections=most)
    one.become(active=active, trial=trial)
    assert one.full == any(limit is not None and active >= limit for limit in (most, trial))
    one.become(trial=None)
    assert one.full == (most is not None and active >= most)
    assert one.live == active


@given(st.floats(0.1, 10), st.lists(st.none() | st.floats(0, 1), max_size=5))
def test_reported_weights_scale_the_configured_one(own: float, reports: list[float | None]) -> None:
    """The last weight reported multiplies the configured one, and a report that says none leaves it."""
    one, last = backend("a", weight=own), 1.0
    for weight in reports:
        before = one.weight
        last = last if weight is None else weight
        assert one.apply(Report(weight=weight)) == (own * last != before)
        assert one.weight == own * last


def test_a_weight_by_hand_replaces_the_configured() -> None:
    """What a check reported multiplies the weight set by hand, of which 0 keeps new sessions away."""
    one = backend("a", weight=4)
    one.apply(Report(weight=0.5))
    one.become(own_weight=10)
    assert one.weight == 5
    assert one.usable
    one.become(own_weight=0)
    assert not one.usable


def test_reported_tags_stand_beside_the_configured() -> None:
    """A report replaces the tags of the report before, never those of the config."""
    one = Backend("a", "a:80", "a", seconds=lambda: 0.0, tags=["gpu"])
    assert one.apply(Report(tags=frozenset({"primary"})))
    assert one.tags == {"gpu", "primary"}
    assert not one.apply(Report(tags=frozenset({"primary", "gpu"})))
    assert not one.apply(Report())
    assert one.apply(Report(tags=frozenset()))
    assert one.tags == {"gpu"}


def test_reported_tags_are_kept_as_reported() -> None:
    """A set that its check goes on to change does not change the backend."""
    one, tags = backend("a"), {"primary"}
    assert one.apply(Report(tags=tags))
    tags.add("late")
    assert one.tags == {"primary"}


def test_the_address_without_its_scheme() -> None:
    """The authority is as given, or else the address."""
    assert backend("a").authority == backend("a").address
    one = Backend("a", "tcp:db:80", ("192.0.2.7", 80), seconds=lambda: 0.0, authority="db:80")
    assert (one.address, one.authority) == ("tcp:db:80", "db:80")


def test_where_it_is() -> None:
    """A backend whose name is unknown is nowhere; it moves when a place is new or gone, and no order alone moves it."""
    one = Backend("a", "db:80", None, seconds=lambda: 0.0)
    assert one.place is None
    assert one.move([("::1", 80), ("192.0.2.1", 80)])
    assert not one.move([("192.0.2.1", 80), ("::1", 80)])
    assert one.place == ("::1", 80)
    assert one.places == (("::1", 80), ("192.0.2.1", 80))


def test_the_last_good_place_is_first() -> None:
    """Where a connection stood is tried first, also after a move that keeps it; one that is gone is not."""
    one = Backend("a", "db:80", "/a", seconds=lambda: 0.0)
    one.move(["/a", "/b", "/c"])
    one.stood("/b")
    assert list(one.places) == ["/b", "/a", "/c"]
    one.move(["/c", "/d", "/b"])
    assert list(one.places) == ["/b", "/c", "/d"]
    one.stood("/a")
    assert list(one.places) == ["/b", "/c", "/d"]
    one.move(["/x", "/d"])
    assert list(one.places) == ["/x", "/d"]


@given(st.sampled_from([None, DownstreamGone("left"), Draining("late"), ConnectFailed("x"), UpstreamTimeout("slow")]))
def test_only_its_own_failures_count_against_it(error: BalancerError | None) -> None:
    """A session that ends counts once, as failed only when the backend ended it."""
    one = backend("a")
    one.become(active=3)
    one.count_end(error)
    failed = isinstance(error, ConnectFailed | UpstreamTimeout)
    assert (one.active, one.served, one.failed) == (2, int(not failed), int(failed))


def test_what_an_agent_says_counts_beside_the_rest() -> None:
    """An agent's weight replaces the configured one, its share and a check's report scale it, and its drain drains."""
    backend = Backend("b", "a:1", ("a", 1), seconds=lambda: 0.0, weight=4)
    backend.become(agent_share=0.5)
    backend.apply(Report(weight=0.5))
    assert backend.weight == 1
    backend.become(agent_weight=8, agent_share=1.0)
    assert backend.weight == 4
    backend.become(own_weight=2)
    backend.become(agent_weight=None)
    assert backend.weight == 1
    backend.become(agent_drains=True)
    assert (backend.state, backend.usable, backend.fit) == ("draining", False, True)
    backend.become(agent="maint")
    assert (backend.state, backend.fit) == ("down", False)


def test_signals_of_a_report_are_passed_on() -> None:
    """Whoever wants the signals that checks report is told them; that is no change that a pool has to look at."""
    one, taken = backend("a"), list[object]()
    one.become(reporting=(taken.append, taken.append))
    assert not one.apply(Report(signals={"queue": 3}))
    assert not one.apply(Report())
    assert taken == [{"queue": 3}] * 2
