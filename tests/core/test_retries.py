"""What may be sent twice, and that everything else is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer import errors
from balancer.core.messages import RequestHead
from balancer.core.retries import clears, may_resend
from balancer.errors import BalancerError, ConnectFailed, Retryable, UpstreamGone

UNSAFE = ["POST", "PATCH", "LOCK", "get", "QUERY", ""]
SAFE = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BalancerError)]
kinds = st.sampled_from([kind for kind in KINDS if kind is not errors.ConfigError])


@given(st.sampled_from(SAFE + UNSAFE), st.none() | st.integers(0, 2), kinds)
def test_only_what_is_safe_is_sent_twice(method: str, length: int | None, kind: type[BalancerError]) -> None:
    """A second time goes only an idempotent request without a body, after an error that allows it."""
    expected = method in SAFE and length == 0 and kind.retryable is not Retryable.NO
    assert may_resend(RequestHead(method, "/", length=length), kind("gone")) == expected


def test_the_race_on_a_kept_connection_is_nobodys_fault() -> None:
    """A backend that closed a kept connection may be asked again; one that broke a new one, or took none, may not."""
    assert clears(UpstreamGone("closed"), reused=True)
    assert not clears(UpstreamGone("closed"), reused=False)
    assert not clears(ConnectFailed("refused"), reused=True)
