"""Asks a backend of PostgreSQL for TLS, which begins there in the clear; refuses to know what TLS is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.errors import UpstreamTLSFailed

REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""SSLRequest (PostgreSQL's protocol, 55.7)."""

_YES: Final = b"S"
_NO: Final = b"N"


class Asking(Protocol):
    """One connection until the backend has agreed; then `agreed` is called, or `failed` if it does not.

    What comes behind its answer was not sent by whoever will hold the keys, and is no part of TLS (CVE-2021-23222).
    """

    transport: Any

    def __init__(self, agreed: Callable[[Any], object], failed: Callable[[BaseException], object]) -> None:
        self._agreed, self._failed = agreed, failed

    def connectionMade(self) -> None:
        """The socket is connected."""
        self.transport.write(REQUEST)

    def dataReceived(self, data: bytes) -> None:
        """One byte."""
        if data == _YES:
            self._agreed(self.transport)
        elif data == _NO:
            self._failed(UpstreamTLSFailed("asked for TLS, it said that it has none"))
        elif data.startswith(_YES):
            self._failed(UpstreamTLSFailed("asked for TLS, it sent more than its answer, which may be an attack"))
        else:
            self._failed(UpstreamTLSFailed("asked for TLS, it gave no answer of PostgreSQL's"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection ended before that."""
        self._failed(UpstreamTLSFailed("asked for TLS, it closed the connection"))
