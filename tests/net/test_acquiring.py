"""Requests that wait for a backend with room: over kept connections too, dropped when nobody waits for the answer."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent

from balancer.errors import BackendDown, Draining
from tests.net.house import House, answer, lines, request
from tests.net.test_dialing_waits import pool


def test_a_request_waits_for_room(house: House) -> None:
    """A model server that takes one request at a time has one at a time, all over the same connection."""
    far = house.far()
    house.site(9001, max_connections=1)
    clients = [house.client(request(f"GET /{number}")) for number in range(3)]
    for number, client in enumerate(clients):
        assert house.active == 1
        assert far.last.hear().startswith(b"GET /%d " % number)
        far.last.say(answer(b"%d" % number))
        assert client.hear() == answer(b"%d" % number)
    assert len(far.calls) == 1
    assert (house.active, pool(house).waiting) == (0, 0)


def test_a_body_waits_with_its_request(house: House) -> None:
    """Of a request that waits no more is read than came with its head; all of it arrives when it is its turn."""
    far = house.far()
    house.site(9001, max_connections=1)
    first = house.client(request())
    upload = house.client(request("POST /", "content-length: 9", body=b"one"))
    upload.say(b"two")
    far.last.hear()
    far.last.say(answer())
    upload.say(b"six")
    assert far.last.hear().endswith(b"\r\n\r\nonetwosix")
    far.last.say(answer(b"thanks"))
    assert upload.hear() == answer(b"thanks")
    assert first.hear() == answer()


def test_a_new_connection_where_none_is_kept(house: House) -> None:
    """When the connection that came free cannot be used again, who waits has a new one."""
    far = house.far()
    house.site(9001, max_connections=1, keepalive=0)
    clients = [house.client(request()) for _ in range(2)]
    for client in clients:
        far.last.say(answer(b"yes"))
        assert client.hear() == answer(b"yes")
    assert len(far.calls) == 2


def test_a_client_that_leaves_is_forgotten(house: House) -> None:
    """A request whose client leaves while it waits never reaches a backend."""
    far = house.far()
    house.site(9001, max_connections=1)
    first, second, third = (house.client(request(f"GET /{number}")) for number in range(3))
    second.cut()
    assert pool(house).waiting == 1
    far.last.hear()
    far.last.say(answer())
    assert far.last.hear().startswith(b"GET /2 ")
    third.cut()
    assert (house.active, pool(house).waiting) == (0, 0)
    assert first.hear() == answer()


def test_a_client_that_leaves_when_its_turn_has_come(house: House) -> None:
    """A request whose client leaves while its backend is connected to, after a wait, gives the place to the next."""
    far = house.far()
    house.site(9001, max_connections=1, keepalive=0)
    first, second, third = (house.client(request(f"GET /{number}")) for number in range(3))
    house.network.hang(9001)
    far.last.say(answer())
    assert house.active == 1
    assert len(far.calls) == 1
    second.cut()
    assert house.active == 1
    assert pool(house).waiting == 0
    third.cut()
    assert house.active == 0
    assert first.hear() == answer()


@pytest.mark.parametrize("waits", [False, True])
def test_its_backend_goes_down_when_its_turn_has_come(house: House, *, waits: bool) -> None:
    """A request that waited is told when the backend it is connecting to goes down; one that still waits goes on."""
    far = house.far()
    house.site(9001, max_connections=1, keepalive=0)
    first, second = (house.client(request(f"GET /{number}")) for number in range(2))
    house.network.hang(9001)
    if not waits:
        far.last.say(answer())
        assert first.hear() == answer()
    ((_, listener),) = house.assembly.listeners
    for _ in listener.leave(house.backends[0], BackendDown("sick")):
        pass  # in one turn, whatever order they are in
    house.network.pump()
    if waits:
        assert b"502 Bad Gateway: backend-down" in first.hear()
        assert (second.heard, house.active) == (b"", 1)
    else:
        assert b" 502 " in second.hear()
        assert house.active == 0


def test_who_waited_in_vain_is_answered(house: House, told: list[LogEvent]) -> None:
    """After `queue_timeout`, or when too many wait already, the answer is a 503 with the reason, and is told of."""
    house.far()
    house.site(9001, max_connections=1, queue=1, queue_timeout=2)
    house.client(request())
    late, refused = house.client(request()), house.client(request())
    assert refused.hear().endswith(b"503 Service Unavailable: pool-full\n")
    house.network.advance(2.4)
    assert late.hear().endswith(b"503 Service Unavailable: queue-timeout\n")
    assert lines(told) == [
        "503 pool-full: pool 'pool': every backend is full, and no more than 1 may wait, client 127.0.0.1, 1 so far",
        "503 queue-timeout: pool 'pool': no room came free within 2 s, client 127.0.0.1, 1 so far",
    ]


def test_a_request_sent_again_waits_as_well(house: House) -> None:
    """When a backend breaks off and the other is full, a GET waits for that one; in vain, the break is told."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, max_connections=1)
    clients = [house.client(request(f"GET /{number}")) for number in range(2)]
    by_line = {far.last.hear()[5:6]: far for far in fars}
    by_line[b"0"].last.close()
    assert (house.active, pool(house).waiting) == (1, 1)
    by_line[b"1"].last.say(answer())
    assert by_line[b"1"].last.hear().startswith(b"GET /0 ")
    by_line[b"1"].last.say(answer(b"late"))
    assert clients[0].hear() == answer(b"late")
    clients = [house.client(request(f"POST /{number}" if number else "GET /0")) for number in range(2)]
    by_line = {far.last.hear().partition(b"/")[2][:1]: far for far in fars}
    by_line[b"0"].last.close()
    house.network.advance(5.4)
    assert clients[0].hear().endswith(b"502 Bad Gateway: upstream-gone\n")


def test_the_end_of_a_drain_answers_those_who_wait(house: House) -> None:
    """Who waits when the drain time is up is answered 503, as are those whose answer is not there."""
    house.far()
    house.site(9001, max_connections=1)
    clients = [house.client(request()) for _ in range(2)]
    house.drain()
    for _, listener in house.assembly.listeners:
        listener.end_all(Draining("the balancer is stopping"))
    house.network.pump()
    assert all(b"503 Service Unavailable: draining" in client.hear() for client in clients)
    assert (house.active, pool(house).waiting) == (0, 0)
