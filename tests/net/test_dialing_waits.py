"""TCP clients that wait for a backend with room: served in turn, told why not, and never more than it takes."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent

from balancer.core.pool import Pool
from balancer.errors import Draining
from tests.net.house import House, lines


def pool(house: House) -> Pool:
    """The pool of a house that has one."""
    (found,) = house.assembly.pools.values()
    return found


def test_a_client_waits_for_room(house: House) -> None:
    """Who finds the backend full is served when one of its connections ends, and every byte said meanwhile arrives."""
    far = house.far()
    house.relay(9001, max_connections=1)
    first, second = house.client(b"one"), house.client(b"two")
    assert (len(far.calls), pool(house).waiting, house.active) == (1, 1, 1)
    first.close()
    far.last.close()
    assert (len(far.calls), pool(house).waiting, house.active) == (2, 0, 1)
    assert far.last.hear() == b"two"
    far.last.say(b"done")
    assert second.hear() == b"done"


def test_never_more_than_it_takes(house: House) -> None:
    """Whatever the order in which clients come and go, a backend has no more connections than it takes."""
    far = house.far()
    house.relay(9001, max_connections=2)
    clients = [house.client() for _ in range(6)]
    while clients:
        alive = [call for call in far.calls if not call.ending]
        assert len(alive) == house.active == min(2, len(clients))
        clients.pop(0).cut()
    assert len(far.calls) == 6


def test_a_connection_that_fails_is_room(house: House) -> None:
    """A place is free again when the connection to the backend cannot be made, and who waits tries in turn."""
    house.relay(9001, max_connections=1)
    house.network.hang(9001)
    clients = [house.client() for _ in range(3)]
    assert (house.active, pool(house).waiting) == (1, 2)
    house.network.advance(5.4)
    assert clients[0].gone
    assert house.active <= 1


def test_a_retry_waits_as_well(house: House, told: list[LogEvent]) -> None:
    """When one backend refuses and the other is full, the client waits for that one; in vain, the refusal is told."""
    far = house.far(9002)
    house.relay(9001, 9002, max_connections=1)
    while not far.calls:
        first = house.client()
    second, third = house.client(b"second"), house.client(b"third")
    assert (len(far.calls), pool(house).waiting) == (1, 2)
    first.cut()
    assert far.last.hear() == b"second"
    house.network.advance(5.4)
    assert third.gone
    assert not second.gone
    assert lines(told) == ["client turned away: 127.0.0.1:9001: Connection was refused by other side., 1 so far"]


def test_who_has_left_keeps_nobody_waiting(house: House) -> None:
    """A client is not read from while it waits; one that has left meanwhile gives its place to the next at once."""
    far = house.far()
    house.relay(9001, max_connections=1)
    first, second, third = house.client(b"1"), house.client(b"2"), house.client(b"3")
    second.cut()
    first.cut()
    assert far.last.hear() == b"3"
    assert not third.gone
    assert (house.active, pool(house).waiting) == (1, 0)


def test_who_closed_its_side_is_served(house: House) -> None:
    """A client that has said all it had to say before its turn gets its answer, and the backend sees the end."""
    far = house.far()
    house.relay(9001, max_connections=1)
    first, second = house.client(), house.client(b"question")
    second.finish()
    first.cut()
    assert far.last.hear() == b"question"
    assert far.last.finished
    far.last.say(b"answer")
    assert second.hear() == b"answer"


def test_who_waited_in_vain_is_told_of(house: House, told: list[LogEvent]) -> None:
    """A client that waited for `queue_timeout` is turned away, as is one that finds the queue full; both are told."""
    house.far()
    house.relay(9001, max_connections=1, queue=1, queue_timeout=2)
    house.client()
    late, refused = house.client(), house.client()
    assert refused.gone
    assert not late.gone
    house.network.advance(2.4)
    assert late.gone
    assert lines(told) == [
        "client turned away: pool 'pool': every backend is full, and no more than 1 may wait, 1 so far",
        "client turned away: pool 'pool': no room came free within 2 s, 1 so far",
    ]
    counts = pool(house)
    assert (counts.waiting, counts.longest_queue, counts.waited, counts.timed_out, counts.refused) == (0, 1, 1, 1, 1)


def test_a_drain_serves_those_who_wait(house: House) -> None:
    """While the balancer drains, who waits is still served, and is ended with all the others."""
    far = house.far()
    house.relay(9001, max_connections=1)
    first, second, third = house.client(), house.client(b"second"), house.client()
    (drained,) = house.drain()
    first.cut()
    assert far.last.hear() == b"second"
    for _, listener in house.assembly.listeners:
        listener.end_all(Draining("the test is over"))
    house.network.advance(0)
    assert second.gone
    assert third.gone
    assert drained.called
    assert (house.active, pool(house).waiting) == (0, 0)


@pytest.mark.parametrize("most", [1, 3])
def test_a_flood_is_served_to_the_last(house: House, most: int) -> None:
    """Many who wait are all served, each after another."""
    far = house.far()
    house.relay(9001, max_connections=most)
    clients = [house.client(str(number).encode()) for number in range(60)]
    for client in clients:
        client.cut()
    assert [call.heard for call in far.calls] == [str(number).encode() for number in range(60)]
