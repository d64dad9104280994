"""Ejection as values, and what is told of wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from balancer.config import Config, Ejection, FailureShare, Health, HTTPListener, Pool, SuccessRate, TCPListener
from balancer.errors import ConfigError
from balancer.plugins.health import TCPCheck

TWO, FIVE = ("a:1", "b:1"), tuple(f"b{number}:1" for number in range(5))
OFF = "failures=None, gateway_errors=None, local_errors=None"

SETTINGS = {
    "failures=0": "failures: 0 is not a whole number of at least 1",
    "gateway_errors='5'": "gateway_errors: '5' is not a whole number of at least 1",
    "local_errors=2.5": "local_errors: 2.5 is not a whole number of at least 1",
    "gateway_errors=6": "gateway_errors: 6 would be ignored, for failures=5 is reached before; give 5 or less",
    "failures=2, local_errors=3": "local_errors: 3 would be ignored, for failures=2 is reached before; give 2 or less",
    "success_rate=1.9": "success_rate: 1.9 is not a SuccessRate; give one such as SuccessRate(gap=0.2)",
    "failure_share=0.85": "failure_share: 0.85 is not a FailureShare; give one such as FailureShare(share=0.5)",
    f"{OFF}, success_rate=None, failure_share=None": "every rule is off; give at least one, or leave ejection out",
    "observe='5xx'": "observe: '5xx' is not a rule; "
    "give True, or some of local_errors, gateway_errors, failures, success_rate, failure_share",
    "observe=[['failures']]": "observe: ['failures'] is not a rule; "
    "give True, or some of local_errors, gateway_errors, failures, success_rate, failure_share",
    "observe=['failures', 'success_rate'], success_rate=None": "observe: 'success_rate' would be ignored, "
    "for that rule is off; leave it out",
    "every=0": "every: 0 is not a positive number of seconds; give one such as 10",
    "time=-1": "time: -1 is not a positive number of seconds; give one such as 30",
    "longest=None": "longest: None is not a positive number of seconds; give one such as 300",
    "time=400": "longest: 300 is less than time=400; give as much or more",
    "jitter=2": "jitter: 2 is not a share; give a number from 0 to 1",
    "most=10": "most: 10 is not a share; give a number from 0 to 1",
    "trials=0": "trials: 0 is not a whole number of at least 1",
    "back_by_check='no'": "back_by_check: 'no' is not a bool; give True or False",
}
RULES = {
    "SuccessRate(deviations=0)": "SuccessRate: deviations: 0 is not a positive number; give one such as 1.9",
    "SuccessRate(gap=10)": "SuccessRate: gap: 10 is not a share; give a number from 0 to 1",
    "SuccessRate(requests=0)": "SuccessRate: requests: 0 is not a whole number of at least 1",
    "SuccessRate(backends=1)": "SuccessRate: backends: 1 is not a whole number of at least 2",
    "FailureShare(share=85)": "FailureShare: share: 85 is not a share; give a number from 0 to 1",
    "FailureShare(share=0)": "FailureShare: share: 0 would eject backends that never fail; give a number above 0 to 1",
    "FailureShare(requests=0)": "FailureShare: requests: 0 is not a whole number of at least 1",
    "FailureShare(backends=1)": "FailureShare: backends: 1 is not a whole number of at least 2",
}


@pytest.mark.parametrize(("given", "line"), SETTINGS.items())
def test_what_is_wrong_with_an_ejection(given: str, line: str, told: Callable[[str], list[str]]) -> None:
    """Each mistake is one line that names the setting, what was given and the remedy."""
    text = f"from balancer import Ejection\nsite = Pool('site', backends={list(FIVE)}, ejection=Ejection({given}))\n"
    assert told(f"{text}config = Config([HTTPListener('tcp:80', pool=site)])") == [f"Ejection: {line}"]


@pytest.mark.parametrize(("given", "line"), RULES.items())
def test_what_is_wrong_with_a_rule(given: str, line: str) -> None:
    """So it is with the two rules that have settings of their own."""
    with pytest.raises(ConfigError) as caught:
        eval(given, {"SuccessRate": SuccessRate, "FailureShare": FailureShare})  # noqa: S307  the text is above
    assert caught.value.mistakes == (line,)


def in_vain(backends: tuple[str, ...], ejection: object, health: Health | None = None) -> list[str]:
    """What is told of a pool with that ejection."""
    try:
        Pool("site", backends=backends, ejection=ejection, health=health)  # type: ignore[arg-type]  # may be wrong
    except ConfigError as error:
        return [line.removeprefix("Pool 'site': ejection: ") for line in error.mistakes]
    return []


def test_what_a_pool_is_too_small_for() -> None:
    """A rule that was set and that a pool can never reach is told; one that has its defaults is just off."""
    few = "it needs 5 backends and the pool has 2; give it backends=2"
    assert in_vain(TWO, Ejection()) == []
    assert in_vain(TWO, Ejection(success_rate=SuccessRate(gap=0.2))) == [f"success_rate: would be ignored, for {few}"]
    assert in_vain(TWO, Ejection(failure_share=FailureShare(share=0.5))) == [
        f"failure_share: would be ignored, for {few}"
    ]
    assert in_vain(FIVE, Ejection(success_rate=SuccessRate(deviations=2.0))) == [
        "success_rate: would be ignored, for deviations=2 is never reached among 5 backends; give less than 2.00"
    ]
    assert in_vain(TWO, Ejection(failure_share=FailureShare(backends=2))) == []
    only_rates = Ejection(failures=None, gateway_errors=None, local_errors=None)
    assert in_vain(FIVE, only_rates) == []
    assert in_vain(TWO, only_rates) == ["would be ignored, for 2 backends are too few for its rules; turn others on"]


def test_what_a_pool_ejects_nobody_for() -> None:
    """Where each tier has one backend nobody can be ejected; and only checks bring back by check."""
    last = ["would be ignored, for the last backend of a tier is never ejected; leave it out"]
    assert in_vain(("a:1",), Ejection()) == last
    line = "back_by_check: would be ignored, for the pool has no health check; leave it out"
    assert in_vain(TWO, Ejection(back_by_check=False)) == [line]
    assert in_vain(TWO, Ejection(back_by_check=False), Health(TCPCheck())) == []
    assert in_vain(("a:1",), None) == []
    assert in_vain(TWO, True) == ["True is not an Ejection; give one such as Ejection(time=30)"]


@pytest.mark.parametrize("given", [{"gateway_errors": 3}, {"gateway_errors": None}, {"observe": "gateway_errors"}])
def test_what_layer_4_does_not_know(given: dict[str, object]) -> None:
    """Where only connections or datagrams are passed on there is no status, so that nothing is said of any."""
    pool = Pool("site", backends=TWO, ejection=Ejection(**given))  # type: ignore[arg-type]  # by name
    line = "Pool 'site': ejection: gateway_errors: would be ignored, for no HTTPListener uses the pool; leave it out"
    with pytest.raises(ConfigError) as caught:
        Config(TCPListener("tcp:80", pool=pool))
    assert caught.value.mistakes == (line,)
    Config([TCPListener("tcp:80", pool=pool), HTTPListener("tcp:81", pool=pool)])
    Config(TCPListener("tcp:80", pool=Pool("site", backends=TWO, ejection=Ejection())))


def test_a_stricter_row_needs_no_other_setting() -> None:
    """Fewer failures in a row may be enough, and the narrower rules stay as they are and come too late."""
    assert Ejection(failures=3).gateway_errors == 5


def test_which_rules_are_observed() -> None:
    """True stands for all rules, and a name for one."""
    assert Ejection().observed == frozenset()
    assert Ejection(observe="failures").observed == {"failures"}
    assert len(Ejection(observe=True).observed) == 5
    assert Ejection(observe="failures", gateway_errors=9).gateway_errors == 9


def test_a_small_pool_is_without_the_rules_that_need_more() -> None:
    """What is in force in a pool is what it is large enough for."""
    ejection = Ejection(time=20)
    assert ejection.within(5) == ejection
    assert ejection.within(4) == Ejection(time=20, success_rate=None, failure_share=None)
