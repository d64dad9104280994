"""Health checks of several checks: they run side by side, and one rule makes a single result of theirs.

Refuses to know what any of them asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any as Anything
from typing import Final

import attrs
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from twisted.python.reflect import safe_repr
from zope.interface import implementer, provider

from balancer.core.examining import examined
from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report

Passed = Mapping[str, bool]
"""Of those that have ended, by name, whether they passed."""

Rule = Callable[[Passed], Anything]
"""Says by who has passed, once all have ended, whether that is healthy."""

_REMEDY: Final = "is no health check; give one such as TCPCheck(), or a function of the target"
_KINDS: Final = frozenset(Kind)


def _numbered(checks: tuple[Anything, ...]) -> Iterator[tuple[str, Anything]]:
    """The checks by the name of their class or function, with a number if it occurs again."""
    names = [getattr(check, "__name__", type(check).__name__) for check in checks]
    seen: Counter[str] = Counter()
    for name, check in zip(names, checks, strict=True):
        seen[name] += 1
        yield (f"{name} {seen[name]}" if names.count(name) > 1 else name), check


def _shown(given: Anything) -> str:
    """What was given, a function by its name."""
    name = getattr(given, "__name__", None)
    return name if isinstance(name, str) else repr(given)


def _is_check(check: Anything) -> bool:
    return not isinstance(check, type) and bool(IHealthCheck.providedBy(check) or callable(check))


@attrs.frozen(init=False, repr=False)
class _Several:
    """Some checks: each by a name of its own, or by that of its class."""

    checks: tuple[Anything, ...]
    named: tuple[tuple[str, Anything], ...]

    def __init__(self, *checks: Anything, **named: Anything) -> None:
        self.__attrs_init__(checks, tuple(named.items()))

    def __attrs_post_init__(self) -> None:
        mistakes = [f"{type(self).__name__}: {line}" for line in self._mistakes()]
        if mistakes:
            raise ConfigError(mistakes)

    @property
    def parts(self) -> tuple[tuple[str, Anything], ...]:
        """All of them by name."""
        return (*_numbered(self.checks), *self.named)

    @property
    def protocols(self) -> frozenset[Kind]:
        """What all of them can probe; a function is taken to probe for every kind."""
        return _KINDS.intersection(*(getattr(check, "protocols", _KINDS) for _, check in self.parts))

    @property
    def plain(self) -> bool:
        """Whether one of them speaks TLS itself."""
        return any(getattr(check, "plain", False) for _, check in self.parts)

    @property
    def programs(self) -> tuple[str, ...]:
        """See `IHealthCheck`."""
        return tuple(program for _, check in self.parts for program in getattr(check, "programs", ()))

    def _mistakes(self) -> Iterator[str]:
        if not self.parts:
            yield "checks: there is none; give at least one, such as TCPCheck()"
        yield from (f"{name}: {check!r} {_REMEDY}" for name, check in self.parts if not _is_check(check))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._given())})"

    def _given(self) -> Iterator[str]:
        yield from map(_shown, self.checks)
        yield from (f"{name}={_shown(check)}" for name, check in self.named)


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(init=False, repr=False)
class All(_Several):
    """Healthy when all of these checks pass: `All(TCPCheck(), app=HTTPCheck("/healthz"))`.

    They run side by side, within the time of one, and the first failure ends the others. Evidence names the check, by
    the name given or by its class. Of what they report the least weight counts, and tags and signals are joined. Raises
    `ConfigError`.
    """

    async def check(self, target: ICheckTarget) -> Report:
        return await _side_by_side(self.parts, target, _at_least(len(self.parts), of=len(self.parts)))


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(init=False, repr=False)
class Any(_Several):
    """Healthy when one of these checks passes: `Any(HTTPCheck("/healthz"), HTTPCheck("/ping"))`.

    They run side by side, within the time of one. The first that passes ends the others, and its report is the report.
    When none does, the evidence is that of all. Raises `ConfigError`.
    """

    async def check(self, target: ICheckTarget) -> Report:
        return await _side_by_side(self.parts, target, _at_least(1, of=len(self.parts)))


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen(init=False, repr=False)
class Composite(_Several):  # type: ignore[override]  # nobody makes one by way of its parent
    """Healthy when these checks pass by a rule: a number of them that must, or a function of who has.

    `Composite(2, a=..., b=..., c=...)` wants two of three. `Composite(rule, app=..., db=..., cache=...)` calls
    `rule(passed)` once all have ended, with True or False for each name, such as
    `lambda passed: passed["app"] and (passed["db"] or passed["cache"])`. They run side by side, within the time of one;
    those that can change nothing any more are ended. Of what those that passed report the least weight counts, and tags
    and signals are joined. Raises `ConfigError`.
    """

    rule: int | Rule

    def __init__(self, rule: int | Rule, **named: Anything) -> None:
        self.__attrs_init__((), tuple(named.items()), rule)

    async def check(self, target: ICheckTarget) -> Report:
        if callable(self.rule):
            return await _side_by_side(self.parts, target, _once_ended(self.rule, of=len(self.parts)))
        return await _side_by_side(self.parts, target, _at_least(self.rule, of=len(self.parts)))

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        number = isinstance(self.rule, int) and not isinstance(self.rule, bool)
        if not callable(self.rule) and not (number and 1 <= self.rule <= len(self.parts)):
            yield (
                f"rule: {self.rule!r} is neither a function nor a number from 1 to {len(self.parts)}, "
                "of checks that must pass; give one of them"
            )

    def _given(self) -> Iterator[str]:
        yield _shown(self.rule)
        yield from super()._given()


def _at_least(needed: int, *, of: int) -> Callable[[Passed], bool | None]:
    """Healthy as soon as so many have passed, and not so as soon as too many have failed."""

    def judge(passed: Passed) -> bool | None:
        well = sum(passed.values())
        if well >= needed:
            return True
        return False if len(passed) - well > of - needed else None

    return judge


def _once_ended(rule: Rule, *, of: int) -> Callable[[Passed], bool | None]:
    return lambda passed: None if len(passed) < of else bool(rule(passed))


async def _side_by_side(
    parts: tuple[tuple[str, Anything], ...], target: ICheckTarget, judge: Callable[[Passed], bool | None]
) -> Report:
    """Run them all until it is decided. Those that are not needed any more are waited for all the same."""
    together = _Together(judge)
    together.begin(parts, target)
    try:
        healthy = await together.decided
    except CancelledError:
        await together.end()
        if together.last_words:
            raise CheckFailed("; ".join(together.last_words)) from None
        raise
    finally:
        await together.end()
    if healthy:
        return together.report()
    raise CheckFailed("; ".join(together.failures) or "the rule says no, though none has failed")


class _Together:
    """Checks under way; `decided` fires with whether that is healthy, as soon as it can be known.

    `failures` are the evidence of those that failed until then, `last_words` of those that were ended.
    """

    def __init__(self, judge: Callable[[Passed], bool | None]) -> None:
        self.decided: Deferred[bool] = Deferred()
        self.failures, self.last_words = list[str](), list[str]()
        self._judge = judge
        self._running: list[Deferred[None]] = []
        self._passed: dict[str, bool] = {}
        self._reports: dict[str, Report] = {}

    def begin(self, parts: tuple[tuple[str, Anything], ...], target: ICheckTarget) -> None:
        """Begin them all, unless the first of them decide it at once."""
        for name, check in parts:
            if not self.decided.called:
                running = Deferred.fromCoroutine(examined(check, target))
                self._running.append(running.addBoth(self._ended, name))

    async def end(self) -> None:
        """End what still runs, and wait until it has."""
        for running in self._running:
            running.cancel()
        await DeferredList(self._running)

    def report(self) -> Report:
        """What those that passed report, as one, in the order in which they were given."""
        reports = self._reports.values()
        weights = [report.weight for report in reports if report.weight is not None]
        tags = [report.tags for report in reports if report.tags is not None]
        signals = [report.signals for report in reports if report.signals is not None]
        return Report(
            min(weights) if weights else None,
            frozenset().union(*tags) if tags else None,
            "; ".join(f"{name}: {report.detail}" for name, report in self._reports.items() if report.detail),
            {name: number for one in signals for name, number in one.items()} if signals else None,
        )

    def _ended(self, result: Report | Failure | None, name: str) -> None:
        if self.decided.called:
            self._too_late(result, name)
            return
        self._passed[name] = not isinstance(result, Failure)
        if isinstance(result, Failure):
            self.failures.append(f"{name}: {_evidence(result)}")
        else:
            self._reports[name] = result or Report()
        try:
            verdict = self._judge(self._passed)
        except Exception:  # noqa: BLE001  a rule of the user may raise anything
            self.decided.errback()
        else:
            if verdict is not None:
                self.decided.callback(verdict)

    def _too_late(self, result: Report | Failure | None, name: str) -> None:
        if isinstance(result, Failure) and result.check(CheckFailed) is not None:
            self.last_words.append(f"{name}: {result.getErrorMessage()}")


def _evidence(failure: Failure) -> str:
    if failure.check(CheckFailed) is not None:
        return failure.getErrorMessage()
    return f"the check itself failed: {safe_repr(failure.value)}"
