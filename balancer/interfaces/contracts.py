"""Every interface of zope's that a plugin implements or is given; refuses to know what is done with an answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

from balancer.interfaces.values import Found, Kind, Reply, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime

    from balancer.core.messages import RequestHead, ResponseHead
    from balancer.core.proxy_protocol import ProxyHeader


class IBackend(Interface):
    """One server, as a policy sees it: a view to read. The engine counts; the policy only looks.

    To assign to it raises `ReadOnly`, an `AttributeError`. What an algorithm notes of a backend it keeps itself.
    """

    name: str = Attribute("The name given in the config, else the address as written; unique in its pool.")
    address: str = Attribute("Where it is, as written in the config.")
    weight: float = Attribute("Its share relative to the others, above 0; health checks scale it, operators change it.")
    zone: str = Attribute("Where it stands, or an empty string.")
    tags: frozenset[str] = Attribute("Labels, from the config and from health checks.")
    tier: int = Attribute("0 is used first; a higher tier only when the lower ones cannot serve.")
    active: int = Attribute("Sessions that are on it now, counted from the pick.")
    latency: float | None = Attribute("Peak EWMA of `Outcome.first_byte` in seconds, decayed to now, or None.")
    signals: Mapping[str, float] = Attribute("Numbers the backend reports of itself, if collected.")
    state: str = Attribute("'up', 'down', 'ejected' (its sessions fail) or 'draining'.")


class ICertificate(Interface):
    """The certificate with which a client came over TLS. Only of one that is `verified` more is true than its key."""

    subject: str = Attribute("Its distinguished name (RFC 4514), such as 'CN=billing,O=Example'.")
    common_name: str = Attribute("The common name in that; empty without one.")
    issuer: str = Attribute("The distinguished name of who signed it.")
    serial: str = Attribute("Its number with the issuer, hexadecimal in lower case.")
    names: tuple[str, ...] = Attribute(
        "The alternative names, each with its kind: 'DNS:a.example', 'URI:spiffe://a/b', 'email:a@b', 'IP:192.0.2.1'."
    )
    fingerprint: str = Attribute("SHA-256 of all of it, hexadecimal in lower case.")
    not_before: float = Attribute("When it begins to hold, in seconds since 1970.")
    not_after: float = Attribute("When it ceases to.")
    verified: bool = Attribute("Whether it holds and was signed by whom the listener believes.")
    error: str = Attribute("Why it was not verified; empty if it was.")
    encoded: bytes = Attribute("All of it, in DER.")
    chain: tuple[bytes, ...] = Attribute(
        "Those by which it was verified, in DER: the first signed it, and the trusted one at the end is left out; "
        "empty where a TLS session was resumed."
    )


class ISession(Interface):
    """All that a decision may depend on, for one session or one attempt of it. To assign to it raises `ReadOnly`."""

    now: float = Attribute("Monotonic seconds when the decision is made.")
    kind: Kind = Attribute("TCP connection, UDP flow or HTTP request.")
    client: tuple[str, int] = Attribute(
        "The client's address and port, by what a PROXY header or a trusted proxy tells; ('', 0) over a unix socket."
    )
    server_name: str | None = Attribute("The TLS server name the client asked for, in lower case.")
    alpn: str | None = Attribute("The protocol agreed by ALPN; of a TLS hello that passes through, the one preferred.")
    tls: bool = Attribute("Whether the client's side is encrypted and terminated here.")
    tls_version: str | None = Attribute("The version of that TLS, such as 'TLSv1.3'.")
    tls_expires: float | None = Attribute("When the certificate ends that the client was shown, seconds since 1970.")
    cipher: str | None = Attribute("The cipher of that TLS, as OpenSSL calls it.")
    certificate: ICertificate | None = Attribute("The certificate that the client showed, verified or not.")
    request: RequestHead | None = Attribute("The HTTP request head; None at layer 4.")
    peek: bytes = Attribute("The leading bytes that a matcher asked for, as far as they have come; a datagram, whole.")
    captures: Mapping[str, str] = Attribute("What the route's matcher captured.")
    proxy: ProxyHeader = Attribute("The PROXY header that opened the connection; one that tells nothing without it.")
    attempt: int = Attribute("1 for the first try.")
    tried: Collection[Any] = Attribute("The backends that already failed or refused this session.")


Picker = Callable[[Any], "Any | None"]
"""Chooses for one snapshot: `(session) -> backend or None`, synchronous, without I/O and without logging.

A picker may also have `released(backend, outcome)`, called exactly once for every backend it chose;
`requested(session, backend, head) -> head` for what a backend is asked in HTTP, and `responded(session, backend, head)
-> head` for its answers; `explain(session) -> [(backend, score, note)]`. That of a keeper may also have
`belongs(session, backend) -> bool`: the pool lets sessions have a backend of their own although it gets nothing new,
or is starting slowly; and with `waits = True` they wait for room on it while it is full.
"""


class IAlgorithm(Interface):
    """A balancing policy: compiles one snapshot of backends into a picker."""

    name: str = Attribute("What explanations and logs call it.")

    def picker(backends: Sequence[IBackend], random: Random) -> Picker | Generator[None, None, Picker]:
        """Return a picker for exactly these backends, at least one, all eligible.

        Pure: what it remembers lives in the picker. A generator yields between slices of long work (1 ms or less)
        and returns the picker; the old one serves meanwhile. Draw chance from `random` alone.

        An algorithm may also have `keeper() -> IKeeper`, for what is to be remembered longer than a picker lives;
        `signals`, the names of those in `IBackend.signals` that it goes by: only these are collected; and `kinds`,
        those of the sessions that it can tell apart: in a pool that has no such ones it is a mistake. `balancer check`
        warns of `zones` that no backend is in.
        """


class IKeeper(Interface):
    """What an algorithm keeps for one pool, which asks it for pickers in place of the algorithm as long as it lives."""

    def picker(
        backends: Sequence[IBackend], others: Sequence[IBackend], random: Random
    ) -> Picker | Generator[None, None, Picker]:
        """As `IAlgorithm.picker`; `backends` may be none, and `others` are all others of the pool, up or not.

        The picker may choose one of those, 'up' or 'draining', for a session that `belongs` there.

        A keeper may also have `still() -> IKeeper`: one that knows the same and learns nothing, to explain choices by.
        """


class ICheckTarget(Interface):
    """The backend under examination, and the only way a health check reaches it."""

    backend: IBackend = Attribute("The backend.")
    address: str = Attribute("host:port or a path, without a scheme: for evidence and, if not a path, a Host field.")
    clock: IReactorTime = Attribute("The clock to take times from.")
    kinds: Collection[Kind] = Attribute("The kinds of listener that use the pool.")
    private: bool = Attribute("Whether connections are over TLS or a unix socket, so that they can carry a password.")

    def connect(factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect as the pool would (address, time-out, PROXY, TLS); closed for you as the check ends or is cancelled.

        One that the check has closed itself, with `loseConnection`, has until the next check to say what it was given.
        Fails with `CheckFailed` when the connection cannot be made.
        """

    def wall() -> float:
        """Seconds since 1970."""

    def datagram(data: bytes) -> Deferred[bytes]:
        """Send a datagram to the backend; fires with the first one that comes back, from its address and port alone.

        Fails with `CheckFailed` when it cannot be sent, or nobody listens there.
        """

    def run(command: Sequence[str], environment: Mapping[str, str]) -> Deferred[tuple[int, bytes]]:
        """Run a program, without a shell, in no environment but that; it is found by the `PATH` of the balancer.

        Fires with its exit status, or the number of the signal that ended it below zero, and the first 4096 bytes that
        it said on either output. It is killed, with all that it started, as the check ends or is cancelled; cancelled,
        it tells what it has said. Fails with `CheckFailed` when it cannot be run.
        """


class IHealthCheck(Interface):
    """One probe of one backend. When to run it and how often it must agree is the pool's business.

    May also have `plain`: True when it speaks TLS itself, so that what it speaks it on must be in the clear; and
    `programs`: the names of those it runs, so that `balancer check` can warn if there is one that is not there.
    """

    protocols: Collection[Kind] = Attribute("The kinds of pool it can probe.")

    def check(target: ICheckTarget) -> Awaitable[Report | None]:
        """Return a Deferred or a coroutine: None or a `Report` when healthy, `CheckFailed` raised when not.

        Ends when the pool cancels it, after the time-out, and leaves nothing open. Until it ends, every interval fails.
        """


class ISignalSource(Interface):
    """Where numbers come from that backends report of themselves, for algorithms that declare `signals`.

    It has at least one of three ways to bring them. `collect(target) -> Awaitable[Mapping[str, float]]` is asked for
    each backend every `every` seconds, within `timeout`; it reaches the backend through the `ICheckTarget` alone, on
    another `port` if it has one, and raises `CheckFailed` when there is nothing to be had. `answered(head) ->
    Mapping[str, float]` is told the heads of HTTP answers that have one of its `fields` (names in lower case), which
    clients do not get to see. With `reported = True` what health checks and agents put into `Report.signals` is taken.
    """

    names: Collection[str] = Attribute("The signals it brings; what it tells beside those is left out.")
    expire: float = Attribute("Seconds for which a number counts.")
    protocols: Collection[Kind] = Attribute("The kinds of pool it can serve.")


class IMatcher(Interface):
    """A predicate on a session; routes are chosen by it.

    `hosts` and `prefixes` bound what it can match. They let a listener with many routes look up the few to ask: about
    a request beyond them it may never be asked.
    """

    peek: int = Attribute("Optional: the most leading bytes it may need to see; absent means none.")
    always: bool = Attribute("Optional: True when it matches every session.")
    kinds: Collection[Kind] = Attribute("Optional: the kinds of session it can match; absent means all.")
    hosts: frozenset[str] | None = Attribute(
        "Optional: the only hosts it can match, as `RequestHead.host` gives them, or `*.` and what follows the first "
        "label; absent or None means any, with or without a request."
    )
    prefixes: tuple[str, ...] | None = Attribute(
        "Optional: the only paths it can match, each with all below it by whole segments; absent or None means any."
    )
    captures: Collection[str] | None = Attribute("Optional: all names it may capture; absent or None means any.")

    def matches(session: ISession) -> Found:
        """Return False, True, captures by name, or `MORE`. Pure, and never raises for what a client sent."""


class IFlowKey(Interface):
    """Tells which datagrams belong together, whatever address they come from: they go to the same backend.

    Pure, like a matcher. A name is 1 to 255 bytes, is known while a flow that has it lives, and a flow has at most 8.
    May also have `learn(datagram)`: the names that a backend's datagram gives to its flow, as a list, tuple or set;
    `backend(datagram)`: the name of the backend that a client's datagram itself says it is for, or None, asked while
    its own name is not known; and `backends`: all names that this may answer, so that wrong ones are told.
    """

    def key(datagram: bytes) -> bytes | None:
        """The name that a client's datagram gives itself, or None. Must not raise for what a client sent."""


class IFilter(Interface):
    """Changes heads in passing, or answers itself. A function of a request's head and session is one, too.

    May also have `body(head, session, direction)`, which is asked once for each body, when its head has passed all
    filters: None leaves the body alone, and an `IBodyTransform` of its own rewrites it. What has no body is not asked
    about: a request without one, an answer to HEAD, a 204, a 304.

    May also have `answers`: True when it may answer requests itself, so that a route with it needs no pool; and
    `captures`: the names of what it needs captured by the matcher of its route. With `schemes = {"https"}` it is for
    requests over TLS alone, and `balancer check` warns where none come.
    """

    def request(head: RequestHead, session: ISession) -> RequestHead | Reply | Awaitable[RequestHead | Reply]:
        """Return the head to send on (the same one, or a changed copy), or a `Reply`; or a Deferred or coroutine of it.

        What takes its time has the listener's `filter_timeout`, and is cancelled after it and when the client leaves.
        """

    def response(head: ResponseHead, session: ISession) -> ResponseHead | Reply:
        """Return the head to send to the client, or a `Reply` in place of the whole answer; at once."""


class IBodyTransform(Interface):
    """Rewrites one body as it streams; its result does not depend on how the body was cut."""

    def feed(data: bytes) -> bytes:
        """Take the next bytes; return what can go on."""

    def finish() -> bytes:
        """The body is complete; return what was still held back. Not called for a body that breaks off."""


class IAlgorithmPlugin(Interface):
    """Marks a class (with `@provider`) whose instances provide `IAlgorithm`, so that it can be listed."""


class IHealthCheckPlugin(Interface):
    """Marks a class whose instances provide `IHealthCheck`, so that it can be listed."""


class ISignalSourcePlugin(Interface):
    """Marks a class whose instances provide `ISignalSource`, so that it can be listed."""


class IMatcherPlugin(Interface):
    """Marks a class whose instances provide `IMatcher`, so that it can be listed."""


class IFlowKeyPlugin(Interface):
    """Marks a class whose instances provide `IFlowKey`, so that it can be listed."""


class IFilterPlugin(Interface):
    """Marks a class whose instances provide `IFilter`, so that it can be listed."""
