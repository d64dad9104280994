"""Clients that wait for a backend with room: heard of when they leave, and missing nothing when their turn comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import deferLater

from balancer.config import TCPListener
from balancer.net.streams import BULKY
from tests.net.house import House
from tests.net.wires import fronted

PIECE = 1 << 14

pytestmark = pytest.mark.usefixtures("house")


def full(house: House) -> tuple[Any, Any]:
    """A far side that takes one connection, and the client that has it."""
    far = house.far()
    house.relay(9001, max_connections=1, queue_timeout=30)
    return far, house.client(b"first")


def waiting(house: House) -> int:
    """How many wait in line."""
    return sum(pool.waiting for pool in house.assembly.pools.values())


async def until(reactor: Any, condition: Callable[[], bool]) -> None:
    """Let the reactor run until that is so; not for ever."""
    for _ in range(1000):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("said", [b"", b"question"])
def test_one_that_breaks_off_leaves_the_line(house: House, said: bytes) -> None:
    """A connection that is reset while it waits is out of the line at once, and no backend hears of it."""
    far, first = full(house)
    client = house.client(said)
    assert waiting(house) == 1
    client.cut()
    assert waiting(house) == 0
    first.cut()
    assert len(far.calls) == 1


def test_one_that_closes_before_it_asked_leaves_the_line(house: House) -> None:
    """A client that has said nothing and finishes has left."""
    _, _ = full(house)
    client = house.client()
    client.finish()
    assert (waiting(house), client.finished) == (0, True)


def test_one_that_asked_and_finished_is_still_served(house: House) -> None:
    """A question, its end and the answer, though all of it came before there was a backend."""
    far, first = full(house)
    client = house.client(b"question")
    client.finish()
    assert waiting(house) == 1
    first.cut()
    assert (far.last.hear(), far.last.finished) == (b"question", True)
    far.last.say(b"answer")
    far.last.close()
    assert client.hear() == b"answer"
    assert house.active == 0


def test_what_a_waiting_client_says_is_bounded_and_kept(house: House) -> None:
    """One that says much while it waits is held back, and then all arrives, in order."""
    far, first = full(house)
    client = house.client()
    for number in range(64):
        client.say(bytes([number]) * PIECE)
    assert client.transport.buffered >= 64 * PIECE - BULKY - PIECE
    first.cut()
    assert far.last.hear() == b"".join(bytes([number]) * PIECE for number in range(64))


async def test_on_real_sockets_a_reset_is_noticed_in_the_line(reactor: Any) -> None:
    """On any reactor a waiting client that is gone makes room for the next."""
    async with fronted(reactor, TCPListener, backend_takes=1) as front:
        (pool,) = front.assembly.pools.values()
        first = await front.client(b"1")
        served = await front.calls.get()
        assert await served.hear(1) == b"1"
        gone = await front.client(b"2")
        last = await front.client(b"3")
        await until(reactor, lambda: pool.waiting == 2)
        gone.transport.abortConnection()
        await until(reactor, lambda: pool.waiting == 1)
        served.transport.loseConnection()
        first.transport.loseConnection()
        following = await front.calls.get()
        assert await following.hear(1) == b"3"
        last.transport.abortConnection()
