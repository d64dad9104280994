"""What the clients of one listener that speaks TLS share on their way in; refuses to know how they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
from OpenSSL import SSL

from balancer.core.deadlines import Deadlines
from balancer.core.hello import ClientHello
from balancer.core.secured import Secured
from balancer.errors import HandshakesFull
from balancer.net.limits import Refusals
from balancer.net.sessions import Sessions
from balancer.net.tls.verifying import Verdict


class Contexts(Protocol):
    """The settings of OpenSSL for one listener."""

    needs_hello: bool
    """Whether they depend on what the client asks for."""

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        """Those for that client; None for one that was not looked at, or whose hello makes no sense.

        Raises `HandshakeFailed`, above all `ServerNameRefused`.
        """


@attrs.define(eq=False)
class Terminating:
    """How the clients of one listener come to TLS. A handshake has `timeout` seconds, and `most` are under way at once.

    `hint` answers a client that speaks in the clear, from its first bytes, if it is to have an answer. `clock` is the
    reactor. `secured` tells what is known of a connection once its handshake is done, given its hello if that was read.
    """

    contexts: Contexts
    timeout: float
    most: int
    clock: Any
    deadlines: Deadlines
    sessions: Sessions
    refusals: Refusals
    secured: Callable[[SSL.Connection, ClientHello | None], Secured]
    hint: Callable[[bytes], bytes] = lambda _data: b""
    under_way: int = attrs.field(init=False, default=0)

    def full(self) -> HandshakesFull:
        """Why a client is turned away when there is no room for one more."""
        return HandshakesFull(f"{self.most} TLS handshakes are under way")

    def make(self, context: SSL.Context, sock: Any) -> SSL.Connection:
        """Our side of a connection."""
        connection = SSL.Connection(context, sock)
        connection.set_accept_state()
        connection.set_app_data(Verdict())
        return connection
