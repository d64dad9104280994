"""An algorithm's pickers asked, and contained: a fault costs the decision at hand, is counted and named, and no more.

An algorithm is strangers' code. It may raise anything (a `SystemExit` must not end a session without an answer), answer
with something else, or want a session to be awaited. Refuses to know how pickers are made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

import attrs

from balancer.core.faults import Faults
from balancer.core.filters import fit, restore
from balancer.core.quarantine import Trust
from balancer.errors import PolicyFailed, ReadOnly

if TYPE_CHECKING:
    from balancer.core.backend import Backend
    from balancer.core.messages import RequestHead, ResponseHead
    from balancer.core.pickers import Snapshot
    from balancer.core.session import Session
    from balancer.interfaces import Outcome

PICKING: Final = "picker"
TELLING: Final = "released()"
BELONGING: Final = "belongs()"
REQUESTING: Final = "requested()"
RESPONDING: Final = "responded()"

HARMLESS: Final = frozenset({TELLING, BELONGING})
"""What costs no session anything when it fails, and so is never a reason to do without the algorithm."""


class Contained(ABC):
    """One algorithm. `faults` counts what it did wrong; `doubts` holds its parts that failed when last asked.

    `name` tells the pool as well; `members` are all backends of that. While it is `left_alone` it is asked nothing new,
    and what still goes wrong of what was begun before is counted, but takes no more trust away.
    """

    left_alone = False

    def __init__(
        self, name: str, report: Callable[[str, BaseException], object], members: Collection[Backend] = ()
    ) -> None:
        self.name, self.faults = name, Faults(report)
        self.doubts: dict[str, Trust] = {}
        self._members = frozenset(members)

    @abstractmethod
    def rest(self, seconds: float, what: str, error: BaseException) -> None:
        """Leave the algorithm alone for so long: that part of it has failed too often in a row, at last so."""

    def ask(self, snapshot: Snapshot, session: Session) -> Backend | None:
        """The picker's choice, which is one of its snapshot, or of the pool if the picker knows who belongs where.

        Raises `PolicyFailed` when it is not to be had.
        """
        asked = session.request
        parts: Any = asked and (asked.method, asked.target, asked.authority, asked.fields, asked.length)
        try:
            chosen = snapshot.picker(session)
            if asked and parts != (asked.method, asked.target, asked.authority, asked.fields, asked.length):
                raise ReadOnly("changed the request in place; what a backend is asked is for requested() to say")
            if chosen is not None and chosen not in snapshot.backends:
                self._check_belonging(snapshot, chosen)
        except BaseException as error:
            if asked:
                restore(asked, parts)
            self.failed(PICKING, error)
            raise PolicyFailed(f"{self.name} failed") from error
        if self.doubts:
            self.doubts.pop(PICKING, None)
        backend: Backend | None = chosen
        return backend

    def tell(self, snapshot: Snapshot, backend: Backend, outcome: Outcome) -> None:
        """Let the picker that chose a backend know how it ended."""
        if snapshot.released is None:
            return
        try:
            answer = snapshot.released(backend, outcome)
            if answer is not None:
                _refuse_promise(answer)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.failed(TELLING, error)

    def belongs(self, snapshot: Snapshot, session: Session, backend: Backend) -> bool:
        """Whether that backend is the session's own."""
        if snapshot.belongs is None:
            return False
        try:
            answer = snapshot.belongs(session, backend)
            _refuse_promise(answer)
            return bool(answer)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.failed(BELONGING, error)
            return False

    def request(self, snapshot: Snapshot, session: Session, backend: Backend, head: RequestHead) -> RequestHead:
        """The head as the picker wants the backend to see it. Raises `PolicyFailed`, see `respond`."""
        if snapshot.requested is None:
            return head
        asked: RequestHead = self._head(REQUESTING, snapshot.requested, session, backend, head)
        return head if asked == head else asked

    def respond(self, snapshot: Snapshot, session: Session, backend: Backend, head: ResponseHead) -> ResponseHead:
        """The head as the picker wants it. Raises `PolicyFailed` when it raises or answers with something else."""
        if snapshot.responded is None:
            return head
        responded: ResponseHead = self._head(RESPONDING, snapshot.responded, session, backend, head)
        return responded

    def failed(self, what: str, error: BaseException) -> None:
        """Count a fault of that part of the algorithm."""
        self.faults.note(f"{self.name}: {what}", error)
        if self.left_alone or what in HARMLESS:
            return
        rest = self.doubts.setdefault(what, Trust()).fault()
        if rest:
            self.rest(rest, what, error)

    def _head(self, what: str, step: Callable[..., Any], session: Session, backend: Backend, head: Any) -> Any:
        """What one step of a picker makes of a copy of a head."""
        try:
            answer = step(session, backend, attrs.evolve(head))
            if not isinstance(answer, type(head)):
                _refuse_promise(answer)
            made = fit(answer, head)
        except BaseException as error:
            self.failed(what, error)
            raise PolicyFailed(f"{self.name} failed") from error
        if self.doubts:
            self.doubts.pop(what, None)
        return made

    def _check_belonging(self, snapshot: Snapshot, chosen: Any) -> None:
        """Raises `PolicyFailed` for what the picker may not choose."""
        if snapshot.belongs is not None and chosen in self._members:
            return
        _refuse_promise(chosen)
        raise PolicyFailed(f"answered a {type(chosen).__name__} that was not offered")


def _refuse_promise(answer: Any) -> None:
    """Raises `PolicyFailed` for what was to be an answer, and is something to await."""
    if isawaitable(answer):
        getattr(answer, "close", lambda: None)()  # or a coroutine would complain that nobody awaited it
        raise PolicyFailed("answered with something to await; a picker answers at once")
