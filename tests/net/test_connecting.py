"""The short way to a connection: it stands, fails with the system's reason, or is given up, and nothing is left."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from balancer.net.connecting import BIND_ADDRESS_NO_PORT, Connecting, _stands
from tests.net.lean import HOST, HalfNote, Lean, Note


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place is on another machine: a connection cannot be seen at once to stand or to be refused."""

    def begin(sock: socket.socket, place: tuple[str, int]) -> int:
        sock.connect_ex(place)
        return errno.EALREADY

    monkeypatch.setattr("balancer.net.connecting._begin", begin)


class Client(HalfNote):
    """Says hello as soon as it is connected."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.write(b"hello")


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("distance", ["near", "far"])
@pytest.mark.parametrize("host", [HOST, "::1"])
def test_a_connection_stands(lean: Lean, host: str, distance: str, request: pytest.FixtureRequest) -> None:
    """What is said at once arrives, the answer is heard, and each end knows the other's address."""
    if distance == "far":
        request.getfixturevalue("far")
    server, client, failed = Note(), Client(), list[OSError]()
    port = lean.reactor.listenTCP(0, lean.factory(lambda: server), interface=host)
    lean.ports.append(port)
    place = (host, int(port.getHost().port))
    lean.reactor.connect_directly(place, client, failed.append)
    lean.hear(server, 5)
    server.transport.write(b"world")
    lean.hear(client, 5)
    assert (bytes(server.heard), bytes(client.heard), failed) == (b"hello", b"world", [])
    assert (client.transport.getPeer().host, client.transport.getPeer().port) == place
    assert client.transport.getHost().port == server.transport.getPeer().port
    client.transport.loseConnection()
    lean.until(lambda: server.lost and client.lost)


def test_one_that_is_near_stands_before_anything_is_waited_for(lean: Lean) -> None:
    """On this machine the protocol has its connection when the call returns."""
    client = Client()
    lean.reactor.connect_directly((HOST, lean.listen(Note)), client, pytest.fail)
    assert client.transport.connected


def test_a_near_refusal_is_seen_at_once(lean: Lean) -> None:
    """On this machine the refusal is raised, nobody is called, and the socket is closed."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        before = descriptors()
        with pytest.raises(ConnectionRefusedError):
            lean.reactor.connect_directly(bound.getsockname(), Note(), pytest.fail)
        assert descriptors() == before


@pytest.mark.parametrize(("host", "source"), [(HOST, "127.0.0.5"), ("::1", "::1")])
def test_our_own_address(lean: Lean, host: str, source: str) -> None:
    """A connection comes from the source it was given, and its port may be in use towards elsewhere."""
    server, client = Note(), Client()
    port = lean.reactor.listenTCP(0, lean.factory(lambda: server), interface=host)
    lean.ports.append(port)
    lean.reactor.connect_directly((host, int(port.getHost().port)), client, pytest.fail, source)
    lean.hear(server, 5)
    assert server.transport.getPeer().host == source
    assert client.transport.socket.getsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT) == 1
    client.transport.loseConnection()
    lean.until(lambda: server.lost and client.lost)


def test_an_address_that_is_not_ours(lean: Lean) -> None:
    """A source that this machine does not have is the system's complaint, and the socket is closed."""
    before = descriptors()
    with pytest.raises(OSError, match="Cannot assign requested address"):
        lean.reactor.connect_directly((HOST, 9), Note(), pytest.fail, "192.0.2.1")
    assert descriptors() == before


@pytest.mark.usefixtures("far")
def test_a_refusal_has_the_systems_reason(lean: Lean) -> None:
    """Where nothing listens the failure comes once, with its number, and the socket is closed."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        before, failed = descriptors(), list[OSError]()
        lean.reactor.connect_directly(bound.getsockname(), Note(), failed.append)
        lean.until(lambda: failed)
        lean.turn(3)
        assert [error.errno for error in failed] == [errno.ECONNREFUSED]
        assert descriptors() == before


def test_an_address_out_of_reach_fails_at_once(lean: Lean) -> None:
    """What the system refuses without trying is raised, and the socket is closed."""
    before = descriptors()
    with pytest.raises(OSError, match=r"unreachable|denied"):
        lean.reactor.connect_directly(("255.255.255.255", 9), Note(), pytest.fail)
    assert descriptors() == before


def test_names_are_left_to_twisted(lean: Lean) -> None:
    """A host that is no address is not connected to by this way."""
    assert lean.reactor.connect_directly(("localhost", 9), Note(), pytest.fail) is None


@pytest.mark.usefixtures("far")
def test_an_attempt_that_is_given_up_leaves_nothing(lean: Lean) -> None:
    """After a cancel, repeated or too late, nobody is called and no descriptor is left."""
    server, client = Note(), Note()
    place = (HOST, lean.listen(lambda: server))
    before = descriptors()
    attempt = lean.reactor.connect_directly(place, client, pytest.fail)
    assert isinstance(attempt, Connecting)
    attempt.cancel()
    attempt.cancel()
    attempt.doWrite()
    lean.until(lambda: server.events and server.lost)
    assert client.events == []
    assert descriptors() == before
    assert attempt.logPrefix()


@pytest.mark.usefixtures("far")
def test_an_event_of_the_descriptors_last_owner_is_not_believed(lean: Lean, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the socket is not connected, and has no error, whatever the reactor says changes nothing."""
    server, client = Note(), Client()
    place = (HOST, lean.listen(lambda: server))
    attempt = lean.reactor.connect_directly(place, client, pytest.fail)
    with monkeypatch.context() as patched:
        patched.setattr("balancer.net.connecting._stands", lambda _sock: False)
        attempt.doRead()
        attempt.doWrite()
    assert client.events == []
    lean.hear(server, 5)


def test_a_socket_tells_whether_it_stands() -> None:
    """A connected socket has a peer, and one that is not has none."""
    one, other = socket.socketpair()
    with one, other, socket.socket() as alone:
        assert _stands(one)
        assert not _stands(alone)


@pytest.mark.usefixtures("far")
def test_an_error_without_a_number_is_an_abort(lean: Lean) -> None:
    """What the reactor ends for a reason of its own has failed, too."""
    failed: list[OSError] = []
    attempt = lean.reactor.connect_directly((HOST, lean.listen(Note)), Note(), failed.append)
    attempt.connectionLost(None)
    attempt.connectionLost(None)
    assert [error.errno for error in failed] == [errno.ECONNABORTED]


@pytest.mark.usefixtures("far")
def test_an_error_heard_from_the_reactor_counts(lean: Lean) -> None:
    """When the reactor hears of the failure first the attempt ends all the same."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        failed: list[OSError] = []
        attempt = lean.reactor.connect_directly(bound.getsockname(), Note(), failed.append)
        attempt.connectionLost(None)
        assert [error.errno for error in failed] == [errno.ECONNREFUSED]
