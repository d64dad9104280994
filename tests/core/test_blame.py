"""What the end of a session tells of its backend."""

from __future__ import annotations

import pytest

from balancer.core.blame import Ending, ending, said
from balancer.errors import (
    BackendDown,
    BalancerError,
    ConnectFailed,
    ConnectTimeout,
    DownstreamGone,
    Draining,
    IdleTimeout,
    ResponseInvalid,
    Shortage,
    UpstreamGone,
    UpstreamTimeout,
)
from balancer.interfaces import Phase


@pytest.mark.parametrize("status", [None, 101, 200, 404, 429, 499])
def test_what_ends_without_an_error_is_well(status: int | None) -> None:
    """A session that came to its end is well, and so is one whose answer says that the client was wrong."""
    assert ending(Phase.DONE, first_byte=0.1, status=status) is Ending.WELL


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, Ending.FAILED), (501, Ending.FAILED), (502, Ending.GATEWAY), (503, Ending.GATEWAY), (504, Ending.GATEWAY)],
)
@pytest.mark.parametrize("phase", [Phase.DONE, Phase.RESPONSE])
def test_statuses_from_500_on_are_failures(status: int, expected: Ending, phase: Phase) -> None:
    """What the backend answers decides, in a try that was made again for it as well."""
    assert ending(phase, first_byte=0.1, status=status) is expected


@pytest.mark.parametrize(
    "error", [ConnectFailed("refused"), ConnectTimeout("late"), UpstreamGone("reset"), UpstreamTimeout("silent")]
)
def test_what_brings_no_byte_is_local(error: BalancerError) -> None:
    """A connection that is refused, late, reset or silent without a byte of the backend's is a local error."""
    assert ending(Phase.CONNECT, first_byte=None, error=error) is Ending.LOCAL


@pytest.mark.parametrize("status", [None, 200, 500])
@pytest.mark.parametrize(
    "error",
    [DownstreamGone("left"), Shortage("descriptors"), Draining("stopping"), IdleTimeout("idle"), BackendDown("check")],
)
def test_nobody_is_blamed_for_what_others_did(error: BalancerError, status: int | None) -> None:
    """What a client, the balancer itself or a health check ended tells nothing of the backend."""
    assert ending(Phase.DATA, first_byte=None, status=status, error=error) is Ending.UNSAID


def test_a_try_that_is_no_proof_tells_nothing() -> None:
    """A try on a kept connection that had just been closed ends without an error and without an answer."""
    assert ending(Phase.RESPONSE, first_byte=None) is Ending.UNSAID


@pytest.mark.parametrize(
    ("status", "expected"), [(200, Ending.FAILED), (500, Ending.FAILED), (None, Ending.UNSAID), (101, Ending.UNSAID)]
)
def test_an_answer_that_breaks_off_is_a_failure_and_a_stream_is_not(status: int | None, expected: Ending) -> None:
    """A backend that breaks off in the middle of an answer fails; streams end as their two sides like."""
    assert ending(Phase.DATA, first_byte=0.1, status=status, error=UpstreamGone("reset")) is expected


def test_an_answer_that_is_none_is_a_failure() -> None:
    """Bytes that are no answer did come, so that it is no local error."""
    assert ending(Phase.RESPONSE, first_byte=None, error=ResponseInvalid("nonsense")) is Ending.FAILED


def test_the_word_of_an_end() -> None:
    """Evidence names what broke a session, and otherwise the status of its answer."""
    assert said(503, None) == "503"
    assert said(200, UpstreamGone("reset")) == "upstream-gone"
