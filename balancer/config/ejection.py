"""How a pool ejects backends for how their sessions end, as a user writes it; refuses to know any session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from typing import Any, Final

import attrs

from balancer.config.mistakes import Noun, as_tuple, count, instance, is_number, positive, seconds, share, shown

ROWS: Final = ("local_errors", "gateway_errors", "failures")
"""The rules of consecutive ends, the narrowest first."""

RATES: Final = ("success_rate", "failure_share")
"""The rules that compare the backends of a pool at the end of an interval."""

_DEFAULT_ROW: Final = 5


def _names(given: bool | str | Iterable[str]) -> Any:
    """All rules, none, or those named."""
    return given if isinstance(given, bool) else as_tuple(given)


@attrs.frozen
class SuccessRate(Noun):
    """Ejects a backend whose share of sessions that end well is far below that of the others; see `Ejection`.

    That is more than `deviations` standard deviations below the mean of the pool's backends, and more than `gap` (a
    share, 0 to 1) below it. Backends with fewer than `requests` sessions in an interval are not looked at, and while
    fewer than `backends` have so many nobody is ejected by this. Raises `ConfigError`.
    """

    deviations: float = attrs.field(default=1.9, kw_only=True)
    gap: float = attrs.field(default=0.1, kw_only=True)
    requests: int = attrs.field(default=100, kw_only=True)
    backends: int = attrs.field(default=5, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from positive("deviations", self.deviations, like=1.9)
        yield from share("gap", self.gap)
        yield from count("requests", self.requests)
        yield from count("backends", self.backends, least=2)

    def out_of_reach(self, backends: int) -> Iterator[str]:
        """Why it would eject nobody in a pool of so many: no one of n is more than sqrt(n - 1) deviations off."""
        most = sqrt(max(1, backends - 1))
        if _is_more(self.backends, backends):
            yield from _too_few(backends, self.backends)
        elif is_number(self.deviations) and self.deviations >= most:
            given = f"deviations={self.deviations:g}"
            yield f"{given} is never reached among {backends} backends; give less than {most:.2f}"


@attrs.frozen
class FailureShare(Noun):
    """Ejects a backend of whose sessions at least `share` (0 to 1) fail; see `Ejection`.

    Backends with fewer than `requests` sessions in an interval are not looked at, and while fewer than `backends` have
    so many nobody is ejected by this. Raises `ConfigError`.
    """

    share: float = attrs.field(default=0.85, kw_only=True)
    requests: int = attrs.field(default=50, kw_only=True)
    backends: int = attrs.field(default=5, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        wrong = list(share("share", self.share))
        yield from wrong
        if not wrong and self.share == 0:
            yield "share: 0 would eject backends that never fail; give a number above 0 to 1"
        yield from count("requests", self.requests)
        yield from count("backends", self.backends, least=2)

    def out_of_reach(self, backends: int) -> Iterator[str]:
        """Why it would eject nobody in a pool of so many."""
        if _is_more(self.backends, backends):
            yield from _too_few(backends, self.backends)


def _is_more(needed: object, backends: int) -> bool:
    return isinstance(needed, int) and needed > backends


def _too_few(backends: int, needed: int) -> Iterator[str]:
    yield f"it needs {needed} backends and the pool has {backends}; give it backends={backends}"


@attrs.frozen
class Ejection(Noun):
    """For how its sessions end a backend gets no more for a while. The defaults are Envoy's, save where that is said.

    The rules; each is off when it is None. `failures` in a row eject: a status from 500 on, an answer that breaks off,
    and what `local_errors` counts, which is a backend that refused, reset or timed out without having said anything.
    `gateway_errors` counts 502, 503 and 504. `success_rate` and `failure_share` look at all backends every `every`
    seconds; where the pool has too few for the defaults they are off. At layer 4, and for connections that were
    upgraded, only local errors count. What a client or the balancer itself ends never does.

    With `observe=True`, or for the rules that it names, nobody is ejected, and what would be is counted and told.

    A backend is ejected for `time` seconds, twice that if it was ejected just before, and so on up to `longest`, and by
    chance for up to the share `jitter` of that more; each interval in which it was not makes the next one shorter
    again. Then `trials` sessions at a time are let through: when one ends well the backend is back, and when one fails
    it is ejected again. With `back_by_check` that begins as soon as a health check passes that has failed since.

    At most the share `most` of the backends is ejected at once, rounded down, but one may always be (Envoy ejects none
    of fewer than ten); the last usable backend of a tier never is. Raises `ConfigError`.
    """

    failures: int | None = attrs.field(default=_DEFAULT_ROW, kw_only=True)
    gateway_errors: int | None = attrs.field(default=_DEFAULT_ROW, kw_only=True)
    local_errors: int | None = attrs.field(default=_DEFAULT_ROW, kw_only=True)
    success_rate: SuccessRate | None = attrs.field(factory=SuccessRate, kw_only=True)
    failure_share: FailureShare | None = attrs.field(factory=FailureShare, kw_only=True)
    observe: bool | tuple[str, ...] = attrs.field(default=False, converter=_names, kw_only=True)
    every: float = attrs.field(default=10.0, kw_only=True)
    time: float = attrs.field(default=30.0, kw_only=True)
    longest: float = attrs.field(default=300.0, kw_only=True)
    jitter: float = attrs.field(default=0.1, kw_only=True)
    most: float = attrs.field(default=0.1, kw_only=True)
    trials: int = attrs.field(default=1, kw_only=True)
    back_by_check: bool = attrs.field(default=True, kw_only=True)

    @property
    def observed(self) -> frozenset[str]:
        """The rules that are observed only."""
        named = self.observe
        return frozenset(rule for rule in (*ROWS, *RATES) if named is True or (named and rule in named))

    def within(self, backends: int) -> Ejection:
        """The same in a pool of so many: without the rules that need more."""
        return attrs.evolve(
            self,
            success_rate=None if _idle(self.success_rate, backends) else self.success_rate,
            failure_share=None if _idle(self.failure_share, backends) else self.failure_share,
        )

    def wrong_in(self, tiers: Sequence[int], *, checked: bool) -> Iterator[str]:
        """What of it is in vain in a pool with backends in these tiers, and with health checks or without."""
        if all(tiers.count(tier) < 2 for tier in tiers):
            yield "ejection: would be ignored, for the last backend of a tier is never ejected; leave it out"
            return
        for name, default in (("success_rate", SuccessRate()), ("failure_share", FailureShare())):
            rule = getattr(self, name)
            if isinstance(rule, SuccessRate | FailureShare) and rule != default:
                yield from (f"ejection: {name}: would be ignored, for {why}" for why in rule.out_of_reach(len(tiers)))
        rules = [getattr(self, name) for name in (*ROWS, *RATES) if getattr(self, name) is not None]
        if rules and all(_idle(rule, len(tiers)) for rule in rules):
            yield f"ejection: would be ignored, for {len(tiers)} backends are too few for its rules; turn others on"
        if self.back_by_check is False and not checked:
            yield "ejection: back_by_check: would be ignored, for the pool has no health check; leave it out"

    def wrong_for_streams(self) -> Iterator[str]:
        """What of it is in vain where nothing has a status."""
        named = not isinstance(self.observe, bool) and "gateway_errors" in self.observe
        if named or self.gateway_errors != _DEFAULT_ROW:
            yield "ejection: gateway_errors: would be ignored, for no HTTPListener uses the pool; leave it out"

    def _mistakes(self) -> Iterator[str]:
        for name in ROWS:
            if getattr(self, name) is not None:
                yield from count(name, getattr(self, name))
        if self.success_rate is not None:
            yield from instance("success_rate", self.success_rate, SuccessRate, "give one such as SuccessRate(gap=0.2)")
        if self.failure_share is not None:
            remedy = "give one such as FailureShare(share=0.5)"
            yield from instance("failure_share", self.failure_share, FailureShare, remedy)
        if all(getattr(self, name) is None for name in (*ROWS, *RATES)):
            yield "every rule is off; give at least one, or leave ejection out"
        yield from self._wrong_observe()
        yield from self._never_first()
        yield from self._wrong_times()
        yield from share("most", self.most)
        yield from count("trials", self.trials)
        yield from instance("back_by_check", self.back_by_check, bool, "give True or False")

    def _wrong_times(self) -> Iterator[str]:
        yield from seconds("every", self.every, like=10, least=0.1)
        wrong = [*seconds("time", self.time, like=30), *seconds("longest", self.longest, like=300)]
        yield from wrong
        if not wrong and self.longest < self.time:
            yield f"longest: {self.longest:g} is less than time={self.time:g}; give as much or more"
        yield from share("jitter", self.jitter)

    def _wrong_observe(self) -> Iterator[str]:
        for name in () if isinstance(self.observe, bool) else self.observe:
            if name not in (*ROWS, *RATES):
                yield f"observe: {shown(name)} is not a rule; give True, or some of {', '.join((*ROWS, *RATES))}"
            elif getattr(self, name) is None:
                yield f"observe: {shown(name)} would be ignored, for that rule is off; leave it out"

    def _never_first(self) -> Iterator[str]:
        """The narrower rules, where they are not as by default, that a wider one would always be ahead of."""
        wide = self.failures
        if wide is None or list(count("failures", wide)) or "failures" in self.observed:
            return
        for name in ("local_errors", "gateway_errors"):
            length = getattr(self, name)
            if length != _DEFAULT_ROW and isinstance(length, int) and length > wide:
                yield f"{name}: {length} would be ignored, for failures={wide} is reached before; give {wide} or less"


def _idle(rule: object, backends: int) -> bool:
    """Whether a rule would eject nobody in a pool of so many."""
    return isinstance(rule, SuccessRate | FailureShare) and any(rule.out_of_reach(backends))


def wrong_ejection(ejection: object, tiers: Sequence[int], *, checked: bool) -> Iterator[str]:
    """What is wrong with how a pool ejects, given the tiers of its backends and whether they are checked."""
    if isinstance(ejection, Ejection):
        yield from ejection.wrong_in(tiers, checked=checked)
    elif ejection is not None:
        yield from instance("ejection", ejection, Ejection, "give one such as Ejection(time=30)")
