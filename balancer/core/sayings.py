"""What a picker has to say beside its choices: who belongs where, and what heads are to be. All of it is contained.

Refuses to know what becomes of a session for which it fails.
"""

from __future__ import annotations

import attrs

from balancer.core.backend import Backend
from balancer.core.filters import fit
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import Policy, Snapshot
from balancer.core.session import Session


@attrs.define
class Sayings:
    """Of one policy's picker, about one choice."""

    policy: Policy
    snapshot: Snapshot
    session: Session
    backend: Backend

    def belongs(self) -> bool:
        """Whether the backend is the session's own."""
        if self.snapshot.belongs is None:
            return False
        try:
            return bool(self.snapshot.belongs(self.session, self.backend))
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.policy.failed("belongs()", error)
            return False

    def requested(self, head: RequestHead) -> RequestHead:
        """The head as the backend is to see it. Raises `PolicyFailed` for what raises or answers something else."""
        if self.snapshot.requested is None:
            return head
        try:
            asked = fit(self.snapshot.requested(self.session, self.backend, attrs.evolve(head)), head)
        except BaseException as error:
            raise self.policy.failed("requested()", error) from error
        return head if asked == head else asked

    def responded(self, head: ResponseHead) -> ResponseHead:
        """The head as the client is to see it. Raises `PolicyFailed`, as `requested` does."""
        if self.snapshot.responded is None:
            return head
        head = head.copy()
        try:
            return fit(self.snapshot.responded(self.session, self.backend, head), head)
        except BaseException as error:
            raise self.policy.failed("responded()", error) from error
