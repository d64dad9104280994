"""Why a connection could not be made, in our names and the system's words; refuses to know who wanted it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM
from typing import Final

from twisted.internet import error as twisted_errors

from balancer.core.backend import Backend
from balancer.errors import ConnectFailed, ConnectTimeout, Shortage, UpstreamTLSFailed

OUR_OWN: Final = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL})
"""What the system says when it is we who have run out of something."""

NEVER_SENT: Final = OUR_OWN | {EAFNOSUPPORT, ENETUNREACH}
"""What the system says before anything has left this machine."""


def error_number(reason: BaseException | None) -> int | None:
    """The system's number of what happened, if it has one."""
    number: int | None = getattr(reason, "osError", None) or getattr(reason, "errno", None)
    return number


def connect_error(backend: Backend, reason: BaseException) -> ConnectFailed:
    """Our name for a failure to connect; the message is what happened, in the system's words where it has any."""
    if isinstance(reason, (twisted_errors.TimeoutError, TimeoutError)):
        return ConnectTimeout(f"{backend.address}: no connection within the connect time-out")
    if isinstance(reason, UpstreamTLSFailed):
        return type(reason)(f"{backend.address}: {reason}")
    number = error_number(reason)
    said = os.strerror(number) if number else str(reason)
    if number == EADDRNOTAVAIL and backend.source:
        said = f"{said}: the source {backend.source} is not an address of this machine, or all its ports are in use"
    kind = Shortage if number in OUR_OWN else ConnectFailed
    return kind(f"{backend.address}: {said}")


def most_telling(reasons: Sequence[BaseException]) -> BaseException:
    """Of the failures at all addresses of a backend the first that came from there, else the first."""
    if not reasons:
        return LookupError("its name is unknown")
    return next((reason for reason in reasons if error_number(reason) not in NEVER_SENT), reasons[0])
