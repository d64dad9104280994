"""In front of a listener: reads the PROXY header with which a listed source opens a connection, then steps aside.

Refuses to know what is served behind it: that protocol begins once the header is in, as if the connection began there.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import attrs
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.core.faults import Tally
from balancer.core.proxy_protocol import ProxyHeader, ProxyReader
from balancer.core.sources import Sources
from balancer.errors import BalancerError, ProxyHeaderInvalid, ProxyHeaderLate, ProxySourceUnlisted
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions

UNIX: Final = "a unix socket"


@attrs.frozen(eq=False)
class Gate:
    """Who must open a connection with a header, and what the connections that wait for one share.

    A listed source has `timeout` seconds for it. If `required`, all others are turned away; if not, their bytes are
    data, as are those of a listed source that begin no header. `refusals` counts who was turned away, by reason.
    """

    sources: Sources
    required: bool
    timeout: float
    deadlines: Deadlines
    sessions: Sessions
    refusals: Tally

    def refused(self, error: BalancerError, host: str) -> None:
        """A connection was turned away."""
        self.refusals.note(error.reason, f"connection from {host or UNIX} turned away: {error}")


class Inner(Protocol):
    """Makes the protocol that serves; None when there is no room for it."""

    def buildProtocol(self, _address: IAddress | None) -> Peer | None:
        """See `twisted.internet.interfaces.IProtocolFactory`."""


class GateFactory(Factory):
    """Makes the protocols of a listener that expects headers."""

    noisy = False

    def __init__(self, gate: Gate, inner: Inner) -> None:
        self.gate, self.inner = gate, inner

    def buildProtocol(self, address: IAddress | None) -> TwistedProtocol | None:
        """Somebody has connected; who may not come in is closed at once."""
        protocol = self.inner.buildProtocol(address)
        host: str = getattr(address, "host", "")
        if protocol is None:
            return None
        if host in self.gate.sources:
            return Entering(self.gate, protocol, host)
        if self.gate.required:
            self.gate.refused(ProxySourceUnlisted("it is not a listed source of PROXY headers"), host)
            return None
        return protocol


class Entering(TwistedProtocol):
    """One connection until its header is in: a `net.sessions.Living` that has nothing to finish."""

    transport: Any

    def __init__(self, gate: Gate, inner: Peer, host: str) -> None:
        self._gate, self._inner, self._host = gate, inner, host
        self._reader = ProxyReader(optional=not gate.required)

    def connectionMade(self) -> None:
        """A listed source has connected."""
        self._gate.sessions.add(self)
        self._deadline = self._gate.deadlines.after(self._gate.timeout, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the header, and perhaps some behind it."""
        try:
            read = self._reader.receive(data)
        except ProxyHeaderInvalid as error:
            self._refuse(error)
        else:
            if read is not None:
                self._step_aside(*read)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed, with no header."""
        self._deadline.cancel()
        self._gate.sessions.discard(self)

    def drain(self) -> None:
        """Nothing has begun."""
        self.transport.abortConnection()

    def end(self, _error: BalancerError) -> None:
        """End now."""
        self.transport.abortConnection()

    def _step_aside(self, header: ProxyHeader | None, rest: bytes) -> None:
        self._deadline.cancel()
        self._gate.sessions.withdraw(self)
        if header is not None:
            self._inner.header = header
        self.transport.protocol = self._inner
        serve: Any = self._inner
        serve.makeConnection(self.transport)
        if rest:
            self.transport.protocol.dataReceived(rest)  # the inner one may have stepped aside, too

    def _too_late(self) -> None:
        self._refuse(ProxyHeaderLate(f"no whole PROXY header within {self._gate.timeout:g} s"))

    def _refuse(self, error: BalancerError) -> None:
        self._gate.refused(error, self._host)
        self.transport.abortConnection()
