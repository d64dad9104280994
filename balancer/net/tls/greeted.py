"""The first bytes of a client that should speak TLS: looked at before OpenSSL sees any.

They tell whether a handshake begins at all, and which certificate is asked for. Refuses to do the handshake.
"""

from __future__ import annotations

from socket import MSG_PEEK, SO_RCVLOWAT, SOL_SOCKET
from typing import Any, Final, cast

from OpenSSL import SSL
from twisted.internet import main

from balancer.core.hello import HANDSHAKE, HELLO_LIMIT, NAME_UNKNOWN, ClientHello, next_look, read_client_hello
from balancer.errors import BalancerError, HandshakeFailed, HandshakeLate, NotTLS, ServerNameRefused
from balancer.interfaces import MORE
from balancer.net.peers import Peer
from balancer.net.sessions import Unplaced
from balancer.net.tls.terminating import Terminating
from balancer.net.transports import TCPServer

ENOUGH: Final = 64
"""First bytes that tell what comes, where nothing depends on the name that is asked for."""

LOOKS: Final = 256
"""Times that a hello is looked at which comes in pieces. Each look begins anew."""

LINGER: Final = 2.0
"""Seconds of reading and dropping what a client still sends that was told of its mistake."""


class Greeted(Peer, Unplaced):
    """One connection until its first bytes have told what it wants: a `net.sessions.Living`.

    On a socket of ours they are only peeked at, so that OpenSSL can read them there. On other transports, and where
    somebody has read some already, they are handed over, and kept for it.
    """

    _early = b""
    _peeked = _wanted = _looks = 0
    _closing = False
    _hello: ClientHello | None = None

    def __init__(self, terminating: Terminating, inner: Peer) -> None:
        self._terminating, self._inner = terminating, inner

    def connectionMade(self) -> None:
        """A client has connected. It writes nothing yet, and so is no producer."""
        terminating = self._terminating
        terminating.sessions.add(self)
        terminating.under_way += 1
        self._deadline = terminating.deadlines.after(terminating.timeout, self._late)
        self.began = terminating.deadlines.now
        if type(self.transport) is TCPServer:
            cast(Any, self.transport).doRead = self._peek
        if terminating.under_way > terminating.most:  # he came in before there were so many
            self._refuse(terminating.full())

    def dataReceived(self, data: bytes) -> None:
        """Bytes that were read; once we close they are dropped."""
        if not self._closing:
            self._leave_socket()
            self._early += data
            if len(self._early) >= self._wanted:
                self._judge(self._early)

    def _peek(self) -> Any:
        """There is something to read, or the end. If it is no more than the last time, the end is behind it."""
        sock = self.transport.socket
        try:
            data = sock.recv(HELLO_LIMIT if self._terminating.contexts.needs_hello else ENOUGH, MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if len(data) <= self._peeked:
            return main.CONNECTION_DONE
        self._peeked = len(data)
        self._judge(data)
        return None

    def _judge(self, data: bytes) -> None:
        """Begin the handshake, refuse it, or wait for more to tell by."""
        if data[:1] != HANDSHAKE:
            self._mistaken(data)
        elif not self._terminating.contexts.needs_hello:
            self._choose(None)
        else:
            found = read_client_hello(data)
            if found is not MORE:
                self._choose(found)
            elif self._looks < LOOKS:
                self._looks += 1
                self._wait_for(min(next_look(data), HELLO_LIMIT))
            else:
                self._refuse(HandshakeFailed("its hello comes in too many pieces"))

    def _wait_for(self, size: int) -> None:
        """Look again at so many bytes, and not before: of those only peeked at the reactor would tell for ever."""
        self._wanted = size
        if self._peeked:
            self.transport.socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, size)

    def _leave_socket(self) -> None:
        """Peek no more: who reads from now on takes what he reads."""
        if "doRead" in vars(self.transport):
            del self.transport.doRead
            if self._wanted:
                self.transport.socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, 1)

    def _mistaken(self, data: bytes) -> None:
        """The client does not speak TLS: tell it so in its own language, if it has one."""
        self._leave_socket()
        self._note(NotTLS("its first bytes begin no TLS handshake"))
        self._last_word(self._terminating.hint(data))

    def _choose(self, hello: ClientHello | None) -> None:
        self._hello = hello
        try:
            context = self._terminating.contexts.choose(hello)
        except ServerNameRefused as error:
            self._leave_socket()
            self._note(error)
            self._last_word(NAME_UNKNOWN)
        except HandshakeFailed as error:
            self._refuse(error)
        else:
            self._begin(context)

    def _last_word(self, data: bytes) -> None:
        """Close behind it; what the client still sends is read and dropped, or a reset might overtake the answer."""
        self._closing = True
        self.transport.write(data)
        self.bound(self._terminating.deadlines, LINGER)
        self.finish()

    def _late(self) -> None:
        if self._closing:  # he was told why, and counted
            self.abort()
        else:
            self._refuse(HandshakeLate(f"no TLS handshake within {self._terminating.timeout:g} s"))

    def _refuse(self, error: BalancerError) -> None:
        self._closing = True
        self._note(error)
        self.abort()

    def _note(self, error: BalancerError) -> None:
        self._terminating.refusals.turned_away(error, self.address[0])

    def _begin(self, context: SSL.Context) -> None:
        """See `Handshaking`."""
