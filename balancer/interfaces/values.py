"""The values that cross the contract: what plugins are told and what they answer; knows no interface."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

import attrs

from balancer.errors import BalancerError, Side


class Kind(Enum):
    """What a session is: one TCP connection, one UDP flow or one HTTP request."""

    TCP = "tcp"
    UDP = "udp"
    HTTP = "http"


class Phase(Enum):
    """How far a session had come when it ended."""

    PICK = "pick"
    CONNECT = "connect"
    REQUEST = "request"
    RESPONSE = "response"
    DATA = "data"
    DONE = "done"


class Direction(Enum):
    """Which of the two bodies of an exchange a filter is asked about."""

    REQUEST = "request"
    RESPONSE = "response"


class More(Enum):
    """The type of `MORE`."""

    MORE = "more"


MORE: Final = More.MORE
"""A matcher's third answer: the bytes peeked so far do not tell yet."""

Found = bool | Mapping[str, str] | Literal[More.MORE]
"""What a matcher answers: False, True or captures by name (True counts as none), or `MORE`."""


def _are_signals(told: object) -> bool:
    """Whether they are numbers by name."""
    return isinstance(told, Mapping) and all(
        isinstance(name, str) and isinstance(value, int | float) and abs(value) <= sys.float_info.max
        for name, value in told.items()
    )


@attrs.frozen
class Report:
    """What a health check learned beside "healthy"; whatever is None stays as it was.

    `weight` multiplies the configured weight (0 to 1 takes load away, 0 takes all), `tags` replace the tags the
    check set before, `detail` is evidence in one line, `signals` are numbers for algorithms (see `ISignalSource`).
    Raises `ValueError` for what cannot be used so.
    """

    weight: float | None = None
    tags: frozenset[str] | set[str] | None = None
    detail: str = attrs.field(default="", converter=str)
    signals: Mapping[str, float] | None = None

    def __attrs_post_init__(self) -> None:
        weight, tags = self.weight, self.tags
        if weight is not None and not (isinstance(weight, int | float) and 0 <= weight <= sys.float_info.max):
            raise ValueError(f"Report: weight: {weight!r} is not a finite number from 0 up; give 0.5 for half the load")
        if tags is not None and not (isinstance(tags, set | frozenset) and all(isinstance(tag, str) for tag in tags)):
            raise ValueError(f"Report: tags: {tags!r} is not a set of texts; give {{'primary'}}")
        if self.signals is not None and not _are_signals(self.signals):
            raise ValueError(f"Report: signals: {self.signals!r} are not finite numbers by name; give {{'queue': 3}}")


@attrs.frozen
class Outcome:
    """How a session on a backend ended; the only way a picker learns anything.

    `now` is monotonic seconds, `duration` the seconds since the pick, `first_byte` the seconds from the pick to the
    backend's first byte (HTTP: final response head) or None, `status` an HTTP status or None. `error` is None when
    the session ended well; `side` says who ended it otherwise, and `phase` how far it had come. `session` is the
    `ISession` that the pick was for; it may have gone on since, so look at it for who it is, not for how it was.
    """

    now: float
    duration: float
    first_byte: float | None = None
    phase: Phase = Phase.DONE
    side: Side | None = None
    status: int | None = None
    error: BalancerError | None = None
    session: Any = attrs.field(default=None, repr=False)


@attrs.frozen
class Reply:
    """An HTTP answer of a filter's own, which ends the matter: the pool is not asked.

    Raises `ValueError` when `status` is not a final status (200 to 599).
    """

    status: int
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"Reply: status: {self.status!r} is not a final status; give 200 to 599")
