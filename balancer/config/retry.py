"""For what the requests of a route are tried again, as a user writes it; refuses to try anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from balancer.config.mistakes import Noun, as_tuple, count, is_number, seconds, share, shown

_METHOD: Final = re.compile(r"[A-Z][A-Z0-9_-]*")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HEADER: Final = re.compile(r"x-(?!forwarded-)[a-z0-9-]*[a-z0-9]")


def _statuses(given: int | Iterable[int]) -> tuple[int, ...]:
    return as_tuple(given)


def _methods(given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    return None if given is None else as_tuple(given)


@attrs.frozen
class Retry(Noun):
    """For what, how often and how soon the requests of a `Route` are tried again. Raises `ConfigError`.

    A request is tried `attempts` times at most, failures to connect included, each time on a backend that it was not
    tried on; None is as often as its pool says. `methods` are those that may be sent twice; None is those that HTTP
    calls idempotent: GET, HEAD, OPTIONS, TRACE, PUT and DELETE. A body of up to `body` bytes is kept for that, and a
    request with a longer one is not tried again.

    What is tried again is a connection that ends before anything of an answer has come, an answer of one of the
    `statuses`, which the client never sees unless it is the last that can be had, and a try without an answer after
    `per_try_timeout`, if another is possible. A `Retry-After` of one second is waited; a longer one forbids a retry.

    The first retry comes after up to `backoff` seconds, by chance; the next after up to 3, 7 and then 10 times as much.
    Of the requests that are active in the pool at most the share `budget`, or `budget_floor` of them, are on a retry at
    any time. A request that waits for an answer for `hedge` seconds and whose method is safe (GET, HEAD, OPTIONS,
    TRACE) is sent to another backend as well, within the budget; the first answer counts. `attempt_header` names a
    field that tells backends which try it is, 1 the first.
    """

    attempts: int | None = attrs.field(default=None, kw_only=True)
    statuses: tuple[int, ...] = attrs.field(default=(), converter=_statuses, kw_only=True)
    methods: tuple[str, ...] | None = attrs.field(default=None, converter=_methods, kw_only=True)
    per_try_timeout: float | None = attrs.field(default=None, kw_only=True)
    backoff: float = attrs.field(default=0.025, kw_only=True)
    budget: float = attrs.field(default=0.2, kw_only=True)
    budget_floor: int = attrs.field(default=3, kw_only=True)
    body: int = attrs.field(default=65536, kw_only=True)
    attempt_header: str | None = attrs.field(default=None, kw_only=True)
    hedge: float | None = attrs.field(default=None, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        if self.attempts is not None:
            yield from count("attempts", self.attempts, least=2)
        for status in self.statuses:
            if not isinstance(status, int) or not 400 <= status <= 599:
                yield f"statuses: {shown(status)} is not one of a failure; give some of 400 to 599, such as 503"
        yield from self._wrong_methods()
        yield from self._wrong_times()
        yield from self._wrong_budget()
        yield from count("body", self.body, least=0)
        header = self.attempt_header
        if header is not None and not (isinstance(header, str) and _HEADER.fullmatch(header.lower())):
            yield f"attempt_header: {shown(header)} is not a field to add; give one such as 'x-attempt'"

    def too_late(self, whose: str, patience: float | None) -> Iterator[str]:
        """What of it would come when somebody's patience, of so many seconds, is at its end."""
        for name in ("per_try_timeout", "hedge"):
            given = getattr(self, name)
            if is_number(given) and is_number(patience) and given >= patience:
                yield f"retry: {name}: would be ignored, for {whose}={patience:g}; give less"

    def _wrong_times(self) -> Iterator[str]:
        if self.per_try_timeout is not None:
            yield from seconds("per_try_timeout", self.per_try_timeout, like=2, least=0.01)
        if self.backoff != 0:
            yield from (f"{line}, or 0" for line in seconds("backoff", self.backoff, like=0.025))
        if self.hedge is not None:
            yield from seconds("hedge", self.hedge, like=0.2)
            if self.methods and not _SAFE & set(self.methods):
                yield "hedge: would be ignored, for none of the methods is safe; leave it out"
            if is_number(self.per_try_timeout) and is_number(self.hedge) and self.hedge >= self.per_try_timeout:
                yield f"hedge: would be ignored, for per_try_timeout={self.per_try_timeout:g} is over before; give less"

    def _wrong_methods(self) -> Iterator[str]:
        for method in self.methods or ():
            if not isinstance(method, str) or not _METHOD.fullmatch(method):
                yield f"methods: {shown(method)} is not a method; give one in capital letters, such as 'GET'"
        if self.methods == ():
            yield "methods: there is none; give at least one, or leave retry out"

    def _wrong_budget(self) -> Iterator[str]:
        yield from share("budget", self.budget)
        yield from count("budget_floor", self.budget_floor, least=0)
        if self.budget == self.budget_floor == 0:
            yield "budget: 0 with budget_floor=0 allows no retry; give more, or leave retry out"
