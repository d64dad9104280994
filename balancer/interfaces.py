"""The plugin author's whole contract: every interface a stranger implements, and the values that cross it.

Algorithms, health checks, matchers and filters are plain objects that provide one of these interfaces. They are
settings as much as code: one object may serve many pools and routes at once, so it must not change once it is made.
This module knows nothing of sockets, of Twisted at run time or of what the balancer does with an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
from zope.interface import Attribute, Interface, implementer

from balancer.errors import BalancerError, Side
from balancer.errors import CheckFailed as CheckFailed  # noqa: PLC0414  what checks raise belongs to their contract

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime

    from balancer.core.messages import RequestHead, ResponseHead


class Kind(Enum):
    """What a session is: one TCP connection, one UDP flow or one HTTP request."""

    TCP = "tcp"
    UDP = "udp"
    HTTP = "http"


class Phase(Enum):
    """How far a session had come when it ended."""

    PICK = "pick"
    CONNECT = "connect"
    REQUEST = "request"
    RESPONSE = "response"
    DATA = "data"
    DONE = "done"


class More(Enum):
    """The type of `MORE`."""

    MORE = "more"


MORE: Final = More.MORE
"""A matcher's third answer: the bytes peeked so far do not tell yet."""

Found = bool | Mapping[str, str] | Literal[More.MORE]
"""What a matcher answers: False, True or captures by name (True counts as none), or `MORE`."""


@attrs.frozen
class Report:
    """What a health check learned beside "healthy"; whatever is None stays as it was.

    `weight` multiplies the configured weight (0 to 1 takes load away, 0 takes all), `tags` replace the tags the
    check set before, `detail` is evidence in one line. Raises `ValueError` for what cannot be used so.
    """

    weight: float | None = None
    tags: frozenset[str] | set[str] | None = None
    detail: str = attrs.field(default="", converter=str)

    def __attrs_post_init__(self) -> None:
        weight, tags = self.weight, self.tags
        if weight is not None and not (isinstance(weight, int | float) and 0 <= weight <= sys.float_info.max):
            raise ValueError(f"Report: weight: {weight!r} is not a finite number from 0 up; give 0.5 for half the load")
        if tags is not None and not (isinstance(tags, set | frozenset) and all(isinstance(tag, str) for tag in tags)):
            raise ValueError(f"Report: tags: {tags!r} is not a set of texts; give {{'primary'}}")


@attrs.frozen
class Outcome:
    """How a session on a backend ended; the only way a picker learns anything.

    `now` is monotonic seconds, `duration` the seconds since the pick, `first_byte` the seconds from the pick to the
    backend's first byte (HTTP: final response head) or None, `status` an HTTP status or None. `error` is None when
    the session ended well; `side` says who ended it otherwise, and `phase` how far it had come.
    """

    now: float
    duration: float
    first_byte: float | None = None
    phase: Phase = Phase.DONE
    side: Side | None = None
    status: int | None = None
    error: BalancerError | None = None


@attrs.frozen
class Reply:
    """An HTTP answer of a filter's own, which ends the matter: the pool is not asked.

    Raises `ValueError` when `status` is not a final status (200 to 599).
    """

    status: int
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"Reply: status: {self.status!r} is not a final status; give 200 to 599")


class IBackend(Interface):
    """One server, as a policy sees it: a view to read. The engine counts; the policy only looks."""

    name: str = Attribute("The name given in the config, else the address as written; unique in its pool.")
    address: str = Attribute("Where it is, as written in the config.")
    weight: float = Attribute("Its share relative to the others, above 0; checks and slow start scale it.")
    zone: str = Attribute("Where it stands, or an empty string.")
    tags: frozenset[str] = Attribute("Labels, from the config and from health checks.")
    tier: int = Attribute("0 is used first; a higher tier only when the lower ones cannot serve.")
    active: int = Attribute("Sessions that are on it now, counted from the pick.")
    latency: float | None = Attribute("Peak EWMA of `Outcome.first_byte` in seconds, decayed to now, or None.")
    signals: Mapping[str, float] = Attribute("Numbers the backend reports of itself, if collected.")
    state: str = Attribute("'up', 'down' or 'draining'.")


class ISession(Interface):
    """All that a decision may depend on, for one session or one attempt of it. Read it; do not change it."""

    now: float = Attribute("Monotonic seconds when the decision is made.")
    kind: Kind = Attribute("TCP connection, UDP flow or HTTP request.")
    client: tuple[str, int] = Attribute("The client's address and port; ('', 0) over a unix socket.")
    server_name: str | None = Attribute("The TLS server name the client asked for, in lower case.")
    alpn: str | None = Attribute("The protocol agreed by ALPN.")
    tls: bool = Attribute("Whether the client's side is encrypted and terminated here.")
    request: RequestHead | None = Attribute("The HTTP request head; None at layer 4.")
    peek: bytes = Attribute("The leading bytes that a matcher asked for, as far as they have come.")
    captures: Mapping[str, str] = Attribute("What the route's matcher captured.")
    attempt: int = Attribute("1 for the first try.")
    tried: Collection[Any] = Attribute("The backends that already failed or refused this session.")


Picker = Callable[[Any], "Any | None"]
"""Chooses for one snapshot: `(session) -> backend or None`, synchronous, without I/O and without logging.

A picker may also have `released(backend, outcome)`, called exactly once for every backend it chose;
`responded(session, backend, head) -> head` for HTTP answers; `explain(session) -> [(backend, score, note)]`.
"""


class IAlgorithm(Interface):
    """A balancing policy: compiles one snapshot of backends into a picker."""

    name: str = Attribute("What explanations and logs call it.")

    def picker(backends: Sequence[IBackend], random: Random) -> Picker | Generator[None, None, Picker]:
        """Return a picker for exactly these backends, at least one, all eligible.

        Pure: what it remembers lives in the picker. A generator yields between slices of long work (1 ms or less)
        and returns the picker; the old one serves meanwhile. Draw chance from `random` alone.
        """


class ICheckTarget(Interface):
    """The backend under examination, and the only way a health check reaches it."""

    backend: IBackend = Attribute("The backend.")
    address: str = Attribute("host:port or a path, without a scheme: for evidence and, if not a path, a Host field.")
    clock: IReactorTime = Attribute("The clock to take times from.")

    def connect(factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect as the pool would (address, time-out, PROXY); closed for you when the check ends or is cancelled.

        Fails with `CheckFailed` when the connection cannot be made.
        """


class IHealthCheck(Interface):
    """One probe of one backend. When to run it and how often it must agree is the pool's business."""

    protocols: Collection[Kind] = Attribute("The kinds of pool it can probe.")

    def check(target: ICheckTarget) -> Awaitable[Report | None]:
        """Return a Deferred or a coroutine: None or a `Report` when healthy, `CheckFailed` raised when not.

        Ends when the pool cancels it, after the time-out, and leaves nothing open. Until it ends, every interval fails.
        """


class IMatcher(Interface):
    """A predicate on a session; routes are chosen by it."""

    peek: int = Attribute("Optional: the most leading bytes it may need to see; absent means none.")
    always: bool = Attribute("Optional: True when it matches every session.")

    def matches(session: ISession) -> Found:
        """Return False, True, captures by name, or `MORE`. Pure, and never raises for what a client sent."""


class IFilter(Interface):
    """Changes heads in passing, or answers itself. May also have `body(head, session, direction)`."""

    def request(head: RequestHead, session: ISession) -> RequestHead | Reply:
        """Return the head to send on (the same one, or a changed copy), or a `Reply`."""

    def response(head: ResponseHead, session: ISession) -> ResponseHead | Reply:
        """Return the head to send to the client."""


class IBodyTransform(Interface):
    """Rewrites one body as it streams; its result does not depend on how the body was cut."""

    def feed(data: bytes) -> bytes:
        """Take the next bytes; return what can go on."""

    def finish() -> bytes:
        """The body is complete; return what was still held back."""


class IAlgorithmPlugin(Interface):
    """Marks a class (with `@provider`) whose instances provide `IAlgorithm`, so that it can be listed."""


class IHealthCheckPlugin(Interface):
    """Marks a class whose instances provide `IHealthCheck`, so that it can be listed."""


class IMatcherPlugin(Interface):
    """Marks a class whose instances provide `IMatcher`, so that it can be listed."""


class IFilterPlugin(Interface):
    """Marks a class whose instances provide `IFilter`, so that it can be listed."""


@implementer(IMatcher)
class Matcher:
    """Gives a matcher `&`, `|` and `~`. Optional to inherit: a bare callable may stand on either side as well.

    A `peek` above 0 is for the first bytes of a connection. An HTTP request has none to wait for: `MORE` is no match.
    """

    peek: int = 0
    always: bool = False

    def matches(self, session: Any) -> Found:
        """See `IMatcher`."""
        raise NotImplementedError

    def __and__(self, other: Any) -> Matcher:
        return _Both(self, other)

    def __or__(self, other: Any) -> Matcher:
        return _Either(self, other)

    def __rand__(self, other: Any) -> Matcher:
        return _Both(other, self)

    def __ror__(self, other: Any) -> Matcher:
        return _Either(other, self)

    def __invert__(self) -> Matcher:
        return _Not(self)


def ask(matcher: Any, session: Any) -> Found:
    """Put the question to an `IMatcher` or to a bare callable.

    Raises `TypeError` for any other answer: a function that forgot to return must not match everything.
    """
    answer = getattr(matcher, "matches", matcher)(session)
    if answer is True or answer is False or answer is MORE or isinstance(answer, Mapping):
        found: Found = answer
        return found
    raise TypeError(f"{matcher!r} answered a {type(answer).__name__}; expected True, False, MORE or captures by name")


def _captures(found: Found) -> Mapping[str, str]:
    return found if isinstance(found, Mapping) else {}


def _always(matcher: Any) -> bool:
    return bool(getattr(matcher, "always", False))


class _Pair(Matcher):
    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right
        self.peek = max(getattr(left, "peek", 0), getattr(right, "peek", 0))


class _Both(_Pair):
    """Kleene's and: one False settles it, whatever is still open; captures of both, the right one's winning."""

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__(left, right)
        self.always = _always(left) and _always(right)

    def matches(self, session: Any) -> Found:
        left = ask(self.left, session)
        if left is False:
            return False
        right = ask(self.right, session)
        if right is False:
            return False
        if left is MORE or right is MORE:
            return MORE
        return {**_captures(left), **_captures(right)} or True

    def __repr__(self) -> str:
        return f"({self.left!r} & {self.right!r})"


class _Either(_Pair):
    """Kleene's or: the first that matches settles it, also while an earlier one is still open."""

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__(left, right)
        self.always = _always(left) or _always(right)

    def matches(self, session: Any) -> Found:
        left = ask(self.left, session)
        if left is not False and left is not MORE:
            return left
        right = ask(self.right, session)
        return left if right is False else right

    def __repr__(self) -> str:
        return f"({self.left!r} | {self.right!r})"


class _Not(Matcher):
    """The opposite; captures nothing."""

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher
        self.peek = getattr(matcher, "peek", 0)

    def matches(self, session: Any) -> Found:
        found = ask(self.matcher, session)
        return found if found is MORE else found is False

    def __repr__(self) -> str:
        return f"~{self.matcher!r}"
