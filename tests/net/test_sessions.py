"""What is alive on a listener: counted, drained, ended."""

from __future__ import annotations

from balancer.errors import BalancerError, Draining
from balancer.net.sessions import Sessions


class Short:
    """A connection that ends when it is told to finish, if it is `prompt`, or to end."""

    def __init__(self, sessions: Sessions, *, prompt: bool) -> None:
        self._sessions, self._prompt = sessions, prompt
        sessions.add(self)

    def drain(self) -> None:
        if self._prompt:
            self._sessions.discard(self)

    def end(self, error: BalancerError) -> None:
        self._sessions.discard(self)


def test_accepted_are_counted() -> None:
    """Every connection counts once, also when it has ended."""
    sessions = Sessions()
    for _ in range(3):
        sessions.discard(Short(sessions, prompt=True))
    Short(sessions, prompt=True)
    assert (sessions.accepted, len(sessions)) == (4, 1)


def test_a_drain_without_connections_is_over_at_once() -> None:
    """Nothing alive, nothing to wait for."""
    assert Sessions().drain().called


def test_a_drain_ends_with_those_who_finish_at_once() -> None:
    """Connections that end as they are told to finish end the drain."""
    sessions = Sessions()
    for _ in range(2):
        Short(sessions, prompt=True)
    assert sessions.drain().called
    assert sessions.draining


def test_a_drain_waits_for_the_rest() -> None:
    """A drain is over when the last has ended, once."""
    sessions = Sessions()
    for prompt in (True, False, False):
        Short(sessions, prompt=prompt)
    drained = sessions.drain()
    assert not drained.called
    sessions.end_all(Draining("x"))
    assert drained.called
    sessions.discard(Short(sessions, prompt=False))
