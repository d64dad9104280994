"""The end of an exchange that is a change of protocol: the backend consents, and both connections go on without it."""

from __future__ import annotations

from balancer.core.exchange_answer import Answering
from balancer.core.exchange_states import Input
from balancer.core.messages import ResponseHead
from balancer.core.upgrade import granted, granting
from balancer.errors import BalancerError
from balancer.interfaces import Phase, Reply


class Changing(Answering):
    """The part of an `Exchange` that lets its connections change to another protocol.

    `moved` are the bytes that came after that from the client, and from the backend.
    """

    moved = (0, 0)

    def _consent(self, received: ResponseHead, downward: ResponseHead) -> ResponseHead | Reply:
        """A 101 as the client is told, or what a filter has to say to it. Raises what they, and the policy, raise."""
        found = granted(received, self.head.upgrade)
        answer = self._final(downward)
        return granting(answer, found) if isinstance(answer, ResponseHead) else answer

    def _change(self) -> None:
        """The client knows that the protocol changes: from now on the bytes pass this by, until `_changed` is told."""
        upstream = self._upstream
        if upstream is not None and self._enter(Input.UPGRADE):
            self._upstream = None
            self._downstream.change(upstream, self._changed)

    def _changed(self, error: BalancerError | None, moved: tuple[int, int]) -> None:
        """What followed the change is over."""
        if self._enter(Input.RESPONSE_END):
            self.moved = moved
            self._finish(Phase.DONE if error is None else Phase.DATA, error)
