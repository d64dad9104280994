"""What is alive on a listener: counted, drained, ended."""

from __future__ import annotations

from resource import RLIM_INFINITY
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.sources import Source
from balancer.errors import BalancerError, Draining
from balancer.net.sessions import UNLIMITED, Room, Sessions, Sight, sessions_possible
from tests.net.house import House


class Short:
    """A connection that ends when it is told to finish, if it is `prompt`, or to end."""

    source: Source | None = None

    def __init__(self, sessions: Sessions, *, prompt: bool) -> None:
        self._sessions, self._prompt = sessions, prompt
        sessions.add(self)

    def drain(self) -> None:
        if self._prompt:
            self._sessions.discard(self)

    def end(self, error: BalancerError) -> None:
        self._sessions.discard(self)

    def look(self) -> Sight:
        return Sight(("", 0), None, 0.0)

    def leave(self, backend: Backend, error: BalancerError) -> None:
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


@pytest.mark.parametrize("serve", [House.relay, House.site], ids=["tcp", "http"])
def test_no_more_sessions_than_there_is_room_for(house: House, serve: Any) -> None:
    """Beyond the room for sessions a client is closed at once and counted; one that leaves makes room for another."""
    house.far()
    house.assembly.room.limit = 2
    serve(house, 9001)
    clients = [house.client(b"") for _ in range(3)]
    assert [client.ending or client.finished for client in clients] == [False, False, True]
    assert house.assembly.room.refused == 1
    clients[0].cut()
    assert not house.client(b"").finished
    assert house.assembly.room.taken == 2


@pytest.mark.parametrize(("descriptors", "left"), [(0, 10), (1, 9), (4, 8), (100, 1)])
def test_room_set_apart(descriptors: int, left: int) -> None:
    """What is left to something else is no room for sessions, of which one has room in any case."""
    room = Room(10)
    room.set_apart(descriptors)
    assert room.limit == left


@pytest.mark.parametrize(("descriptors", "expected"), [(1024, 480), (RLIM_INFINITY, UNLIMITED), (10, 1)])
def test_room_by_descriptors(descriptors: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two descriptors a session, some left for the rest, and room for one at least."""
    monkeypatch.setattr("balancer.net.sessions.getrlimit", lambda _what: (descriptors, descriptors))
    assert sessions_possible() == expected
