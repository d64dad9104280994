"""Bulk over TLS that is held up half-way: it arrives to the byte, and the balancer keeps little of it."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.pouring import MEBIBYTE, Pouring
from tests.system.process import HOST, LEAN, STOCK
from tests.system.programs import PATIENCE, Cost
from tests.system.secured import SecureFront, Trust

pytestmark = pytest.mark.system

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
KEPT = 4 * MEBIBYTE
"""More than this the balancer may never have in use beyond what it had before."""


@contextmanager
def relayed(
    folder: Path, twist: tuple[str, ...], version: ssl.TLSVersion
) -> Iterator[tuple[Cost, socket.socket, socket.socket]]:
    """What the balancer costs, a client over TLS, and the backend's end of its connection, in the clear."""
    trust = Trust(folder)
    with (
        socket.create_server((HOST, 0)) as listening,
        SecureFront(folder, trust, listening.getsockname()[1], twist=twist) as front,
        front.client(trust.settings(version=version)) as client,
    ):
        listening.settimeout(PATIENCE)
        backend, _ = listening.accept()
        with backend:
            yield Cost(front.pid), client, backend


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_receiver_that_stops(
    tmp_path: Path, twist: tuple[str, ...], version: ssl.TLSVersion, up: bool, full: bool
) -> None:
    """While the receiver reads nothing the sender is held; once it reads, every byte arrives, and the end."""
    with relayed(tmp_path, twist, version) as (cost, client, backend), ThreadPoolExecutor() as threads:
        source, sink = (client, backend) if up else (backend, client)
        pouring = Pouring(source, 1024 if full else 64)
        before = most = cost.memory()
        sent = threads.submit(pouring.run)
        assert pouring.held.wait(PATIENCE)
        most, summed = max(most, cost.memory()), hashlib.sha256()
        while data := sink.recv(MEBIBYTE):
            summed.update(data)
            most = max(most, cost.memory())
        sink.shutdown(socket.SHUT_WR)
        assert summed.hexdigest() == sent.result()
        assert most - before <= KEPT
