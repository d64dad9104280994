"""What is safe to try again; knows no connections, only what happened on one."""

from __future__ import annotations

from typing import Final

from balancer.core.messages import RequestHead
from balancer.errors import BalancerError, Retryable

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that mean the same done twice (RFC 9110 9.2.2)."""


def may_resend(head: RequestHead, error: BalancerError, *, reused: bool) -> bool:
    """Whether a request that was sent, and of whose answer nothing came, may be sent once more (RFC 9110 9.2.2).

    The race this mends: the backend closes a kept connection just as a request goes out on it. So the connection must
    have served before, the method must be idempotent, and there must be no body, since nothing stores bodies.
    """
    if error.retryable is Retryable.IF_REUSED and not reused:
        return False
    return error.retryable is not Retryable.NO and head.method in IDEMPOTENT and head.length == 0
