"""Who waits for room while the backends change: what was of no use may be all there is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from balancer.core.backend import Backend
from tests.core.rooms import Rooms


class OnlyFirst:
    """An algorithm that has the first of its backends in mind for every session, and no other."""

    name = "only-first"

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """Refuses to go elsewhere."""
        return lambda session: None if session.tried else backends[0]


def test_room_passed_over_is_of_use_when_what_was_wanted_is_gone() -> None:
    """Who waited for one backend, which is gone, has the room at once that it passed over for that one."""
    rooms = Rooms(1, 1, algorithm=OnlyFirst())
    assert rooms.client().fate == "a"
    waiting, tried_b = rooms.waiting(), rooms.waiting("192.0.2.1", rooms.backends[1])
    rooms.pool.freed(rooms.backends[1])
    rooms.turns.run()
    assert waiting.fates == []
    rooms.turn(0, up=False)
    rooms.turns.run()
    assert (waiting.fates, tried_b.fates) == (["b"], [])
