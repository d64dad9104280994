"""Connections to backends: one attempt, and attempts on one backend after another until one stands.

Nothing here waits in a coroutine: a connection is a few calls, and each session makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import attrs
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from balancer.core.backend import Backend, Place
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.pool import Lease, Pool, Wait
from balancer.core.session import Session
from balancer.errors import BalancerError, DownstreamGone, NoBackend, PoolFull
from balancer.interfaces import Phase
from balancer.net.greeting import Greeting
from balancer.net.peers import Peer
from balancer.net.racing import Attempt, Awaiting, Racing
from balancer.net.reasons import connect_error
from balancer.net.tls.dialing import Below, Securing


class Dialed(Peer):
    """Our end of a connection that we make, to `place`; tells whoever dialled when it stands."""

    dialing: Awaiting | None = None
    place: Place | None = None
    secure: Any = None
    """What has made it over TLS, if it was: its backend's `secure` of that time."""

    def connectionMade(self) -> None:
        """The socket is connected."""
        super().connectionMade()
        dialing, self.dialing = self.dialing, None
        if dialing is not None:
            dialing.stands(self)


class TwistedAttempt(ClientFactory):
    """An attempt by way of `connectTCP` or `connectUNIX`, on any reactor."""

    noisy = False

    def __init__(self, protocol: Any, failed: Callable[[BaseException], None]) -> None:
        self._protocol, self._failed = protocol, failed
        self._connector: IConnector | None = None

    def startedConnecting(self, connector: IConnector) -> None:
        """Twisted has begun."""
        self._connector = connector

    def buildProtocol(self, _address: IAddress | None) -> Any:
        """The socket is connected."""
        return self._protocol

    def clientConnectionFailed(self, _connector: IConnector, reason: Failure) -> None:
        """The socket could not be connected."""
        self._failed(reason.value or ConnectionError())

    def cancel(self) -> None:
        """See `Attempt.cancel`."""
        self._failed = lambda _reason: None
        if self._connector is not None:
            self._connector.stopConnecting()


def connect(
    reactor: Any, place: Place, protocol: Any, failed: Callable[[BaseException], None], *, source: str = ""
) -> Attempt | None:
    """Begin to connect a protocol to a place: host and port, or a unix path. `failed` may be called at once.

    Without a `source` the system chooses our address. A reactor that has `connect_directly` has a shorter way than
    Twisted's, for addresses.
    """
    if hasattr(reactor, "connect_directly") and not isinstance(place, str):
        try:
            direct: Attempt | None = reactor.connect_directly(place, protocol, failed, source)
        except OSError as error:
            failed(error)
            return None
        if direct is not None:
            return direct
    attempt = TwistedAttempt(protocol, failed)
    if isinstance(place, str):
        reactor.connectUNIX(place, attempt, None)
    else:
        reactor.connectTCP(place[0], place[1], attempt, None, bindAddress=(source, 0) if source else None)
    return attempt


def reach(
    reactor: Any,
    backend: Backend,
    place: Place,
    protocol: Dialed,
    failed: Callable[[BaseException], None],
    *,
    greeting: bytes = b"",
) -> Attempt | None:
    """Begin to connect to a place of a backend as that one wants it: first greeted in the clear, then over TLS.

    `failed` may be called at once.
    """
    secure = protocol.secure = backend.secure
    if secure is None:
        opening: Any = Greeting(protocol, greeting) if greeting else protocol
        return connect(reactor, place, opening, failed, source=backend.source)
    securing: Securing = secure.attempt(protocol, failed)
    opening = Greeting(Below(securing), greeting) if greeting else Below(securing)
    securing.waits_for(connect(reactor, place, opening, securing.fail, source=backend.source))
    return securing if securing.pending else None


AnyDialed = TypeVar("AnyDialed", bound=Dialed)
AnyDialed_contra = TypeVar("AnyDialed_contra", bound=Dialed, contravariant=True)


class Caller(Protocol[AnyDialed_contra]):
    """Who wants the connection."""

    def dialed(self, protocol: AnyDialed_contra, lease: Lease) -> None:
        """The connection stands."""

    def waits(self) -> None:
        """Every backend is full: it may take a while, in which it is good to know of a client that leaves."""

    def not_dialed(self, error: BalancerError) -> None:
        """None is to be had: the last `ConnectFailed`, or `NoBackend` or `PolicyFailed` when none could be tried.

        Of `NoBackend`, `PoolFull` says that too many wait already, and `QueueTimeout` that it waited in vain.
        """


@attrs.frozen
class Dialer(Generic[AnyDialed]):
    """How to connect to the backends of one pool: at most `attempts` times `connect_timeout` seconds.

    `kept` gives a connection that stands already, if there is one that may be used.
    """

    reactor: Any
    pool: Pool
    build: Callable[[], AnyDialed]
    deadlines: Deadlines
    connect_timeout: float
    attempts: int
    kept: Callable[[Backend], AnyDialed | None] | None = None

    def race(self, backend: Backend, awaiting: Awaiting, greeting: bytes = b"") -> Attempt:
        """Begin to connect to whichever of its places stands first; who waits may be told what came of it at once."""

        def begin(place: Place, runner: Awaiting) -> Attempt | None:
            protocol = self.build()
            protocol.place, protocol.dialing = place, runner
            return reach(self.reactor, backend, place, protocol, runner.failed, greeting=greeting)

        racing = Racing(backend, awaiting, begin=begin, later=self.reactor.callLater)
        racing.begin()
        return racing

    def dial(
        self,
        session: Session,
        caller: Caller[AnyDialed],
        lease: Lease | None = None,
        *,
        attempts: int | None = None,
        greeting: bytes = b"",
    ) -> Dialing[AnyDialed]:
        """Connect the session to one backend after another, beginning with the one leased, if any.

        The last attempt is that of the number `attempts`, if it is given. A new connection begins with the `greeting`,
        in the clear. The caller may be called before this returns.
        """
        dialing = Dialing(self, session, caller, attempts or self.attempts, greeting)
        dialing.start(lease)
        return dialing


class Dialing(Generic[AnyDialed]):
    """One session on its way to a backend, of the `lease`: `core.pool.Seeker` while it waits for one that has room."""

    __slots__ = ("_attempt", "_caller", "_deadline", "_dialer", "_failure", "_greeting", "_last", "_session", "lease")

    def __init__(
        self, dialer: Dialer[AnyDialed], session: Session, caller: Caller[AnyDialed], attempts: int, greeting: bytes
    ) -> None:
        self._dialer, self._session, self._greeting = dialer, session, greeting
        self._caller: Caller[AnyDialed] | None = caller
        self._last = max(session.attempt, attempts)
        self.lease: Lease | None = None
        self._attempt: Attempt | Wait | None = None
        self._failure: BalancerError | None = None
        self._deadline: Deadline | None = None

    def start(self, lease: Lease | None) -> None:
        """The first attempt."""
        if lease is None:
            self._next()
        else:
            self._connect(lease)

    def stands(self, protocol: AnyDialed) -> None:
        """The connection stands; one that nobody waits for any more is cut."""
        self._stop_waiting()
        caller, self._caller = self._caller, None
        if caller is None or self.lease is None:
            protocol.abort()
        else:
            caller.dialed(protocol, self.lease)

    def cancel(self, error: BalancerError | None = None) -> None:
        """It is no longer wanted, since the client has left if there is no error that says why.

        Nothing stays open, no lease stays out, and the caller is not called. Allowed any number of times.
        """
        self._caller = None
        self._give_up(error or DownstreamGone("the client left while its backend was connected to"))

    def served(self, lease: Lease) -> None:
        """The wait is over: a backend has room."""
        self._attempt = None
        self._connect(lease)

    def not_served(self, error: BalancerError) -> None:
        """The wait was in vain."""
        self._attempt = None
        self._refuse(error)

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """If it is on its way to that backend, go on to another: that one is not to be used."""
        if self.lease is not None and self.lease.backend is backend:
            self._abandon(error)

    def _connect(self, lease: Lease) -> None:
        dialer, backend = self._dialer, lease.backend
        self.lease = lease
        kept = None if dialer.kept is None else dialer.kept(backend)
        if kept is not None:
            self.stands(kept)
            return
        if len(backend.places) == 1:
            (place,) = backend.places
            protocol = dialer.build()
            protocol.place, protocol.dialing = place, self
            attempt = reach(dialer.reactor, backend, place, protocol, self.failed, greeting=self._greeting)
        else:
            attempt = dialer.race(backend, self, self._greeting)
        if self.lease is lease and self._caller is not None:
            self._attempt = attempt
            self._deadline = dialer.deadlines.after(dialer.connect_timeout, self._abandon)

    def failed(self, reason: BaseException) -> None:
        """This attempt came to nothing; try another backend, or say so."""
        lease = self.lease
        if lease is None or self._caller is None:
            return
        error = connect_error(lease.backend, reason)
        self._attempt, self._failure = None, error
        self._give_up(error)
        session = self._session
        session.tried_on(lease.backend)
        if session.attempt < self._last:
            session.again(error.reason)
            self._next()
        else:
            self._refuse(error)

    def _abandon(self, reason: BaseException | None = None) -> None:
        """Wait no longer for this attempt, for that reason or because its time is up."""
        if self._attempt is not None:
            self._attempt.cancel()
        self.failed(reason or TimeoutError())

    def _next(self) -> None:
        """Another backend, as soon as one has room."""
        self._session.at(self._dialer.reactor.seconds())
        try:
            lease = self._dialer.pool.pick(self._session)
        except PoolFull:
            self._wait()
        except BalancerError as error:
            self._refuse(error)
        else:
            self._connect(lease)

    def _wait(self) -> None:
        try:
            self._attempt = self._dialer.pool.wait(self._session, self)
        except PoolFull as error:
            self._refuse(error)
        else:
            if self._caller is not None:
                self._caller.waits()

    def _refuse(self, error: BalancerError) -> None:
        """Say so; when there is no backend left, the failure to connect to the last one says more than that."""
        caller, self._caller = self._caller, None
        if isinstance(error, NoBackend) and self._failure is not None:
            self._session.not_again()
            error = self._failure
        if caller is not None:
            caller.not_dialed(error)

    def _stop_waiting(self) -> Attempt | Wait | None:
        """Nothing is under way any more; what was, if anything, is the caller's to cancel."""
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()
        attempt, self._attempt = self._attempt, None
        return attempt

    def _give_up(self, error: BalancerError) -> None:
        """End the attempt or the wait under way, and give the backend back."""
        attempt = self._stop_waiting()
        lease, self.lease = self.lease, None
        if attempt is not None:
            attempt.cancel()
        if lease is not None:
            lease.end(Phase.CONNECT, error=error)
