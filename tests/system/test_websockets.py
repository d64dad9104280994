"""WebSocket through the balancer as a process of its own: every conversation ends as it does without it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import attrs
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from tests.ports import free_ports
from tests.system.conversations import Frames, cuts, illegal, legal
from tests.system.frames import AGREES, ASKS, CLOSE, KEY, PING, Raw, frame, frames
from tests.system.process import HOST, LEAN, STOCK, Process, written
from tests.system.programs import PATIENCE

BARRIER = b"are you done?"

Heard = TypeVar("Heard")


def heard_by(protocol: Any, sock: socket.socket) -> list[str]:
    """What the library makes of a connection, frame by frame, until it ends; it answers as the protocol wants."""
    notes: list[str] = []
    sock.settimeout(PATIENCE)
    send(protocol, sock)
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionError:
            notes.append("RST")
            break
        if not data:
            break
        while protocol.state is State.CONNECTING and data:  # what comes behind the head is for afterwards
            notes += fed(protocol, sock, data[:1])
            data = data[1:]
        notes += fed(protocol, sock, data)
    protocol.receive_eof()
    send(protocol, sock)
    sock.close()
    return [*notes, f"heard {protocol.close_rcvd}, said {protocol.close_sent}, {protocol.parser_exc!r}"]


def fed(protocol: Any, sock: socket.socket, data: bytes) -> list[str]:
    """The frames that these bytes make whole, once they are answered."""
    protocol.receive_data(data)
    events = protocol.events_received()
    for event in events:
        if isinstance(event, Request):
            protocol.send_response(protocol.accept(event))
    send(protocol, sock)
    return [f"{one.opcode.name} {one.fin} {bytes(one.data)!r}" for one in events if isinstance(one, Frame)]


def send(protocol: Protocol, sock: socket.socket) -> None:
    """Send what the library wants to send, of which nothing is the end."""
    try:
        for data in protocol.data_to_send():
            if data:
                sock.sendall(data)
            else:
                sock.shutdown(socket.SHUT_WR)
    except OSError:
        return  # which is told to whoever reads


@attrs.frozen
class Record:
    """How a conversation went: what each side heard and how it ended there."""

    raw: list[str]
    ending: str
    library: list[str]


class Stage:
    """A port that is the backend's and one of the balancer before it; and whoever has to act at the same time."""

    def __init__(self, far: socket.socket, front: int) -> None:
        self.ways = (int(far.getsockname()[1]), front)
        self._far, self._threads = far, ThreadPoolExecutor(1)

    def accepting(self, act: Callable[[socket.socket], Heard]) -> Future[Heard]:
        """Let the backend act on its next connection."""
        return self._threads.submit(lambda: act(self._far.accept()[0]))

    def close(self) -> None:
        """End what waits."""
        self._threads.shutdown()


@pytest.fixture(scope="module", params=[LEAN, STOCK], ids=["lean", "stock"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A balancer before one backend, on our reactor and on Twisted's."""
    (port,) = free_ports(1)
    with socket.create_server((HOST, 0)) as far:
        far.settimeout(PATIENCE)
        text = f"""
site = Pool("site", backends=["{HOST}:{far.getsockname()[1]}"])
config = Config(HTTPListener("tcp:{port}:interface={HOST}", pool=site), drain=1)
"""
        with Process("--config", written(tmp_path_factory.mktemp("site"), text), twist=request.param) as process:
            process.says("HTTP on tcp:")
            stage = Stage(far, port)
            yield stage
            stage.close()


def said_by_a_client(stage: Stage, port: int, pieces: Frames, *, breaks_off: bool = False) -> Record:
    """A conversation of a client that says just that, with a server of the library."""
    server = stage.accepting(lambda sock: heard_by(ServerProtocol(), sock))
    client = Raw(socket.create_connection((HOST, port), PATIENCE))
    client.say(pieces)
    if breaks_off:
        client.head()
        client.until(BARRIER)
        client.reset()
        return Record([], "", server.result(PATIENCE))
    client.finish()
    client.head()
    heard, ending = client.rest()
    client.sock.close()
    return Record(list(frames(heard)), ending, server.result(PATIENCE))


def said_by_a_server(stage: Stage, port: int, pieces: Frames, *, breaks_off: bool = False) -> Record:
    """A conversation of a server that says just that, with a client of the library."""

    def serve(sock: socket.socket) -> Record:
        server = Raw(sock)
        server.head()
        server.say(pieces)
        if breaks_off:
            server.until(BARRIER)
            server.reset()
            return Record([], "", [])
        server.finish()
        heard, ending = server.rest()
        server.sock.close()
        return Record(list(frames(heard)), ending, [])

    server = stage.accepting(serve)
    protocol = ClientProtocol(parse_uri("ws://site/talk"))
    protocol.key = KEY
    protocol.send_request(protocol.connect())
    heard = heard_by(protocol, socket.create_connection((HOST, port), PATIENCE))
    return attrs.evolve(server.result(PATIENCE), library=heard)


@pytest.mark.parametrize("name", [*legal(masked=True), *illegal(masked=True)])
def test_what_clients_say(stage: Stage, name: str) -> None:
    """Right or wrong, and however it is cut, what a client says ends for both sides as it does without the balancer."""
    said = {**legal(masked=True), **illegal(masked=True)}[name]
    for pieces in cuts(ASKS, said):
        direct, balanced = [said_by_a_client(stage, port, pieces) for port in stage.ways]
        assert balanced == direct


@pytest.mark.parametrize("name", [*legal(masked=False), *illegal(masked=False)])
def test_what_servers_say(stage: Stage, name: str) -> None:
    """Right or wrong, and however it is cut, what a server says ends for both sides as it does without the balancer."""
    said = {**legal(masked=False), **illegal(masked=False)}[name]
    for pieces in cuts(AGREES, said):
        direct, balanced = [said_by_a_server(stage, port, pieces) for port in stage.ways]
        assert balanced == direct


@pytest.mark.parametrize("name", legal(masked=True))
def test_who_breaks_off(stage: Stage, name: str) -> None:
    """After whatever was said, a reset by either side reaches the other, as it does without the balancer."""
    for talk, opening, masked in ((said_by_a_client, ASKS, True), (said_by_a_server, AGREES, False)):
        pieces = [opening, *legal(masked=masked)[name], frame(PING, BARRIER, masked=masked)]
        if any(piece[0] & 0x0F == CLOSE for piece in pieces[1:]):
            continue  # nobody answers after that
        direct, balanced = [talk(stage, port, pieces, breaks_off=True) for port in stage.ways]
        assert balanced == direct
        assert "RST" in balanced.library
