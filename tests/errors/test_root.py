"""What every error says beside its message."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from balancer import errors
from balancer.errors import BalancerError, ConnectFailed, RequestRefused, Retryable, Side

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BalancerError)]
NGINX_OWN = 499
"""Client closed request: in logs only, since nobody is left to be told."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_side_retryable_status_and_reason(kind: type[BalancerError]) -> None:
    """Every error says whose doing it was, whether to try again, and a status that an answer may have."""
    assert isinstance(kind.side, Side)
    assert isinstance(kind.retryable, Retryable)
    assert kind.status == NGINX_OWN or 400 <= HTTPStatus(kind.status) < 600


def test_reasons_tell_errors_apart() -> None:
    """No two errors are one token in logs, and each token is fit for a log, a counter and a reply."""
    reasons = [kind.reason for kind in KINDS]
    assert len(set(reasons)) == len(reasons)
    assert all(reason.replace("-", "").isalpha() and reason.islower() for reason in reasons)


def test_only_what_sent_nothing_may_always_be_tried_again() -> None:
    """Another backend is asked only if no connection stood, the backend is known to be down, or a route says so."""
    always = {kind.__name__ for kind in KINDS if kind.retryable is Retryable.YES}
    connecting = {kind.__name__ for kind in KINDS if issubclass(kind, ConnectFailed)}
    assert always == connecting | {"BackendDown", "StatusUnwanted", "TryTimeout"}
    assert {kind.__name__ for kind in KINDS if kind.retryable is Retryable.IF_REUSED} == {"UpstreamGone"}


def test_statuses_name_the_side() -> None:
    """A client is never blamed for a backend: upstream errors are gateway errors, downstream ones are 4xx."""
    assert {kind.status for kind in KINDS if kind.side is Side.UPSTREAM} <= {502, 503, 504}
    blamed = {kind.status for kind in KINDS if kind.side is Side.DOWNSTREAM and kind is not RequestRefused}
    assert all(400 <= status < 500 for status in blamed)
