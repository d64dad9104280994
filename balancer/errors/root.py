"""The root of the tree of errors, and what each error says beside its message; refuses to know any of them."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Side(Enum):
    """Who ended a session before its time."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    OURS = "ours"


class Retryable(Enum):
    """Whether the work that failed may be tried again, as far as its protocol lets work be done twice."""

    NO = "no"
    YES = "yes, on another backend"
    IF_REUSED = "yes, and if the connection was reused, which explains the failure, on the same backend too"


class BalancerError(Exception):
    """The root of the tree; raised only through its subclasses."""

    side: ClassVar[Side] = Side.OURS
    retryable: ClassVar[Retryable] = Retryable.NO
    status: int = 500
    reason: ClassVar[str] = "internal-error"
    closes: ClassVar[bool] = False
