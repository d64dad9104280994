"""The `websockets` library on both sides of the balancer: many conversations at once, and what ends them all."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection
from websockets.typing import Subprotocol

from tests.system.process import HOST, Process
from tests.system.programs import PATIENCE
from tests.system.served import served

SIZES = (0, 1, 125, 126, 4096, 65535, 65536)
BULK = 16 << 20
"""Bytes of one message, many times as many as are read at once."""

CONVERSATIONS = 40
CHAT = Subprotocol("chat")


def echo(connection: ServerConnection) -> None:
    """Say again what is said."""
    try:
        for message in connection:
            connection.send(message)
    except ConnectionClosed:
        return


def called(port: int, **settings: Any) -> ClientConnection:
    """A client that has changed to WebSocket."""
    fixed: dict[str, Any] = {"open_timeout": PATIENCE, "max_size": None, "subprotocols": [CHAT], "proxy": None}
    client: ClientConnection = connect(f"ws://{HOST}:{port}/echo", **fixed, **settings)
    return client


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Process, int]]:
    """A balancer before a backend that echoes."""
    with served(tmp_path, echo, max_size=None, subprotocols=[CHAT]) as site:
        yield site


def converse(port: int, seed: int) -> int:
    """Say a few things, of which each comes back; return how many did."""
    random = Random(seed)
    said: list[str | bytes] = [random.randbytes(size) for size in random.sample(SIZES, 4)]
    said.append(f"ünïcödé {seed}")
    with called(port) as client:
        assert client.subprotocol == CHAT
        assert client.protocol.extensions  # what the two agreed on is theirs alone
        for message in said:
            client.send(message)
            assert client.recv(PATIENCE) == message
        assert client.ping().wait(PATIENCE)
        client.close(3001, "done")
        assert (client.close_code, client.close_reason) == (3001, "done")
    return len(said)


def test_many_at_once(site: tuple[Process, int]) -> None:
    """Forty conversations at once, small and large, compressed as the two sides agree, each get back what they said."""
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda seed: converse(site[1], seed), range(CONVERSATIONS)))


def test_bulk(site: tuple[Process, int]) -> None:
    """A message of many reads comes back as it was."""
    message = Random(1).randbytes(BULK)
    with called(site[1], compression=None) as client:
        client.send(message)
        assert client.recv(PATIENCE) == message


def test_a_stop(site: tuple[Process, int]) -> None:
    """While the balancer drains a conversation goes on; when the time is up it is cut, and the exit is clean."""
    process, port = site
    with called(port) as client:
        process.signal(signal.SIGTERM)
        process.says("draining")
        client.send("still here")
        assert client.recv(PATIENCE) == "still here"
        with pytest.raises(ConnectionClosedError) as ended:
            client.recv(PATIENCE)
        assert ended.value.rcvd is None
    status, err = process.end()
    assert (status, "Traceback" in process.out + err) == (0, False)


def test_a_quiet_one(tmp_path: Path) -> None:
    """One on which nothing moves for the idle time is closed in order."""
    with (
        served(tmp_path, echo, listener="upgrade_idle=0.5", ping_interval=None) as (_, port),
        connect(f"ws://{HOST}:{port}/", ping_interval=None, proxy=None) as client,
    ):
        with pytest.raises(ConnectionClosedError) as ended:
            client.recv(PATIENCE)
        assert ended.value.rcvd is None
