"""Backends are ejected for how their sessions end."""

from __future__ import annotations

import pytest

from balancer.core.outlier_counts import Stage
from balancer.core.outlier_rules import FailureShare, SuccessRate
from balancer.core.outliers import EJECTED, NOT_EJECTED
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, NoBackend, UpstreamTimeout
from balancer.interfaces import Phase
from tests.core.watched import Watched, watched

REFUSED = ConnectFailed("refused")


@pytest.mark.parametrize(
    ("end", "rule", "why", "word"),
    [
        (500, "failures", "5 consecutive failures", "500"),
        (503, "gateway_errors", "5 consecutive gateway errors", "503"),
        (REFUSED, "local_errors", "5 consecutive local errors", "connect-failed"),
        (UpstreamTimeout("silent"), "local_errors", "5 consecutive local errors", "upstream-timeout"),
    ],
)
def test_five_bad_ends_in_a_row_eject(end: int | BalancerError, rule: str, why: str, word: str) -> None:
    """The fifth bad end in a row ejects, by the narrowest rule that counts it, and no sooner."""
    here = watched()
    here.ends(0, *[end] * 4, 200, *[end] * 4)
    assert here.states == ["up"] * 3
    here.ends(0, end)
    assert here.states == ["ejected", "up", "up"]
    assert (here.last.what, here.last.why) == (EJECTED, why)
    assert here.last.evidence == f"{', '.join([word] * 5)}; 1st time, for 30 s"
    assert here.outliers.ejections == {rule: 1}
    with pytest.raises(NoBackend):
        here.pick(0)


def test_ends_that_clients_cause_do_not_count() -> None:
    """However many clients leave, a backend is neither ejected nor cleared by that."""
    here = watched()
    here.ends(0, *[DownstreamGone("left")] * 100, *[500] * 4, *[DownstreamGone("left")] * 100)
    assert here.states == ["up"] * 3
    here.ends(0, 500)
    assert here.states[0] == "ejected"


def test_a_rule_that_is_off_ejects_nobody() -> None:
    """What is not among the rules is not judged."""
    here = watched(rows={"gateway_errors": 2})
    here.ends(0, *[500] * 100, *[REFUSED] * 100)
    assert here.told == []


def test_the_cap() -> None:
    """Of ten backends one is out at a time; the next failing one is spared, and that is told once in a while."""
    here = watched(10)
    here.ends(0, *[500] * 5)
    here.ends(1, *[500] * 20)
    assert here.whats(1) == [NOT_EJECTED]
    assert here.last.evidence.endswith("; 1 of 10 may be ejected at once, and is already")
    assert here.outliers.spared == 1
    here.time.advance(30)
    here.ends(1, *[500] * 5)
    assert here.whats(1) == [NOT_EJECTED, EJECTED]
    assert [here.outliers.count(stage) for stage in (Stage.OUT, Stage.TRIAL)] == [1, 1]


def test_the_last_is_spared() -> None:
    """The only backend left of a tier is not ejected, though others of another tier are there."""
    here = Watched([0, 0, 1], watched(most=1.0).rules)
    here.backends[1].become(up=False)
    here.pool.refresh()
    here.ends(0, *[500] * 5)
    assert here.states == ["up", "down", "up"]
    assert here.last.evidence.endswith("; no other would be left in its tier")


def test_who_is_out_of_use_is_not_ejected() -> None:
    """What was begun on a backend before it drained may fail, and nothing would be better for an ejection."""
    here = watched()
    leases = [here.pick(0) for _ in range(5)]
    here.backends[0].become(draining=True)
    here.pool.refresh()
    for lease in leases:
        lease.end(status=500)
    assert here.told == []


def test_in_a_panic_nobody_counts_on_those_that_are_down() -> None:
    """Backends that serve only since all are to are not ejected, and no reason to eject the last that is well."""
    here = watched(most=1.0)
    for one in here.backends[1:]:
        one.become(up=False, pressed=True)
    here.pool.refresh()
    for number in range(3):
        here.ends(number, *[500] * 5)
    assert here.whats(0) == [NOT_EJECTED]
    assert here.whats(1) == here.whats(2) == []


def test_ends_during_an_ejection_do_not_count() -> None:
    """What was begun before an ejection and fails in it makes it no longer."""
    here = watched()
    leases = [here.pick(0) for _ in range(10)]
    for lease in leases:
        lease.end(Phase.CONNECT, error=REFUSED)
    assert here.whats(0) == [EJECTED]


@pytest.mark.parametrize("rule", ["gateway_errors", "failures"])
def test_what_is_observed_ejects_nobody(rule: str) -> None:
    """A rule that is observed only counts and tells what it would do, once in `time`, and others go on."""
    here = watched(observed=frozenset({"gateway_errors", "failures"}))
    here.ends(0, *[503 if rule == "gateway_errors" else 500] * 50)
    assert here.states[0] == "up"
    assert here.whats(0) == [NOT_EJECTED]
    assert here.last.evidence.endswith("; observed only")
    assert here.outliers.observed == {rule: 1}
    here.time.advance(30)
    here.ends(0, *[503 if rule == "gateway_errors" else 500] * 5)
    assert here.outliers.observed == {rule: 2}
    here.ends(0, *[REFUSED] * 5)
    assert here.states[0] == "ejected"


def test_an_observed_rule_hides_no_other() -> None:
    """Five times 503 eject as failures where gateway errors are observed only."""
    here = watched(observed=frozenset({"gateway_errors"}))
    here.ends(0, *[503] * 5)
    assert here.whats(0) == [NOT_EJECTED, EJECTED]


def test_rates_are_judged_at_the_end_of_an_interval() -> None:
    """Who fails two of five requests is ejected when the interval is over, by the rate of its group."""
    here = watched(5, success_rate=SuccessRate(1.9, 0.1, requests=100, backends=5))
    for number in range(5):
        here.ends(number, *[200, 200, 200, 200, 500 if number == 4 else 200] * 20, *[500, 200] * 20 * (number == 4))
    assert here.told == []
    here.time.advance(10.1)
    assert here.states == ["up"] * 4 + ["ejected"]
    assert here.outliers.ejections == {"success_rate": 1}
    here.time.advance(10)
    assert len(here.told) == 1


def test_one_sweep_ejects_a_backend_once() -> None:
    """A backend that both rates find is ejected by the first of them."""
    here = watched(
        5, rows={}, success_rate=SuccessRate(1.9, 0.1, 100, 5), failure_share=FailureShare(0.85, 50, 4), most=1.0
    )
    for number in range(5):
        here.ends(number, *[500 if number == 4 else 200] * 100)
    here.time.advance(10.1)
    assert here.outliers.ejections == {"success_rate": 1}


def test_it_stops() -> None:
    """When it is stopped nothing is watched, and no timer is left."""
    here = watched()
    here.ends(0, *[500] * 5)
    here.outliers.stop()
    here.outliers.stop()
    assert here.time.calls == []
    assert here.pool.watch is None
