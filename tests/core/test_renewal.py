"""The times of renewals and of tries: early enough, spread, growing and bounded."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.renewal import LONGEST, MOST_ASKED, Pauses, renewal_time


class Latest(Random):
    """Chance that never makes anything come sooner."""

    def random(self) -> float:
        """The least."""
        return 0.0


@given(st.floats(0, 2e9), st.floats(1, 1e9), st.floats(0.01, 0.8), st.integers())
def test_renewed_in_time(begin: float, life: float, left: float, seed: int) -> None:
    """A renewal comes when so much of the life is left, or up to a tenth of that sooner, and never before the life."""
    when = renewal_time(begin, begin + life, left, Random(seed))
    latest = begin + life * (1 - left)
    assert latest - life * left * 0.1 - 1 <= when <= latest + 1
    assert when > begin - 1


def test_renewals_are_spread() -> None:
    """Certificates of one hour are renewed at different times."""
    random = Random(1)
    assert len({round(renewal_time(0, 86400 * 90, 1 / 3, random) / 3600) for _ in range(50)}) > 20


def test_pauses_grow_to_a_limit() -> None:
    """Each pause is twice the last until they are as long as they get, and the first again after a success."""
    pauses = Pauses(120, Latest())
    assert [pauses.failed() for _ in range(5)] == [120, 240, 480, 960, 1920]
    assert [pauses.failed() for _ in range(2000)][-1] == LONGEST
    assert pauses.failures == 2005
    pauses.succeeded()
    assert (pauses.failures, pauses.failed()) == (0, 120)


def test_a_long_first_pause() -> None:
    """Who wants longer pauses than the longest has them."""
    pauses = Pauses(86400, Latest())
    assert [pauses.failed() for _ in range(3)] == [86400] * 3


@given(st.integers(0, 10), st.integers())
def test_pauses_are_spread(failures: int, seed: int) -> None:
    """A pause is up to a tenth shorter than it could be."""
    pauses, longest = Pauses(1, Random(seed)), Pauses(1, Latest())
    for _ in range(failures):
        pauses.failed()
        longest.failed()
    full = longest.failed()
    assert 0.9 * full <= pauses.failed() <= full


def test_what_the_authority_asks_for() -> None:
    """A longer pause that the authority asks for is kept, as far as there is sense in it."""
    pauses = Pauses(120, Latest())
    assert pauses.failed(3600) == 3600
    assert pauses.failed(10) == 240
    assert pauses.failed(1e12) == MOST_ASKED
