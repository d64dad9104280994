"""Says what the end of a session tells of its backend, for those who eject; counts nothing and knows no backend."""

from __future__ import annotations

from enum import Enum
from typing import Final

from balancer.errors import BackendDown, BalancerError, ResponseInvalid, Side
from balancer.interfaces import Phase

GATEWAY_ERRORS: Final = frozenset({502, 503, 504})
"""What a backend answers that could not reach what is behind it, or is too busy."""

_SWITCHED: Final = 101


class Ending(Enum):
    """What one end tells."""

    WELL = "the backend did its part"
    UNSAID = "it tells nothing of the backend: the client or we ended it, or it was cut in the middle of a stream"
    LOCAL = "nothing came of the backend: it refused, reset, or was silent for too long"
    GATEWAY = "the backend answered 502, 503 or 504"
    FAILED = "the backend answered with another status from 500 on, or broke off its answer"

    __hash__ = object.__hash__  # an enumeration's own is of its name, and in Python


def ending(
    phase: Phase, *, first_byte: float | None, status: int | None = None, error: BalancerError | None = None
) -> Ending:
    """What it tells that a session ended so; `first_byte` is None if the backend said nothing.

    A stream that breaks is no answer that breaks off: connections at layer 4, and those that were upgraded, end as
    their two sides like.
    """
    if error is None:
        return _answered(phase, status)
    if error.side is not Side.UPSTREAM or isinstance(error, BackendDown):
        return Ending.UNSAID
    if isinstance(error, ResponseInvalid):
        return Ending.FAILED
    if first_byte is None:
        return Ending.LOCAL
    return Ending.UNSAID if status is None or status == _SWITCHED else Ending.FAILED


def _answered(phase: Phase, status: int | None) -> Ending:
    """What a session tells that ended without an error; one that never came to its end tells nothing."""
    if status is None:
        return Ending.WELL if phase is Phase.DONE else Ending.UNSAID
    if status < 500:
        return Ending.WELL
    return Ending.GATEWAY if status in GATEWAY_ERRORS else Ending.FAILED


def said(status: int | None, error: BalancerError | None) -> str:
    """The end in a word, for evidence: the reason of what broke it, else the status of its answer."""
    return str(status) if error is None else error.reason
