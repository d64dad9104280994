"""UDP over real sockets on loopback: datagrams in and out, refusals, strangers, shortage, and every socket closed."""

from __future__ import annotations

import resource
import socket
from typing import Any

import pytest
from twisted.internet.error import CannotListenError, ConnectionLost

from balancer.core.backend import Place
from balancer.core.flow_bounds import Bounds
from balancer.errors import Draining
from balancer.net.datagrams import DatagramListener
from tests.net.datagram_house import IDLE, House


def unused() -> Place:
    """A place where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
    return host, port


async def test_datagrams_of_any_size_pass_both_ways(reactor: Any) -> None:
    """Empty, small and largest datagrams reach the backend and come back unchanged, from the address they went to."""
    async with House(reactor) as house:
        house.peer(echo=True)
        client, listener = house.peer(), house.start()
        for data in (b"", b"x", bytes(65507)):
            client.transport.write(data, house.address)
            assert await client.heard.get() == (data, house.address)
        assert (listener.active, listener.counts.opened, listener.counts.sent_bytes) == (1, 1, 65508)


async def test_clients_do_not_share_a_socket(reactor: Any) -> None:
    """Each client has an upstream socket of its own, so each reply goes to the client that it is for."""
    async with House(reactor) as house:
        backend = house.peer(echo=True)
        house.start()
        clients = [house.peer(), house.peer()]
        for number, client in enumerate(clients):
            client.transport.write(b"%d" % number, house.address)
        assert [(await client.heard.get())[0] for client in clients] == [b"0", b"1"]
        assert (await backend.heard.get())[1] != (await backend.heard.get())[1]


async def test_a_stranger_reaches_no_client(reactor: Any) -> None:
    """What others than the backend send to a flow's socket is not passed on, even when queued before the connect."""
    async with House(reactor) as house:
        backend, stranger, client = house.peer(echo=True), house.peer(), house.peer()
        listener = house.start()
        client.transport.write(b"one", house.address)
        _, flow_address = await backend.heard.get()
        await client.heard.get()
        stranger.transport.write(b"forged", flow_address)
        client.transport.write(b"two", house.address)
        assert (await client.heard.get())[0] == b"two"
        assert listener.counts.sent == 2


async def test_a_dead_backend_ends_the_flow_and_the_client_moves(reactor: Any) -> None:
    """ICMP unreachable ends the flow at once, and the client's next datagram is answered by another backend."""
    async with House(reactor) as house:
        house.places.append(unused())
        house.peer(echo=True)
        client, listener = house.peer(), house.start()
        client.transport.write(b"lost", house.address)
        assert await house.ended.get() == 0
        client.transport.write(b"moved", house.address)
        assert (await client.heard.get())[0] == b"moved"
        assert (listener.counts.refused, [backend.failed for backend in house.pool.backends]) == (1, [1, 0])


async def test_a_refusal_found_while_sending_loses_no_datagram(reactor: Any) -> None:
    """A datagram whose send only tells of the refusal of the one before goes to another backend at once."""
    async with House(reactor) as house:
        house.places.append(unused())
        backend, listener = house.peer(echo=True), house.start()
        listener.datagramReceived(b"lost", ("127.0.0.1", 9))
        listener.datagramReceived(b"moved", ("127.0.0.1", 9))
        assert (await backend.heard.get())[0] == b"moved"
        assert (await house.ended.get(), listener.active) == (0, 1)


async def test_a_reactor_that_closes_for_refusals_is_understood(reactor: Any) -> None:
    """A reactor that takes an ICMP error for the end of the socket ends the flow with it."""
    async with House(reactor) as house:
        house.places.append(unused())
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        (upstream,) = house.upstreams()
        for _ in range(2):
            reactor.removeReader(upstream)
            upstream.connectionLost(ConnectionLost())
        assert (listener.counts.refused, listener.active, house.upstreams()) == (1, 0, [])


async def test_an_error_of_another_socket_ends_no_flow(reactor: Any) -> None:
    """A reactor that takes a socket for broken because the one that had its number before was, harms no flow."""
    async with House(reactor) as house:
        house.peer(echo=True)
        client, listener = house.peer(), house.start()
        client.transport.write(b"before", house.address)
        await client.heard.get()
        (upstream,) = house.upstreams()
        reactor.removeReader(upstream)
        upstream.connectionLost(ConnectionLost())
        client.transport.write(b"after", house.address)
        assert (await client.heard.get())[0] == b"after"
        assert (listener.counts.refused, listener.counts.opened) == (0, 1)


async def test_an_idle_flow_closes_its_socket(reactor: Any) -> None:
    """A flow that was idle for its time is over, and its socket is closed."""
    async with House(reactor) as house:
        house.peer(echo=True)
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        (upstream,) = house.upstreams()
        for _ in range(110):
            house.clock.advance(0.1)
        assert (house.upstreams(), listener.counts.expired, upstream.fileno()) == ([], 1, -1)


async def test_draining_keeps_what_is_alive(reactor: Any) -> None:
    """After `stop_accepting` a living flow goes on both ways, a new client is dropped, and `end_all` ends the rest."""
    async with House(reactor) as house:
        house.peer(echo=True)
        known, stranger, listener = house.peer(), house.peer(), house.start()
        known.transport.write(b"before", house.address)
        await known.heard.get()
        listener.stop_accepting()
        stranger.transport.write(b"new", house.address)
        known.transport.write(b"after", house.address)
        assert (await known.heard.get())[0] == b"after"
        assert (listener.active, listener.counts.dropped_draining) == (1, 1)
        listener.end_all(Draining("too late"))
        assert (await house.ended.get(), house.upstreams()) == (0, [])


async def test_without_sockets_left_a_flow_is_refused(reactor: Any) -> None:
    """When no file can be opened the flow is refused and counted, nothing leaks, and the next datagram is served."""
    async with House(reactor) as house:
        house.peer(echo=True)
        client, listener = house.peer(), house.start()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            listener.datagramReceived(b"", ("127.0.0.1", 9))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (listener.counts.refused, listener.active, house.pool.backends[0].active) == (1, 0, 0)
        client.transport.write(b"x", house.address)
        assert (await client.heard.get())[0] == b"x"


@pytest.mark.parametrize("place", ["/run/backend.sock", ("backend.example", 53)])
async def test_a_place_that_is_no_address_is_a_refusal(reactor: Any, place: Place) -> None:
    """A backend that is not at an IP address refuses every flow, and no socket stays open."""
    async with House(reactor) as house:
        house.places.append(place)
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        assert (listener.counts.refused, listener.counts.dropped_unsent, house.upstreams()) == (1, 1, [])


async def test_what_the_kernel_refuses_is_dropped(reactor: Any) -> None:
    """A datagram too long for UDP is dropped, either way, and the flow goes on."""
    async with House(reactor) as house:
        house.peer(echo=True)
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        listener.datagramReceived(bytes(65508), ("127.0.0.1", 9))
        house.upstreams()[0].replied(bytes(65508))
        assert (listener.counts.dropped_unsent, listener.counts.dropped_replies, listener.active) == (1, 1, 1)


async def test_a_broken_port_ends_its_flows(reactor: Any) -> None:
    """When the reactor closes the listening socket its flows end, and `close` waits for their sockets."""
    async with House(reactor) as house:
        house.peer(echo=True)
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        port, (upstream,) = listener.transport, house.upstreams()
        port.stopReading()
        port.connectionLost(OSError("a fault of the kernel's"))
        assert (await house.ended.get(), listener.active) == (0, 0)
        await listener.close()
        assert (house.upstreams(), upstream.fileno()) == ([], -1)


async def test_close_waits_for_every_socket(reactor: Any) -> None:
    """`close` begins nothing more, may be called again, and fires each time when the last socket is closed."""
    async with House(reactor) as house:
        house.peer(echo=True)
        listener = house.start()
        listener.datagramReceived(b"", ("127.0.0.1", 9))
        port = listener.transport
        closings = [listener.close(), listener.close()]
        listener.datagramReceived(b"read in the same turn", ("127.0.0.1", 9))
        for closing in closings:
            await closing
            assert (bool(port.connected), house.upstreams()) == (False, [])
        assert (listener.counts.dropped_draining, listener.active) == (1, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Twisted drops the socket unclosed
async def test_a_busy_port_is_an_error(reactor: Any) -> None:
    """A port that is taken makes the start fail, and what did not start closes all the same."""
    async with House(reactor) as house:
        house.peer(echo=True)
        first = house.start()
        second = DatagramListener(
            reactor,
            interface="127.0.0.1",
            port=first.port,
            make_flows=lambda edge: house.flows(edge, Bounds(idle=IDLE, max_flows=1)),
        )
        with pytest.raises(CannotListenError):
            second.start()
        await second.close()


async def test_families_may_differ(reactor: Any) -> None:
    """A client over IPv4 is served by a backend over IPv6."""
    async with House(reactor) as house:
        house.peer(echo=True, interface="::1")
        client, _ = house.peer(), house.start()
        client.transport.write(b"x", house.address)
        assert (await client.heard.get())[0] == b"x"


async def test_a_full_table_closes_the_socket_it_evicts(reactor: Any) -> None:
    """With room for one flow, two clients in turn are both served, and one socket is open at a time."""
    async with House(reactor) as house:
        house.peer(echo=True)
        clients, listener = [house.peer(), house.peer()], house.start(max_flows=1)
        for client in clients * 2:
            client.transport.write(b"x", house.address)
            assert (await client.heard.get())[0] == b"x"
            assert len(house.upstreams()) == 1
        assert (listener.counts.evicted, listener.active) == (3, 1)


async def test_each_datagram_alone_is_answered(reactor: Any) -> None:
    """With one request and one reply a flow, each datagram goes out by a socket of its own, closed with the answer."""
    async with House(reactor) as house:
        backend = house.peer(echo=True)
        client, listener = house.peer(), house.start(requests=1, replies=1)
        for data in (b"one", b"two"):
            client.transport.write(data, house.address)
            assert await client.heard.get() == (data, house.address)
            assert (await house.ended.get(), house.upstreams()) == (0, [])
        assert (await backend.heard.get())[1] != (await backend.heard.get())[1]
        assert (listener.counts.finished, listener.counts.opened) == (2, 2)


async def test_fire_and_forget_reaches_the_backend(reactor: Any) -> None:
    """A datagram that is owed no reply arrives though its socket is closed at once."""
    async with House(reactor) as house:
        backend, client = house.peer(echo=True), house.peer()
        listener = house.start(replies=0)
        client.transport.write(b"log", house.address)
        assert (await backend.heard.get())[0] == b"log"
        assert (listener.counts.finished, house.upstreams()) == (1, [])
