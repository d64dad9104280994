"""What is safe to try again, and where; knows no connections, only what happened on one."""

from __future__ import annotations

from typing import Final

from balancer.core.messages import RequestHead
from balancer.errors import BalancerError, Retryable

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that mean the same done twice (RFC 9110 9.2.2)."""


def may_resend(head: RequestHead, error: BalancerError) -> bool:
    """Whether a request that was sent, and of whose answer nothing came, may be sent once more (RFC 9110 9.2.2).

    The method must be idempotent, and there must be no body, since nothing stores bodies.
    """
    return error.retryable is not Retryable.NO and head.method in IDEMPOTENT and head.length == 0


def clears(error: BalancerError, *, reused: bool) -> bool:
    """Whether the failure says nothing about the backend, which may be asked again.

    So it is when a backend closes a kept connection just as the next request goes out on it.
    """
    return reused and error.retryable is Retryable.IF_REUSED
