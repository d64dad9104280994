"""How large the body of a request may be; refuses to know what happens to one that is larger (RFC 9110 15.5.14)."""

from __future__ import annotations

from collections.abc import Iterable

from balancer.core.messages import Message, RequestHead
from balancer.errors import RequestRefused


class Allowance:
    """The bytes that may still come of a body whose length nobody has told."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._left = self._most = most

    def take(self, messages: Iterable[Message]) -> None:
        """Count what came; raises `RequestRefused` with 413 as soon as it is too much."""
        self._left -= sum([len(message) for message in messages if isinstance(message, bytes)])
        if self._left < 0:
            raise too_large(self._most)


def allowance(most: int, head: RequestHead) -> Allowance | None:
    """What is to be counted of the body of that request, if anything; raises like `Allowance.take` if that is known."""
    if head.length is None:
        return Allowance(most)
    if head.length > most:
        raise too_large(most)
    return None


def too_large(most: int) -> RequestRefused:
    """The refusal of a body that has more bytes than that."""
    return RequestRefused(f"the body is longer than {most} bytes", 413)
