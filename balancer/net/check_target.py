"""The backend under examination: a check's only way to reach it; refuses to know when a check runs and what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.backend import Backend, Place
from balancer.errors import CheckFailed, Shortage
from balancer.interfaces import ICheckTarget, Kind
from balancer.net.datagram_question import ask
from balancer.net.greeting import Greeter, Greeting
from balancer.net.programs import Program
from balancer.net.racing import Awaiting, Racing
from balancer.net.reasons import connect_error
from balancer.net.tls.dialing import Secure
from balancer.net.tls.securer import Awaited, Securer


@implementer(ICheckTarget)
class Target:
    """One backend under examination; knows every connection the check made, so that none outlives it.

    They are made over TLS if it is `secure`. `shortage` is what we were short of ourselves when a connection could not
    be made, if that has happened. It is examined `at` another place, if that is given, or on a `port` of its own hosts.
    """

    def __init__(
        self,
        reactor: Any,
        backend: Backend,
        timeout: float,
        *,
        greeting: bytes = b"",
        datagram_greeting: bytes = b"",
        secure: Secure | None = None,
        kinds: Collection[Kind] = (),
        wall: Callable[[], float] | None = None,
        port: int | None = None,
        at: Backend | None = None,
    ) -> None:
        self.clock, self.backend, self.kinds, self._port = reactor, backend, kinds, port
        self._at = at or backend
        authority = self._at.authority
        self.address = authority if port is None else f"{authority.rpartition(':')[0]}:{port}"
        self.wall: Callable[[], float] = wall or reactor.seconds
        self._timeout, self._secure = timeout, secure
        self._greeting, self._datagram_greeting = greeting, datagram_greeting
        self.shortage = ""
        self._opened: list[_Opened] = []
        self._running: list[Deferred[Any]] = []
        self._over = self._closed = False

    @property
    def private(self) -> bool:
        """See `ICheckTarget.private`."""
        return self._secure is not None or isinstance(self._at.place, str)

    def connect(self, factory: Any) -> Deferred[IProtocol]:
        """See `ICheckTarget.connect`.

        Once the check is over there is no answer at all: an error would spin a check that tries again whatever comes.
        """
        if self._over:
            return Deferred()
        with suppress(AttributeError):
            factory.noisy = False  # two log lines for each check would bury the rest
        secured = factory if self._secure is None else Securer(factory, self._secure)
        greeted = Greeter(secured, self._greeting)
        reached = _Reached()
        racing = Racing(self._at, reached, begin=partial(self._begin, greeted), later=self.clock.callLater)
        reached.deferred = Deferred(lambda _: racing.cancel())
        racing.begin()
        return reached.deferred.addCallbacks(self._made, self._failed)

    def datagram(self, data: bytes) -> Deferred[bytes]:
        """See `ICheckTarget.datagram`."""
        return self._run(lambda: ask(self.clock, self._at, self._datagram_greeting + data, port=self._port))

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Deferred[tuple[int, bytes]]:
        """See `ICheckTarget.run`."""
        return self._run(lambda: Program(self.clock, command, environment).ended)

    def _run(self, begin: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """Begin what is cancelled when the check is over; as with a connection there is no answer after that."""
        if self._over:
            return Deferred()
        try:
            running = begin()
        except OSError:
            running = fail()
        self._running.append(running)
        return running.addErrback(self._failed)

    def _begin(self, factory: Any, place: Place, runner: Awaiting) -> _Knock:
        source = self._at.source
        endpoint: Any
        if isinstance(place, str):
            endpoint = UNIXClientEndpoint(self.clock, place, self._timeout)
        else:
            bound = (source, 0) if source else None
            endpoint = TCP4ClientEndpoint(self.clock, place[0], self._port or place[1], self._timeout, bound)
        return _Knock(endpoint.connect(factory).addCallback(self._stranger), runner)

    def _stranger(self, connected: Greeting) -> Any:
        """A connection, of the check's own protocol behind a greeting and TLS, or what fires with it when TLS does."""
        beyond, socket = connected.protocol, connected.transport
        if not isinstance(beyond, Awaited):
            return _Opened(beyond, socket)
        made = beyond.made.addTimeout(self._timeout, self.clock, lambda _made, _seconds: Failure(TimeoutError()))
        return made.addCallback(_Opened, socket)

    def seal(self) -> None:
        """The check's time is up: it may say good-bye on what it opened, and opens nothing more."""
        self._over = True

    def close(self) -> None:
        """The check is over: nothing it opened stays open, but what it has closed itself may say good-bye."""
        self._over = self._closed = True
        for opened in self._opened:
            if not getattr(opened.transport, "disconnecting", False):
                opened.transport.abortConnection()
        for running in self._running:
            running.cancel()
            running.addErrback(lambda _: None)  # of one that nobody waited for

    def abort(self) -> None:
        """Time is up for good-byes, too."""
        self.close()
        for opened in self._opened:
            opened.transport.abortConnection()

    def _made(self, opened: _Opened) -> Any:
        self._opened.append(opened)
        if self._closed:
            self.close()
        return opened.protocol

    def _failed(self, failure: Failure) -> Failure:
        if failure.check(CancelledError) is not None:
            return failure
        error = connect_error(self._at, failure.value or Exception())
        evidence = self.address + str(error).removeprefix(self._at.address)
        if isinstance(error, Shortage):
            self.shortage = evidence
        return Failure(CheckFailed(evidence))


class _Opened:
    """A connection that stands, with its socket, since a stranger's protocol need not keep its transport."""

    def __init__(self, protocol: Any, socket: Any) -> None:
        self.protocol, self._socket = protocol, socket

    @property
    def transport(self) -> Any:
        """Where it can be ended."""
        return getattr(self.protocol, "transport", None) or self._socket


class _Knock:
    """One connection of a check being made: `net.racing.Attempt`."""

    def __init__(self, connecting: Deferred[Any], runner: Awaiting) -> None:
        self.cancel = connecting.cancel
        connecting.addCallbacks(runner.stands, lambda failure: runner.failed(failure.value))


class _Reached:
    """Tells a Deferred what came of a race: `net.racing.Awaiting`."""

    deferred: Deferred[Any]

    def stands(self, protocol: Any) -> None:
        """The connection stands."""
        self.deferred.callback(protocol)

    def failed(self, reason: BaseException) -> None:
        """It could not be made."""
        self.deferred.errback(Failure(reason))
