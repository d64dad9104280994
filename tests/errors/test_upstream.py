"""What errors of backends keep."""

from __future__ import annotations

import pytest

from balancer import errors
from balancer.errors import BalancerError, ConnectTimeout, Retryable, StatusUnwanted


def test_an_unwanted_status_says_what_it_was() -> None:
    """An answer that is not passed on carries its status, and how long its backend wants to be left alone."""
    error = StatusUnwanted("the backend answered 502", 502, 1.0)
    assert (error.status, error.pause, str(error)) == (502, 1.0, "the backend answered 502")
    assert (StatusUnwanted("odd").status, StatusUnwanted("odd").pause) == (503, 0.0)


def test_a_connect_time_out_is_a_failed_connect() -> None:
    """Whoever expects a failed connect also gets the time-out, told as a gateway time-out."""
    with pytest.raises(errors.ConnectFailed) as caught:
        raise ConnectTimeout("slow")
    assert caught.value.status == 504


@pytest.mark.parametrize("kind", [errors.UpstreamTLSFailed, errors.UpstreamCertificateRefused])
def test_tls_that_fails_is_a_failed_connect(kind: type[BalancerError]) -> None:
    """Nothing was sent yet, so that any backend may be tried next, and else it is a bad gateway."""
    with pytest.raises(errors.ConnectFailed) as caught:
        raise kind("no")
    assert (caught.value.status, caught.value.retryable) == (502, Retryable.YES)
