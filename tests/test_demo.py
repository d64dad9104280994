"""The demo backends in memory: what they answer, and that stopping one looks like its death."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from balancer import demo
from balancer.demo import DemoBackend, DemoBackends
from balancer.testing import MemoryNetwork

CONTROL = 9000
BACKENDS = [DemoBackend("b1", http=9001, echo=9101), DemoBackend("b2", http=9002, echo=9102)]
LARGE = bytes(range(256)) * 8192


@attrs.define
class DatagramPort:
    """A bound UDP port, and what was sent from it."""

    protocol: Any
    sent: list[tuple[bytes, tuple[str, int]]] = attrs.field(factory=list)
    bound: bool = True

    def write(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.sent.append((datagram, address))

    def stopListening(self) -> Deferred[None]:
        self.bound = False
        return succeed(None)


class Network(MemoryNetwork):
    """With UDP ports, by number."""

    def __init__(self) -> None:
        super().__init__()
        self.datagram_ports: dict[int, DatagramPort] = {}

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> DatagramPort:
        if port in self.datagram_ports and self.datagram_ports[port].bound:
            raise CannotListenError(interface, port, OSError("address already in use"))
        self.datagram_ports[port] = bound = DatagramPort(protocol)
        protocol.makeConnection(bound)
        return bound


class Client(Protocol):
    """Sends what it is given and keeps all it receives."""

    transport: Any

    def __init__(self, data: bytes, *, finish: bool = False) -> None:
        self.received, self.closed = b"", False
        self._data, self._finish = data, finish

    def connectionMade(self) -> None:
        self.transport.write(self._data)
        if self._finish:
            self.transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True


@pytest.fixture
def network() -> Iterator[Network]:
    """A network on which the demo backends run."""
    network = Network()
    backends = DemoBackends(BACKENDS, control=CONTROL)
    backends.with_reactor(network)
    backends.startService()
    yield network
    stopped: list[Any] = []
    backends.stopService().addCallback(stopped.append)
    network.pump()
    assert stopped
    assert not network.ports
    assert not network.pairs
    assert not network.getDelayedCalls()


def connect(network: Network, port: int, data: bytes, *, finish: bool = False) -> Client:
    """A client that has said its part."""
    client = Client(data, finish=finish)
    network.dial(port, client)
    network.pump()
    return client


def ask(network: Network, port: int, path: str, *, method: str = "GET", body: bytes = b"") -> tuple[int, str, bytes]:
    """Status, fields in lower case, and body of one answer."""
    head = f"{method} {path} HTTP/1.0\r\nX-Seen: yes\r\nContent-Length: {len(body)}\r\n\r\n"
    start, _, answer = connect(network, port, head.encode() + body).received.partition(b"\r\n\r\n")
    line, _, fields = start.decode().partition("\r\n")
    return int(line.split()[1]), fields.lower(), answer


def test_says_who_it_is(network: Network) -> None:
    """`/` answers with the backend's name in plain text, each backend with its own."""
    status, fields, body = ask(network, 9001, "/")
    assert (status, body) == (200, b"hello from b1\n")
    assert "content-type: text/plain" in fields
    assert ask(network, 9002, "/")[2] == b"hello from b2\n"


def test_other_pages(network: Network) -> None:
    """`/healthz` is well, `/ws` asks for an upgrade, and what is not there is not found."""
    assert ask(network, 9001, "/healthz")[::2] == (200, b"ok\n")
    status, fields, _ = ask(network, 9001, "/ws")
    assert status == 426
    assert "upgrade: websocket" in fields
    assert ask(network, 9001, "/nothing/at/all")[::2] == (404, b"not found\n")


def test_wrong_method(network: Network) -> None:
    """A method that a page does not know is refused with those that it knows."""
    status, fields, _ = ask(network, 9001, "/", method="POST")
    assert status == 405
    assert "allow: get, head" in fields


def test_head_has_no_body(network: Network) -> None:
    """HEAD is answered like GET, without the body."""
    status, fields, body = ask(network, 9001, "/", method="HEAD")
    assert (status, body) == (200, b"")
    assert "content-length: 14" in fields


def test_shows_the_request(network: Network) -> None:
    """`/headers` shows the request line and every field as received."""
    lines = ask(network, 9001, "/headers?a=1")[2].decode().splitlines()
    assert lines == ["GET /headers?a=1 HTTP/1.0", "content-length: 0", "x-seen: yes"]


def test_events_come_one_by_one(network: Network) -> None:
    """Each event is sent at its time, and the last one ends the answer."""
    client = connect(network, 9001, b"GET /events HTTP/1.0\r\n\r\n")
    for number in range(1, demo.EVENTS + 1):
        assert client.received.endswith(b"data: b1 %d\n\n" % number)
        assert not client.closed or number == demo.EVENTS
        network.advance(demo.INTERVAL)
    assert client.closed


def test_events_end_with_their_client(network: Network) -> None:
    """A client that leaves in the middle takes its timers with it."""
    client = connect(network, 9001, b"GET /events HTTP/1.0\r\n\r\n")
    before = len(network.getDelayedCalls())
    client.transport.abortConnection()
    network.pump()
    assert len(network.getDelayedCalls()) <= before - (demo.EVENTS - 1)


@pytest.mark.parametrize("body", [b"", b"hello", LARGE], ids=["none", "small", "large"])
def test_returns_the_body(network: Network, body: bytes) -> None:
    """`/echo` returns the body it was sent, of any size."""
    assert ask(network, 9001, "/echo", method="POST", body=body)[::2] == (200, body)


def test_echo_over_tcp(network: Network) -> None:
    """Every byte comes back, also to a client that finishes sending at once."""
    client = connect(network, 9101, LARGE, finish=True)
    assert client.received == LARGE
    assert client.closed


def test_echo_is_no_faster_than_its_client(network: Network) -> None:
    """While the client does not read, the echo does not read either."""
    client = Client(LARGE)
    pair = network.dial(9101, client)
    client.transport.pauseProducing()
    pair.pump([4096])
    assert pair.server.most_buffered < len(LARGE) // 8
    client.transport.resumeProducing()
    network.pump()
    assert client.received == LARGE


def test_echo_over_udp(network: Network) -> None:
    """A datagram comes back to whom it came from."""
    port = network.datagram_ports[9102]
    port.protocol.datagramReceived(b"ping", ("127.0.0.1", 5353))
    assert port.sent == [(b"ping", ("127.0.0.1", 5353))]


def test_stop_cuts_what_lives(network: Network) -> None:
    """A stopped backend refuses connections and has lost those it had; the others serve on."""
    talking = [connect(network, port, b"GET /") for port in (9001, 9101)]
    assert ask(network, CONTROL, "/demo/b1/stop", method="POST")[2] == b"b1 stopped\n"
    assert all(client.closed for client in talking)
    assert set(network.ports) == {9002, 9102, CONTROL}
    assert not network.datagram_ports[9101].bound
    assert ask(network, CONTROL, "/demo")[2] == b"b1 stopped\nb2 started\n"
    assert ask(network, 9002, "/")[2] == b"hello from b2\n"


def test_start_revives(network: Network) -> None:
    """A stopped backend that is started serves again; starting it twice is no error."""
    ask(network, CONTROL, "/demo/b1/stop", method="POST")
    for _ in range(2):
        assert ask(network, CONTROL, "/demo/b1/start", method="POST")[::2] == (200, b"b1 started\n")
    assert ask(network, CONTROL, "/demo")[2] == b"b1 started\nb2 started\n"
    assert ask(network, 9001, "/")[2] == b"hello from b1\n"
    assert network.datagram_ports[9101].bound


def test_control_refuses_what_it_does_not_know(network: Network) -> None:
    """An unknown backend is not found, and a look does not stop anything."""
    assert ask(network, CONTROL, "/demo/b9/stop", method="POST")[0] == 404
    assert ask(network, CONTROL, "/demo/b1/stop")[0] == 405
    assert 9001 in network.ports


def test_start_tells_of_a_port_taken_meanwhile(network: Network) -> None:
    """A backend whose port was taken while it was stopped stays stopped as a whole, and control says why."""
    ask(network, CONTROL, "/demo/b1/stop", method="POST")
    thief = network.listenTCP(9101, Factory.forProtocol(Protocol))
    status, _, body = ask(network, CONTROL, "/demo/b1/start", method="POST")
    assert (status, 9001 in network.ports) == (503, False)
    assert b"already in use" in body
    assert ask(network, CONTROL, "/demo")[2].startswith(b"b1 stopped\n")
    thief.stopListening()


@pytest.mark.parametrize("taken", [9001, 9101, 9002, 9102, CONTROL])
def test_starts_whole_or_not_at_all(taken: int) -> None:
    """When one port is taken the start fails and every other port is free again."""
    network = Network()
    network.listenTCP(taken, Factory.forProtocol(Protocol))
    backends = DemoBackends(BACKENDS, control=CONTROL)
    backends.with_reactor(network)
    with pytest.raises(CannotListenError):
        backends.startService()
    assert set(network.ports) == {taken}
    assert not any(port.bound for port in network.datagram_ports.values())


def test_hints_are_printed_once_all_is_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hints go to standard output as they are, when the start is over, even if a log took the output's place."""
    network, backends = Network(), DemoBackends(BACKENDS, hints=["Try:", "  curl"])
    monkeypatch.setattr("sys.stdout", StringIO())
    backends.with_reactor(network)
    backends.startService()
    assert capsys.readouterr().out == ""
    network.advance(0)
    assert capsys.readouterr().out == "Try:\n  curl\n"
    backends.stopService()


def test_no_hints_when_stopped_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A start that is taken back in the same breath prints nothing."""
    network, backends = Network(), DemoBackends(BACKENDS, hints=["Try:"])
    backends.with_reactor(network)
    backends.startService()
    backends.stopService()
    network.advance(1)
    assert capsys.readouterr().out == ""


def test_shows_its_names() -> None:
    """Where a config is printed, the demo backends are told by name."""
    assert repr(DemoBackends()) == "DemoBackends(b1, b2, b3)"
