"""Bulk that takes as long as its receiver wishes; knows nothing of what is between the two."""

from __future__ import annotations

import hashlib
import socket
import ssl
from random import Random
from threading import Event

from tests.system.programs import PATIENCE

MEBIBYTE = 1 << 20
STALL = 0.5
"""Seconds after which a sender that can send nothing is taken to be held."""


class Pouring:
    """Sends so many MiB, no two alike, however long it takes; `held` tells that the peer takes no more for now."""

    def __init__(self, sock: socket.socket, mebibytes: int) -> None:
        self.held = Event()
        self._sock, self._mebibytes = sock, mebibytes
        self._sock.settimeout(STALL)

    def run(self) -> str:
        """Send all, and end in order, over TLS once the peer does too; return the checksum."""
        block, summed = Random(2).randbytes(MEBIBYTE), hashlib.sha256()
        for number in range(self._mebibytes):
            data = number.to_bytes(8, "big") + block[8:]
            summed.update(data)
            self._send(memoryview(data))
        self._end()
        return summed.hexdigest()

    def _end(self) -> None:
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(PATIENCE)
            self._sock = self._sock.unwrap()
        self._sock.close()

    def _send(self, rest: memoryview) -> None:
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError:
                self.held.set()
