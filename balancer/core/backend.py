"""One backend while the balancer runs: what it is, how it is and what it counts; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import exp, log
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

from zope.interface import implementer

from balancer.core.sealing import SealedBackend
from balancer.errors import BalancerError, Side
from balancer.interfaces import IBackend, Report

Place = tuple[str, int] | str
"""Where a backend listens: host and port, or the path of a unix socket."""


class Latency:
    """Peak EWMA of seconds to the first byte: jumps up to a worse sample, creeps down to better ones, decays when read.

    The rule is Finagle's: a sample above the decayed value replaces it, a better one is mixed in by the share that has
    decayed since; none has while a clock that was set back catches up. `half_life` is in seconds.
    """

    __slots__ = ("_rate", "_stamp", "_value")

    def __init__(self, half_life: float = 10.0) -> None:
        self._rate, self._stamp, self._value = log(2) / half_life, 0.0, -1.0

    def observe(self, sample: float, now: float) -> None:
        """Take one sample, in seconds."""
        elapsed = now - self._stamp
        kept = exp(-elapsed * self._rate) if elapsed > 0 else 1.0
        decayed = self._value * kept
        self._value = sample if self._value < 0 or sample > decayed else decayed + sample * (1 - kept)
        self._stamp = now

    @property
    def latest(self) -> float:
        """When the last sample was taken; 0 before the first."""
        return self._stamp

    def at(self, now: float) -> float | None:
        """The value decayed to `now`, or None before the first sample."""
        return None if self._value < 0 else self._value * exp(min(0.0, (self._stamp - now) * self._rate))


class Facts(TypedDict, total=False):
    """What may become of a backend; see there."""

    up: bool
    agent: str
    ejected: bool
    pressed: bool
    max_connections: int | None
    trial: int | None
    draining: bool
    agent_drains: bool
    agent_weight: float | None
    agent_share: float
    starting: bool
    own_weight: float
    tier: int
    active: int
    held: int
    served: int
    failed: int
    secure: Any
    source: str
    signals: Mapping[str, float]
    reporting: tuple[Callable[[Mapping[str, float]], object], ...]


@implementer(IBackend)
class Backend:
    """A member of one pool; see `IBackend` for what policies read.

    `usable` is whether new sessions may be given to it at all, and `fit` whether nobody who looks after it objects:
    `up` is written by health checks, `agent` is what its agent says that keeps sessions away (empty while it lets them
    in), `ejected` is written by who watches how sessions end. `pressed` is panic's: it serves though it is not fit.
    `active`, `served` and `failed` are counted by the pool; of those active some are only `held`: they have failed, and
    policies are to see them for a while. `draining` is written by control, and so is `own_weight`, which is the
    configured one until then; an agent may say that it `agent_drains` (by either it `drains`), and put `agent_weight`
    in place of that weight or scale it by `agent_share`.
    `authority` is the address without its scheme: host and port as written, or the path of a unix socket. `places` are
    where it is to be reached, the one to try first before the others; none while its name is unknown. `source` is the
    local address that connections to it come from, or empty for the system's choice. `secure` makes them over TLS,
    unless it is None; another one takes its place when they are to be made in another way.
    `max_connections` is how many sessions it takes at once, or None; `trial` is the same for as long as it is tried out
    after an ejection, and `most` the less of the two. While it is `starting` it is to get less than its share.
    `guarded` tells whether there is more to look at before it is given a session than whether it is usable.
    Who is `reporting` is told the signals of health checks.
    Plugins have it before them, so it refuses to be written to; the engine writes to its `books`, which are the same.
    """

    def __init__(
        self,
        name: str,
        address: str,
        place: Place | None,
        *,
        seconds: Callable[[], float],
        authority: str = "",
        weight: float = 1.0,
        tier: int = 0,
        zone: str = "",
        tags: Iterable[str] = (),
        max_connections: int | None = None,
        up: bool = True,
        latency_half_life: float = 10.0,
        source: str = "",
    ) -> None:
        self.name, self.address, self.source = name, address, source
        self.secure: Any = None
        self.places: tuple[Place, ...] = () if place is None else (place,)
        self.authority = authority or address
        self.tier, self.zone = tier, zone
        self.active = self.held = self.served = self.failed = 0
        self.signals: Mapping[str, float] = MappingProxyType({})
        self.reporting: tuple[Callable[[Mapping[str, float]], object], ...] = ()
        self.timing = Latency(latency_half_life)
        self.up, self.agent = up, ""
        self.ejected = self.pressed = self.draining = self.agent_drains = self.starting = False
        self.max_connections, self.trial = max_connections, None
        self.own_weight, self.agent_weight = weight, None
        self.agent_share = self.reported_weight = 1.0
        self._own_tags, self.reported_tags = frozenset(tags), frozenset[str]()
        self._seconds = seconds
        self.fit = self.drains = self.usable = self.guarded = False
        self.weight, self.most = weight, max_connections
        self.judge()
        self.books = object.__new__(Backend)
        self._seal()

    def _seal(self) -> None:
        """Be only looked at from now on; what is written to the `books` is read here, for both share one dictionary."""
        facts = dict(vars(self))
        self.__dict__ = self.books.__dict__ = facts
        self.__class__ = _Sealed

    @property
    def place(self) -> Place | None:
        """Where to try first; None while its name is unknown."""
        return self.places[0] if self.places else None

    @property
    def tags(self) -> frozenset[str]:
        """The configured tags and those the last health check reported."""
        return self._own_tags | self.reported_tags

    @property
    def latency(self) -> float | None:
        """See `IBackend.latency`."""
        return self.timing.at(self._seconds())

    @property
    def state(self) -> str:
        """'down' while its checks or its agent say so, else 'ejected', 'draining' or 'up'."""
        if not self.up or self.agent:
            return "down"
        if self.ejected:
            return "ejected"
        return "draining" if self.drains else "up"

    @property
    def full(self) -> bool:
        """Whether it has all the sessions that it takes at once."""
        return self.most is not None and self.active - self.held >= self.most

    @property
    def live(self) -> int:
        """How many sessions are on it in truth; not those that are only held."""
        return self.active - self.held

    def move(self, places: Iterable[Place]) -> bool:
        """Be reached at these places from now on; tell whether any of them is new, or one is gone.

        The one tried first so far stays so, if it is among them.
        """
        there = tuple(places)
        if set(there) == set(self.places):
            return False
        first = tuple(place for place in self.places[:1] if place in there)
        self.books.places = first + tuple(place for place in there if place not in first)
        return True

    def stood(self, place: Place) -> None:
        """A connection there was made: it is to be tried first from now on."""
        if place in self.places:
            self.books.places = (place, *(other for other in self.places if other != place))

    def apply(self, report: Report) -> bool:
        """Take over what a health check reported; tell whether a policy could see the difference."""
        before = self.weight, self.tags
        if report.weight is not None:
            self.books.reported_weight = report.weight
            self.books.judge()
        if report.tags is not None:
            self.books.reported_tags = frozenset(report.tags)
        if report.signals is not None:
            for take in self.reporting:
                take(report.signals)
        return (self.weight, self.tags) != before

    def become(self, **facts: Unpack[Facts]) -> None:
        """Be so from now on; whether it is usable is judged anew."""
        for name, value in facts.items():
            setattr(self.books, name, value)
        self.books.judge()

    def count_end(self, error: BalancerError | None) -> None:
        """One session fewer, for better or worse. A client that left is not the backend's failure."""
        books = self.books
        books.active -= 1
        if error is None or error.side is not Side.UPSTREAM:
            books.served += 1
        else:
            books.failed += 1

    def judge(self) -> None:
        """Say anew whether it is `usable`, and up to what; that is asked with every session and changes hardly ever."""
        self.fit = self.up and not self.ejected and not self.agent
        configured = self.own_weight if self.agent_weight is None else self.agent_weight
        self.weight = configured * self.agent_share * self.reported_weight
        self.drains = self.draining or self.agent_drains
        self.usable = (self.fit or self.pressed) and not self.drains and self.weight > 0
        self.most = min((most for most in (self.max_connections, self.trial) if most is not None), default=None)
        self.guarded = self.most is not None or self.starting

    def __repr__(self) -> str:
        return f"<Backend {self.name} {self.state} active={self.active}>"


class _Sealed(Backend, SealedBackend):
    """What a backend is once it is made."""
