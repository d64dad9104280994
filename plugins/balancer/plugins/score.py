"""Chooses by several things at once: who is fit at all, what speaks against each, and how one of the best is taken.

Made for fleets of model servers, whose load is known by numbers that they report (`signals`) better than by how many
sessions they have. Refuses to know where the numbers come from.
"""

from __future__ import annotations

import random as chance
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.slices import finished
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Picker
from balancer.plugins.algorithms import weighed
from balancer.plugins.hash_tables import Rendezvous, hashed
from balancer.plugins.hashing import Key, is_key
from balancer.plugins.rotation import Offer, Words
from balancer.plugins.settings import KEY, is_number, shown, told

__all__ = ["Affinity", "Below", "Score", "active", "latency"]

Keeper = Callable[[IBackend], bool]
"""Whether a backend will do."""
Measure = Callable[[IBackend], float | None]
"""What speaks against a backend: the more the worse; None where that is not known."""
Measuring = Callable[[ISession], Measure]
"""The measure for one session."""

_MOST: Final = 1e300
"""What is beyond that, or no number, counts as not known; so no difference is too large."""

_RENDEZVOUS: Final = Rendezvous()
_WEIGH: Final = "does not say what to weigh; give some such as {'queue': 2, active: 1}, with weights above 0"


def active(backend: IBackend) -> float:
    """The sessions on it for one of weight: a measure."""
    return backend.active / backend.weight if backend.weight else float(backend.active)


def latency(backend: IBackend) -> float | None:
    """The seconds to the first byte of its answers, on average: a measure."""
    return backend.latency


@attrs.frozen
class Below:
    """A keeper: backends whose signal is below the limit, and those of which it is not known. Raises `ConfigError`."""

    signal: str
    limit: float

    def __attrs_post_init__(self) -> None:
        told(
            self,
            signal=(isinstance(self.signal, str) and self.signal != "", "is no name of a signal; write it in quotes"),
            limit=(is_number(self.limit, above=float("-inf")), "is not a number; give one such as 0.9"),
        )

    @property
    def signals(self) -> frozenset[str]:
        """What it goes by."""
        return frozenset({self.signal})

    def __call__(self, backend: IBackend) -> bool:
        value = backend.signals.get(self.signal)
        return value is None or value < self.limit


@attrs.frozen
class Affinity:
    """A measure: nothing speaks against the backend that a key belongs to, by rendezvous hashing, and 1 against others.

    The key is one of `balancer.plugins.hashing`, or a function of the session; nothing is preferred without one. With
    the weight that it is given it is traded off against load, other than `Hash`. Raises `ConfigError`.
    """

    key: Key = attrs.field(repr=shown)

    def __attrs_post_init__(self) -> None:
        told(self, key=(is_key(self.key), KEY))

    def measuring(self, offers: Sequence[Offer]) -> Measuring:
        """What it measures by, among these."""
        table = finished(_RENDEZVOUS.table(sorted(offers, key=lambda offer: offer[0].name)))

        def of(session: ISession) -> Measure:
            key = self.key(session)
            if not key:
                return lambda _backend: 0.0
            heirs = table.heirs(hashed(key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key))
            owner = next((heir for heir in heirs if heir not in session.tried), None)
            return lambda backend: 0.0 if backend is owner else 1.0

        return of


def _each(given: Any) -> Any:
    return tuple(given) if isinstance(given, Iterable) else (given,)


def _pairs(given: Any) -> Any:
    return tuple(given.items()) if isinstance(given, Mapping) else given


def _as_mapping(pairs: Any) -> str:
    return repr(dict(pairs)) if isinstance(pairs, tuple) else repr(pairs)


def _is_measure(value: Any) -> bool:
    known = (isinstance(value, str) and value != "") or callable(value) or callable(getattr(value, "measuring", None))
    return known and not isinstance(value, type)


def _are_weights(pairs: Any) -> bool:
    return (
        isinstance(pairs, tuple)
        and bool(pairs)
        and all(_is_measure(one) and is_number(by, above=0) for one, by in pairs)
    )


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen(kw_only=True)
class Score:
    """One of the backends with the lowest score: `Score(weigh={"queue": 2, "usage": 1, active: 1})`.

    `keep` are functions of a backend that say whether it will do; they are asked in turn, and one that would leave
    nobody is passed over. `weigh` gives each measure its weight: the name of a signal, a function of a backend (such as
    `active` and `latency`), or `Affinity(key)`. The more of it the worse. Of those kept, the one with the least of a
    measure counts as 0 and the one with the most as 1, the others as they lie between; all count as 0 where they are
    alike, and one of which it is not known as the others do on average. The score is the average by weight: 0 is best.

    `pick` is how one is taken: the better of "two" that are drawn by weight, the "best", or with a number one of those
    whose score is no more than that above the best, drawn by weight. Balancers that all take the best flock to the same
    backend until its numbers are known anew. A pick is O(n). Raises `ConfigError`.
    """

    keep: tuple[Keeper, ...] = attrs.field(default=(), converter=_each)
    weigh: tuple[tuple[str | Measure | Affinity, float], ...] = attrs.field(converter=_pairs, repr=_as_mapping)
    pick: Literal["two", "best"] | float = "two"

    name: ClassVar[str] = "score"

    def __attrs_post_init__(self) -> None:
        told(
            self,
            keep=(
                all(callable(one) and not isinstance(one, type) for one in self.keep),
                "is not made of functions; give some such as Below('usage', 0.9)",
            ),
            weigh=(_are_weights(self.weigh), _WEIGH),
            pick=(
                self.pick in ("two", "best") or (is_number(self.pick) and float(self.pick) <= 1),
                "is no way to pick; give 'two', 'best' or a number up to 1 such as 0.1",
            ),
        )

    @property
    def signals(self) -> frozenset[str]:
        """See `IAlgorithm`."""
        measures = [measure for measure, _ in self.weigh]
        named = {measure for measure in measures if isinstance(measure, str)}
        return frozenset(named).union(*(getattr(one, "signals", ()) for one in (*self.keep, *measures)))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _Scored(self, weighed(backends), random)


class _Scored:
    """The picker of `Score`."""

    def __init__(self, settings: Score, offers: Sequence[Offer], random: chance.Random) -> None:
        self._offers, self._keep, self._how, self._random = offers, settings.keep, settings.pick, random
        self._measures = [(_title(one), _measuring(one, offers), weight) for one, weight in settings.weigh]
        self._total = sum(weight for _, weight in settings.weigh)

    def __call__(self, session: ISession) -> IBackend:
        kept = self._kept(session)
        scores = self._scores(kept, session)
        if self._how == "two":
            return self._better_of_two(kept, scores)
        within = min(scores) + (0.0 if self._how == "best" else float(self._how))
        return self._drawn([offer for offer, score in zip(kept, scores, strict=True) if score <= within])

    def explain(self, session: ISession) -> Words:
        """The score of each that is kept, and what it is made of. The lowest is best."""
        kept = self._kept(session)
        rows = zip(*(self._shares(measure(session), kept) for _, measure, _ in self._measures), strict=True)
        told = zip(kept, self._scores(kept, session), rows, strict=True)
        return [(backend, score, self._note(shares)) for (backend, _), score, shares in told]

    def _note(self, shares: Collection[float]) -> str:
        parts = zip(self._measures, shares, strict=True)
        return ", ".join(f"{title} {share:.2f} x {weight:g}" for (title, _, weight), share in parts)

    def _kept(self, session: ISession) -> Sequence[Offer]:
        """Those that will do: of what was not tried, by every keeper that leaves anybody."""
        kept = self._offers
        if session.tried:
            kept = [offer for offer in kept if offer[0] not in session.tried] or kept
        for keeper in self._keep:
            kept = [offer for offer in kept if keeper(offer[0])] or kept
        return kept

    def _scores(self, kept: Sequence[Offer], session: ISession) -> list[float]:
        scores = [0.0] * len(kept)
        for _, measure, weight in self._measures:
            for place, share in enumerate(self._shares(measure(session), kept)):
                scores[place] += share * weight / self._total
        return scores

    def _shares(self, measure: Measure, kept: Sequence[Offer]) -> list[float]:
        """Where each lies between the least and the most."""
        found = [measure(backend) for backend, _ in kept]
        known = [value for value in found if value is not None and -_MOST <= value <= _MOST]
        least, most = min(known, default=0.0), max(known, default=0.0)
        if least == most:
            return [0.0] * len(kept)
        span = most - least
        if len(known) == len(found):
            return [(value - least) / span for value in known]
        usual = max(0.0, min((sum(known) / len(known) - least) / span, 1.0))
        return [usual if value is None or not -_MOST <= value <= _MOST else (value - least) / span for value in found]

    def _better_of_two(self, kept: Sequence[Offer], scores: Sequence[float]) -> IBackend:
        one = self._drawn(kept)
        if len(kept) == 1:
            return one
        other = self._drawn([offer for offer in kept if offer[0] is not one])
        rated = {backend: score for (backend, _), score in zip(kept, scores, strict=True)}
        return one if rated[one] <= rated[other] else other

    def _drawn(self, offers: Sequence[Offer]) -> IBackend:
        """One of them, by weight."""
        return self._random.choices(offers, [weight for _, weight in offers])[0][0]


def _measuring(measure: Any, offers: Sequence[Offer]) -> Measuring:
    """How it is measured for a session, whatever form it was given in."""
    if isinstance(measure, str):
        return lambda _session: lambda backend: backend.signals.get(measure)
    if hasattr(measure, "measuring"):
        found: Measuring = measure.measuring(offers)
        return found
    return lambda _session: measure


def _title(measure: Any) -> str:
    return measure if isinstance(measure, str) else str(getattr(measure, "__name__", type(measure).__name__)).lower()
