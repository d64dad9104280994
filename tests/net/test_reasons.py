"""Failures to connect have our names and the system's words, and of several the one that tells most is told."""

from __future__ import annotations

from errno import ECONNREFUSED, EMFILE, ENETUNREACH

import pytest
from twisted.internet import error

from balancer.core.backend import Backend
from balancer.errors import BalancerError, ConnectFailed, ConnectTimeout, Shortage, UpstreamCertificateRefused
from balancer.net.reasons import connect_error, most_telling


@pytest.mark.parametrize(
    ("reason", "expected", "text"),
    [
        (error.TimeoutError(), ConnectTimeout, "at x: no connection within the connect time-out"),
        (TimeoutError(), ConnectTimeout, "at x: no connection within the connect time-out"),
        (error.ConnectionRefusedError(osError=111), ConnectFailed, "at x: Connection refused"),
        (OSError(2, "?"), ConnectFailed, "at x: No such file or directory"),
        (OSError(24, "?"), Shortage, "at x: Too many open files"),
        (error.ConnectError(osError=99), Shortage, "at x: Cannot assign requested address"),
        (error.DNSLookupError("no such name"), ConnectFailed, "at x: DNS lookup failed: no such name."),
        (UpstreamCertificateRefused("it has expired"), UpstreamCertificateRefused, "at x: it has expired"),
    ],
)
def test_reasons_in_the_systems_words(reason: Exception, expected: type[BalancerError], text: str) -> None:
    """A failure names the backend's address and says what happened, in the system's words where it has any."""
    found = connect_error(Backend("x", "at x", ("x", 1), seconds=lambda: 0.0), reason)
    assert type(found) is expected
    assert str(found) == text


def test_the_source_is_named() -> None:
    """When the system does not let us have the source, it is told that it may be the wrong one."""
    backend = Backend("x", "at x", ("x", 1), seconds=lambda: 0.0, source="192.0.2.5")
    assert str(connect_error(backend, OSError(99, "?"))) == (
        "at x: Cannot assign requested address: the source 192.0.2.5 is not an address of this machine, "
        "or all its ports are in use"
    )


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([ENETUNREACH, ECONNREFUSED], ECONNREFUSED),
        ([ECONNREFUSED, ENETUNREACH], ECONNREFUSED),
        ([EMFILE, ENETUNREACH], EMFILE),
        ([None, ECONNREFUSED], None),
    ],
)
def test_the_most_telling_failure(numbers: list[int | None], expected: int | None) -> None:
    """What a host said tells more than what our own system said before anything was sent."""
    reasons = [TimeoutError() if number is None else OSError(number, "?") for number in numbers]
    assert most_telling(reasons) is reasons[numbers.index(expected)]


def test_no_failure_at_all() -> None:
    """Where there was no address to try, that is told."""
    assert str(most_telling([])) == "its name is unknown"
