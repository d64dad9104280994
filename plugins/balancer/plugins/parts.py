"""What pickers made of pickers share: who chose for which session, and who is told what becomes of it.

Refuses to know how any of them chooses.
"""

from __future__ import annotations

from collections.abc import Iterable

from balancer.core.messages import ResponseHead
from balancer.interfaces import IBackend, ISession, Outcome, Phase, Picker
from balancer.plugins.rotation import Words


def words(picker: Picker, session: ISession, part: str) -> Words:
    """What a part says of backends, its name in front; nothing where it does not explain itself."""
    explain = getattr(picker, "explain", None)
    return [] if explain is None else [(backend, score, f"{part}: {note}") for backend, score, note in explain(session)]


class Parts:
    """Asks pickers, and passes on to each what becomes of the sessions that it chose for.

    `released` and `responded` are there only if a part has them, so that the pool is spared what nobody wants.
    """

    def __init__(self, pickers: Iterable[Picker]) -> None:
        found = list(pickers)
        self._owners: dict[tuple[ISession | None, IBackend], list[Picker | None]] = {}
        answers = any(hasattr(picker, "responded") for picker in found)
        self._tells = answers or any(hasattr(picker, "released") for picker in found)
        if self._tells:
            self.released = self._released
        if answers:
            self.responded = self._responded

    def ask(self, picker: Picker, session: ISession) -> IBackend | None:
        """What that part chooses for the session."""
        backend: IBackend | None = picker(session)
        if backend is not None:
            self.owe(backend, session, picker)
        return backend

    def owe(self, backend: IBackend, session: ISession, picker: Picker | None) -> None:
        """That one chose it for the session; None for a choice of nobody's."""
        if self._tells:
            self._owners.setdefault((session, backend), []).append(picker)

    def refuse(self, backend: IBackend, session: ISession) -> None:
        """What was chosen last does not stand."""
        if self._tells:
            self._released(backend, Outcome(session.now, 0.0, phase=Phase.PICK, session=session))

    def _released(self, backend: IBackend, outcome: Outcome) -> None:
        key = outcome.session, backend
        owners = self._owners.get(key)
        if not owners:
            return
        picker = owners.pop()
        if not owners:
            del self._owners[key]
        if released := getattr(picker, "released", None):
            released(backend, outcome)

    def _responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        owners = self._owners.get((session, backend))
        responded = getattr(owners[-1], "responded", None) if owners else None
        return head if responded is None else responded(session, backend, head)
