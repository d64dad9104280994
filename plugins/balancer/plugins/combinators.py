"""Algorithms made of algorithms: bounded, for some of the backends, one after the other, near before far.

Each part chooses among what it is offered, sees the answers to the sessions it chose for, and is told of their ends.
Refuses to know how the parts choose.
"""

from __future__ import annotations

import random as chance
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any, ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Picker
from balancer.plugins.algorithms import RoundRobin, weighed
from balancer.plugins.building import Composed, Making, at_once, made
from balancer.plugins.hashing import Key, is_key
from balancer.plugins.parts import Parts, words
from balancer.plugins.rotation import Offer, Words
from balancer.plugins.settings import ALGORITHM, KEY, is_algorithm, is_number, shown, told

_ROUND_ROBIN: Final = RoundRobin()
_ASKED: Final = 8
"""How often a part is asked for a backend with room, before the least loaded is taken."""


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Fallback(Composed):
    """What `first` chooses; where it has none, or none that the session has not tried, what `then` chooses.

    Raises `ConfigError`.
    """

    first: IAlgorithm
    then: IAlgorithm

    name: ClassVar[str] = "fallback"

    def __attrs_post_init__(self) -> None:
        told(self, first=(is_algorithm(self.first), ALGORITHM), then=(is_algorithm(self.then), ALGORITHM))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return at_once(self._making(backends, random))

    def _making(self, backends: Sequence[IBackend], random: chance.Random) -> Making:
        first = yield from made(self.first, backends, random)
        then = yield from made(self.then, backends, random)
        return _OneThenOther(first, then)


class _OneThenOther(Parts):
    """The picker of `Fallback`."""

    def __init__(self, first: Picker, then: Picker) -> None:
        super().__init__([first, then])
        self._first, self._then = first, then

    def __call__(self, session: ISession) -> IBackend | None:
        backend = self.ask(self._first, session)
        if backend is not None and backend in session.tried:
            self.refuse(backend, session)
            backend = None
        return self.ask(self._then, session) if backend is None else backend

    def explain(self, session: ISession) -> Words:
        """What the first says, and the other of those that the first says nothing of."""
        first = words(self._first, session, "first")
        told = {backend for backend, _, _ in first}
        return first + [row for row in words(self._then, session, "then") if row[0] not in told]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Subset(Composed):
    """Only backends with this tag, chosen from by `algorithm`.

    While none with it is eligible `otherwise` chooses among all: `RoundRobin()` for any of them, another `Subset` for
    those with another tag. With None sessions are refused then. Raises `ConfigError`.
    """

    tag: str
    algorithm: IAlgorithm = _ROUND_ROBIN
    otherwise: IAlgorithm | None = attrs.field(kw_only=True)

    name: ClassVar[str] = "subset"

    def __attrs_post_init__(self) -> None:
        told(
            self,
            tag=(isinstance(self.tag, str), "is not a text; write it in quotes"),
            algorithm=(is_algorithm(self.algorithm), ALGORITHM),
            otherwise=(self.otherwise is None or is_algorithm(self.otherwise), f"{ALGORITHM}, or None for none"),
        )

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        tagged = [backend for backend in backends if self.tag in backend.tags]
        if tagged:
            return at_once(made(self.algorithm, tagged, random))
        return _none if self.otherwise is None else at_once(made(self.otherwise, backends, random))


def _none(_session: ISession) -> None:
    """The picker that has none."""


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Exact(Composed):
    """Only backends that have as a tag exactly what the session says: `Exact(capture("shard"))`, by `algorithm`.

    The key is one of `balancer.plugins.hashing`, or a function of the session that returns a text. Without a backend of
    that tag, and without a key, sessions are refused: write `Fallback(Exact(...), ...)` for another choice. Raises
    `ConfigError`.
    """

    tag: Key = attrs.field(repr=shown)
    algorithm: IAlgorithm = _ROUND_ROBIN

    name: ClassVar[str] = "exact"

    def __attrs_post_init__(self) -> None:
        told(self, tag=(is_key(self.tag), KEY), algorithm=(is_algorithm(self.algorithm), ALGORITHM))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return at_once(self._making(backends, random))

    def _making(self, backends: Sequence[IBackend], random: chance.Random) -> Making:
        pickers: dict[str | bytes | None, Picker] = {}
        for tag in sorted(frozenset[str]().union(*(backend.tags for backend in backends))):
            tagged = [backend for backend in backends if tag in backend.tags]
            pickers[tag] = yield from made(self.algorithm, tagged, random)
        return _ByTag(self.tag, pickers)


class _ByTag(Parts):
    """The picker of `Exact`."""

    def __init__(self, key: Key, pickers: Mapping[str | bytes | None, Picker]) -> None:
        super().__init__(pickers.values())
        self._key, self._pickers = key, pickers

    def __call__(self, session: ISession) -> IBackend | None:
        picker = self._pickers.get(self._key(session))
        return None if picker is None else self.ask(picker, session)

    def explain(self, session: ISession) -> Words:
        """What the part says that is for the session's tag; nothing where there is none."""
        tag = self._key(session)
        picker = self._pickers.get(tag)
        return [] if picker is None else words(picker, session, f"tag {tag!r}")


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class BoundedLoad(Composed):
    """What `algorithm` chooses, but nobody above `factor` times the average load: `BoundedLoad(Hash(cookie("id")))`.

    A backend's bound is `ceil(factor * (active sessions of all + 1) * weight / weights of all)`. Who is at it is passed
    over as if the session had tried it already: a key goes to the backend that is next for it. A pick is O(n). This is
    HAProxy's hash-balance-factor, and Envoy's, divided by a hundred. Raises `ConfigError`.
    """

    algorithm: IAlgorithm
    factor: float = 1.5

    name: ClassVar[str] = "bounded-load"

    def __attrs_post_init__(self) -> None:
        told(
            self,
            algorithm=(is_algorithm(self.algorithm), ALGORITHM),
            factor=(is_number(self.factor, 1), "is not a number from 1 up; give one such as 1.5"),
        )

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return at_once(self._making(backends, random))

    def _making(self, backends: Sequence[IBackend], random: chance.Random) -> Making:
        picker = yield from made(self.algorithm, backends, random)
        return _Bounded(picker, weighed(backends), self.factor)


class _Bounded(Parts):
    """The picker of `BoundedLoad`."""

    def __init__(self, picker: Picker, offers: Sequence[Offer], factor: float) -> None:
        super().__init__([picker])
        self._picker, self._offers, self._factor = picker, offers, factor
        self._total = sum(weight for _, weight in offers)

    def __call__(self, session: ISession) -> IBackend | None:
        load, total = self._load(), self._total
        full = [backend for backend, weight in self._offers if backend.active >= ceil(load * weight / total)]
        asking: Any = session
        for _ in range(_ASKED):
            backend = self.ask(self._picker, asking)
            if backend is None or backend not in full:
                return backend
            self.refuse(backend, session)
            asking = _Beyond(session, (*session.tried, *full))
        return self._least_loaded(full, session)

    def explain(self, session: ISession) -> Words:
        """What the part says, with the bound of each; a backend at its bound is passed over."""
        load = self._load()
        bounds = {backend: ceil(load * weight / self._total) for backend, weight in self._offers}
        return [
            (backend, score, f"{note}, {backend.active} of {bounds[backend]} allowed")
            for backend, score, note in words(self._picker, session, "bounded")
        ]

    def _load(self) -> float:
        """How many sessions all of them may have together, with the one that comes."""
        return self._factor * (sum(backend.active for backend, _ in self._offers) + 1)

    def _least_loaded(self, full: Sequence[IBackend], session: ISession) -> IBackend:
        """The one that has most room, whatever the part says; one that was not tried, if there is one with room."""
        room = [offer for offer in self._offers if offer[0] not in full]
        backend, _ = min(room, key=lambda offer: (offer[0] in session.tried, offer[0].active / offer[1]))
        self.owe(backend, session, None)
        return backend


class _Beyond:
    """A session that has tried more; the same session to whoever remembers it."""

    __slots__ = ("_session", "tried")

    def __init__(self, session: ISession, tried: Sequence[IBackend]) -> None:
        self._session, self.tried = session, tried

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def __eq__(self, other: object) -> bool:
        return other is self or other == self._session

    def __hash__(self) -> int:
        return hash(self._session)


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Zones(Composed):
    """Backends of the zone `near` before all others, by `algorithm`; as those near get fewer, the rest spills over.

    Those near have all sessions while they have `whole / overprovision` of weight, and a share in proportion below
    that, by chance: with 1.4, Envoy's overprovisioning factor, half of `whole` keeps 70 % of the sessions. `whole` is
    the weight that is near when all is well; None takes for it the weight of the zone that is heaviest now. Raises
    `ConfigError`.
    """

    near: str
    algorithm: IAlgorithm = _ROUND_ROBIN
    whole: float | None = attrs.field(default=None, kw_only=True)
    overprovision: float = attrs.field(default=1.4, kw_only=True)

    name: ClassVar[str] = "zones"

    @property
    def zones(self) -> frozenset[str]:
        """See `IAlgorithm`."""
        return super().zones | {self.near}

    def __attrs_post_init__(self) -> None:
        told(
            self,
            near=(isinstance(self.near, str) and self.near != "", "is not a zone; write its name in quotes"),
            algorithm=(is_algorithm(self.algorithm), ALGORITHM),
            whole=(
                self.whole is None or is_number(self.whole, above=0),
                "is not a weight above 0; give their sum",
            ),
            overprovision=(is_number(self.overprovision, 1), "is not a number from 1 up; give one such as 1.4"),
        )

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return at_once(self._making(backends, random))

    def _making(self, backends: Sequence[IBackend], random: chance.Random) -> Making:
        near, far = ([each for each in backends if (each.zone == self.near) is is_near] for is_near in (True, False))
        if not near or not far:
            return (yield from made(self.algorithm, backends, random))
        weights: dict[str, float] = {}
        for backend, weight in weighed(backends):
            weights[backend.zone] = weights.get(backend.zone, 0.0) + weight
        kept = self.overprovision * weights.get(self.near, 0.0) / (self.whole or max(weights.values()))
        here = yield from made(self.algorithm, near, random)
        there = yield from made(self.algorithm, far, random)
        return _NearFirst(here, there, kept, random.random)


class _NearFirst(Parts):
    """The picker of `Zones`; `kept` is the share of sessions that stays near, all of them from 1 up."""

    def __init__(self, near: Picker, far: Picker, kept: float, draw: Callable[[], float]) -> None:
        super().__init__([near, far])
        self._near, self._far, self._kept, self._draw = near, far, kept, draw

    def __call__(self, session: ISession) -> IBackend | None:
        order = (self._near, self._far) if self._kept >= 1 or self._draw() < self._kept else (self._far, self._near)
        for picker in order:
            backend = self.ask(picker, session)
            if backend is not None and backend not in session.tried:
                return backend
            if backend is not None:
                self.refuse(backend, session)
        return self.ask(order[0], session)

    def explain(self, session: ISession) -> Words:
        """What the parts say, with the share of sessions that each has."""
        near = min(self._kept, 1.0)
        return [
            *words(self._near, session, f"near, {100 * near:.0f} % of sessions"),
            *words(self._far, session, f"far, {100 - 100 * near:.0f} % of sessions"),
        ]
