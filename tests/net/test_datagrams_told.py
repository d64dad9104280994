"""What datagrams tell, over real sockets: backends of their clients, and the balancer of who they are from."""

from __future__ import annotations

from typing import Any

from balancer.core.proxy_protocol import ProxyReader
from balancer.errors import UpstreamGone
from balancer.plugins.flow_keys import QUICConnectionID
from tests.net.datagram_house import House

CLIENT, SERVER = b"client's", b"server's"
LONGEST = 65507


def long_header(destination: bytes, source: bytes) -> bytes:
    """A QUIC packet with a long header."""
    return b"".join((b"\xe3\0\0\0\1", bytes([len(destination)]), destination, bytes([len(source)]), source, b"data"))


def short_header(destination: bytes) -> bytes:
    """A QUIC packet with a short header."""
    return b"\x43" + destination + b"data"


async def test_each_datagram_opens_with_a_header(reactor: Any) -> None:
    """A backend hears of every datagram who sent it and where to, and the client gets plain replies."""
    async with House(reactor) as house:
        house.send_proxy = True
        backend, client, listener = house.peer(), house.peer(), None
        house.places.append(("127.0.0.1", backend.transport.getHost().port))
        listener = house.start()
        for data in (b"one", b""):
            client.transport.write(data, house.address)
            heard, flow = await backend.heard.get()
            header, rest = ProxyReader(versions=(2,)).receive(heard) or (None, None)
            assert header is not None
            port = client.transport.getHost().port
            assert (header.source, header.destination, rest) == (("127.0.0.1", port), house.address, data)
            assert header.transport == "udp"
            backend.transport.write(data, flow)
            assert (await client.heard.get()) == (data, house.address)
        assert listener.counts.opened == 1


async def test_what_grows_too_long_is_dropped(reactor: Any) -> None:
    """A datagram that leaves no room for the header is dropped and counted, and the largest that does is not."""
    async with House(reactor) as house:
        house.send_proxy = True
        backend, client = house.peer(echo=True), house.peer()
        listener = house.start()
        client.transport.write(bytes(LONGEST - 28), house.address)
        assert len((await backend.heard.get())[0]) == LONGEST
        client.transport.write(bytes(LONGEST - 27), house.address)
        client.transport.write(b"next", house.address)
        assert (await backend.heard.get())[0].endswith(b"next")
        assert (listener.counts.dropped_unsent, listener.active) == (1, 1)


async def test_a_client_that_changes_its_address_stays_on_its_backend(reactor: Any) -> None:
    """By an id that the backend chose, a new address reaches it, from another port, and each gets its own replies."""
    async with House(reactor) as house:
        house.key = QUICConnectionID()
        first, other = house.peer(), house.peer()
        house.places += [("127.0.0.1", peer.transport.getHost().port) for peer in (first, other)]
        listener = house.start()
        at_home, abroad, stranger = house.peer(), house.peer(), house.peer()
        at_home.transport.write(long_header(b"made up!", CLIENT), house.address)
        _, flow = await first.heard.get()
        first.transport.write(long_header(CLIENT, SERVER), flow)
        await at_home.heard.get()
        house.pool.backends[0].become(draining=True)
        house.pool.refresh()
        abroad.transport.write(short_header(SERVER), house.address)
        heard, moved = await first.heard.get()
        assert (heard, moved != flow) == (short_header(SERVER), True)
        first.transport.write(b"to abroad", moved)
        first.transport.write(b"to home", flow)
        assert [(await peer.heard.get())[0] for peer in (abroad, at_home)] == [b"to abroad", b"to home"]
        stranger.transport.write(short_header(b"unknown!"), house.address)
        assert (await other.heard.get())[0] == short_header(b"unknown!")
        assert (listener.active, listener.counts.sent) == (3, 3)


async def test_flows_that_leave_close_their_sockets(reactor: Any) -> None:
    """When a backend is given up its flows' sockets are closed, and the clients are served by another."""
    async with House(reactor) as house:
        backends = [house.peer(echo=True) for _ in range(2)]
        client, listener = house.peer(), house.start()
        client.transport.write(b"one", house.address)
        assert (await backends[0].heard.get())[0] == b"one"
        house.pool.backends[0].become(up=False)
        house.pool.refresh()
        list(listener.leave(house.pool.backends[0], UpstreamGone("down")))
        assert (house.upstreams(), listener.active) == ([], 0)
        client.transport.write(b"two", house.address)
        assert (await backends[1].heard.get())[0] == b"two"
