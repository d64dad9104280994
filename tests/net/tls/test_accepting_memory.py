"""What clients that came through the door, or did not, leave for the garbage collector: nothing."""

from __future__ import annotations

import gc

import pytest

from balancer.net.tls.accepting import Handshaking
from balancer.net.tls.stream import TLSStream
from tests.net.lean import Lean
from tests.net.tls.doors import Client, Door


def left() -> list[object]:
    """What was made for one connection, and is still there."""
    return [one for one in gc.get_objects() if type(one) in {Handshaking, TLSStream}]


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("said", [b"", b"\x16\x03", Client().hello(), Client().hello()[:-9] + b"wrong" * 9])
def test_a_client_that_leaves(lean: Lean, said: bytes) -> None:
    """Whatever a client said before it left, its connection is gone when it ends."""
    door = Door(lean)
    door.knock(said).close()
    lean.until(lambda: door.sessions.accepted)
    door.empty()
    lean.turn(2)
    assert left() == []


@pytest.mark.usefixtures("uncollected")
def test_a_client_that_was_served(lean: Lean) -> None:
    """So it is after a client was served, but for what serves."""
    door, client = Door(lean), Client()
    with door.knock(client.hello()) as plain:
        client.talk(door, plain)
    (served,) = door.served
    lean.until(lambda: served.ending)
    served.transport = None  # a protocol may keep it
    lean.turn(2)
    assert left() == []
