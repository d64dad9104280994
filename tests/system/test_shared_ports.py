"""Two processes on one port: both serve, and one that did not ask for it cannot start."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack
from pathlib import Path

from tests.ports import free_ports
from tests.system.process import HOST, Process, written
from tests.system.programs import PATIENCE

RELAY = """
pool = Pool("p", backends=["127.0.0.1:{back}"])
config = Config(TCPListener("tcp:{front}:interface=127.0.0.1", pool=pool, reuse_port={reuse_port}))
"""


def test_two_processes_on_one_port(tmp_path: Path) -> None:
    """Of many clients some are relayed by the one process and some by the other; a third that wants all has none."""
    (front,) = free_ports(1)
    with ExitStack() as stack:
        backends = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(2)]
        for backend in backends:
            text = RELAY.format(front=front, back=backend.getsockname()[1], reuse_port=True)
            stack.enter_context(Process("--config", written(tmp_path, text))).says("TCP on tcp:")
        heard: set[socket.socket] = set()
        for _ in range(100):
            stack.enter_context(socket.create_connection((HOST, front), timeout=PATIENCE))
            (backend, *_), _, _ = select.select(backends, [], [], PATIENCE)
            stack.enter_context(backend.accept()[0])
            heard.add(backend)
        assert heard == set(backends)
        alone = Process("--config", written(tmp_path, RELAY.format(front=front, back=9, reuse_port=False)))
        status, told = stack.enter_context(alone).end()
        assert (status, "Address already in use" in told) == (1, True)
