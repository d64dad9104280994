"""Backends that were ejected are tried out and come back."""

from __future__ import annotations

import pytest

from balancer.core.outliers import BACK, EJECTED, NOT_EJECTED, ON_TRIAL
from balancer.errors import ConnectFailed, DownstreamGone, NoBackend
from tests.core.watched import Watched, watched

REFUSED = ConnectFailed("refused")


def test_the_way_back() -> None:
    """When its time is over one session at a time tries a backend out; the first that ends well brings it back."""
    here = watched()
    here.ends(0, *[500] * 5)
    here.time.advance(29.9)
    assert here.states[0] == "ejected"
    here.time.advance(0.2)
    assert (here.states[0], here.last.what, here.last.why) == ("up", ON_TRIAL, "its time is over")
    lease = here.pick(0)
    with pytest.raises(NoBackend):
        here.pick(0)
    lease.end(error=DownstreamGone("left"))
    here.ends(0, 200)
    assert (here.last.what, here.last.why) == (BACK, "a session ended well")
    for _ in range(3):
        here.pick(0)
    assert here.whats(0) == [EJECTED, ON_TRIAL, BACK]


def test_a_failure_on_trial_ejects_for_longer() -> None:
    """One failure on trial is enough, each time for 30 s more, and never for more than the longest."""
    here = watched(longest=90.0)
    here.ends(0, *[500] * 5)
    for seconds, time in ((30, "2nd"), (60, "3rd"), (90, "3rd"), (90, "3rd")):
        here.time.advance(seconds - 0.1)
        assert here.states[0] == "ejected"
        here.time.advance(0.2)
        here.ends(0, 500)
        assert here.states[0] == "ejected"
        assert here.last.evidence.startswith(f"500; {time} time, for ")
    assert here.outliers.ejections == {"failures": 1, "trial": 4}


def test_sessions_from_before_are_no_trial() -> None:
    """What a backend had before neither counts for its trial nor takes the place of what tries it out."""
    here = watched()
    old = [here.pick(0) for _ in range(3)]
    here.ends(0, *[500] * 5)
    old.pop().end(status=200)
    here.time.advance(31)
    trial = here.pick(0)
    old.pop().end(status=500)
    old.pop().end(status=200)
    with pytest.raises(NoBackend):
        here.pick(0)
    assert here.whats(0) == [EJECTED, ON_TRIAL]
    trial.end(status=200)
    assert here.whats(0)[-1] == BACK


def test_so_many_try_out_as_are_to() -> None:
    """More sessions at a time may try a backend out, if that is set."""
    here = watched(trials=3)
    here.ends(0, *[500] * 5)
    here.time.advance(31)
    for _ in range(3):
        here.pick(0)
    with pytest.raises(NoBackend):
        here.pick(0)


def test_who_answers_is_back_before_a_long_session_ends() -> None:
    """A session may last for hours: what it has said by the end of an interval is enough."""
    here = watched()
    here.ends(0, *[500] * 5)
    here.time.advance(31)
    lease = here.pick(0)
    here.time.advance(10)
    assert here.whats(0)[-1] == ON_TRIAL
    lease.answered()
    here.time.advance(10)
    assert here.last.why == "it answers"
    lease.end(error=DownstreamGone("left"))
    assert here.states[0] == "up"


@pytest.mark.parametrize(("pause", "time"), [(5, "3rd time, for 90 s"), (20, "2nd time, for 60 s")])
def test_clean_intervals_shorten_the_next_ejection(pause: float, time: str) -> None:
    """Each interval without an ejection takes one of the times back; one in which there was one does not."""
    here = watched()
    for seconds in (31, 61):
        here.ends(0, *[500] * 5)
        here.time.advance(seconds)
        here.ends(0, 200)
    here.time.advance(pause)
    here.ends(0, *[500] * 5)
    assert here.last.evidence.endswith(time)


def test_a_trial_that_fails_while_the_cap_is_reached_goes_on() -> None:
    """The cap holds for who fails on trial as well: it is let no more than its trial until there is a place."""
    here = watched(10)
    here.ends(0, *[500] * 5)
    here.time.advance(31)
    here.ends(1, *[500] * 5)
    here.ends(0, 500, 500)
    assert here.whats(0) == [EJECTED, ON_TRIAL, NOT_EJECTED]
    here.time.advance(10)
    assert here.whats(0)[-1] == NOT_EJECTED  # that it answers 500 is no answer
    here.pick(0)
    with pytest.raises(NoBackend):
        here.pick(0)


def test_one_comes_back_when_the_others_go() -> None:
    """When all others of its tier become unusable, the backend that was ejected first is back at once."""
    here = watched(4, most=0.5)
    for number in (2, 1):
        here.ends(number, *[500] * 5)
        here.time.advance(1)
    for number in (0, 3):
        here.backends[number].become(up=False)
        here.pool.refresh()
    assert here.states == ["down", "ejected", "up", "down"]
    assert here.last.why == "no other is left in its tier"
    here.backends[2].become(draining=True)
    here.pool.refresh()
    assert here.states == ["down", "up", "draining", "down"]


def test_nobody_comes_back_who_would_not_serve() -> None:
    """A backend that is ejected and down stays so, for it would serve nobody."""
    here = watched(2)
    here.ends(0, *[500] * 5)
    for one in here.backends:
        one.become(up=False)
    here.pool.refresh()
    assert here.whats(0) == [EJECTED]


def test_a_check_that_passes_again_ends_the_time() -> None:
    """Checks that have failed since the ejection and pass again let the backend be tried out at once."""
    here = watched()
    here.ends(0, *[REFUSED] * 5)
    for passed in (True, False):
        here.outliers.checked(here.backends[0], passed)
    assert here.states[0] == "ejected"
    here.outliers.checked(here.backends[0], True)
    assert (here.states[0], here.last.why) == ("up", "a health check passed")
    here.ends(0, 500)
    here.outliers.checked(here.backends[0], True)
    assert here.states[0] == "ejected"
    here.time.advance(61)
    assert here.last.what == ON_TRIAL


def test_a_check_that_noticed_nothing_brings_nobody_back() -> None:
    """A check that passes all the while knows nothing of what is wrong with the sessions."""
    here = watched()
    here.ends(0, *[500] * 5)
    for _ in range(10):
        here.outliers.checked(here.backends[0], True)
        here.outliers.checked(here.backends[1], False)
    assert here.states[0] == "ejected"


def test_checks_that_pass_before_the_backend_is_up_bring_nobody_back() -> None:
    """While a backend has yet to rise it would only be tried out in vain."""
    here = watched()
    here.ends(0, *[REFUSED] * 5)
    here.outliers.checked(here.backends[0], False)
    here.backends[0].become(up=False)
    here.outliers.checked(here.backends[0], True)
    assert here.whats(0) == [EJECTED]


def test_checks_may_be_told_to_bring_nobody_back() -> None:
    """With that off a backend is out for its time."""
    here = watched(back_by_check=False)
    here.ends(0, *[REFUSED] * 5)
    for passed in (False, True):
        here.outliers.checked(here.backends[0], passed)
    assert here.states[0] == "ejected"


def test_chance_lengthens_by_the_jitter_at_most() -> None:
    """With a jitter of a half, ejections last from 30 to 45 seconds, and not all the same."""
    ends = set()
    for seed in range(10):
        here = Watched([0, 0], watched(jitter=0.5).rules, seed=seed)
        here.ends(0, *[500] * 5)
        here.time.advance(60)
        ends.add(here.told[-1][0] - here.told[0][0])
    assert len(ends) > 5
    assert all(30 <= end <= 45 for end in ends)


@pytest.mark.parametrize("ends", [True, False])
def test_the_pool_hears_of_each_step(ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each change the pool judges anew who is eligible, who starts slowly and who need not wait any longer."""
    here, trials = watched(), list[int | None]()
    refresh = here.pool.refresh

    def heard() -> None:
        trials.append(here.backends[0].trial)
        refresh()

    monkeypatch.setattr(here.pool, "refresh", heard)
    here.ends(0, *[500] * 5)
    here.time.advance(31)
    lease = here.pick(0)
    lease.answered()
    if ends:
        lease.end(status=200)
    here.time.advance(10)
    assert trials == [None, 1, None]


def test_the_longer_ordinals() -> None:
    """The number of times is told in words that read well."""
    here = watched(longest=3000.0, time=30.0)
    here.ends(0, *[500] * 5)
    for _ in range(23):
        here.time.advance(3001)
        here.ends(0, 500)
    said = [change.evidence.split("; ")[-1].split(" ")[0] for _, change in here.told if change.what == EJECTED]
    assert said[9:13] == ["10th", "11th", "12th", "13th"]
    assert said[20:24] == ["21st", "22nd", "23rd", "24th"]
