"""The body of one request, kept while it is small, so that it can be sent once more; knows no connection."""

from __future__ import annotations

from collections.abc import Sequence

from balancer.core.messages import End, Message, RequestHead


class Replay:
    """What came behind one request's head, as long as it is no more than so many bytes.

    One piece of memory, however small the pieces are in which a client sends.
    """

    __slots__ = ("_body", "_end", "_limit", "whole")

    def __init__(self, limit: int) -> None:
        self.whole = True
        self._body, self._end, self._limit = bytearray(), list[Message](), limit

    def keep(self, messages: Sequence[Message]) -> None:
        """Body bytes, or the end; once it was too much, nothing is kept any more and it is `whole` no longer."""
        for message in messages:
            if isinstance(message, bytes) and self.whole:
                self._body += message
                self.whole = len(self._body) <= self._limit
            elif isinstance(message, End):
                self._end = [message]
        if not self.whole:
            self._body.clear()

    def messages(self) -> list[Message]:
        """All that was kept, to be sent once more."""
        return ([bytes(self._body)] if self._body else []) + self._end


def replay_of(head: RequestHead, limit: int) -> Replay | None:
    """A store for the body of a request; None if there is none to keep, or it says itself that it is too long."""
    if head.length == 0 or (head.length is not None and head.length > limit):
        return None
    return Replay(limit)
