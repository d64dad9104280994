"""What is asked of a simulated pool, by whom and when, and how its backends do, as a user writes it; runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate, chain, islice
from random import Random
from typing import Any, Final

import attrs

from balancer.config.mistakes import Noun, as_tuple, count, instance, is_number, shown
from balancer.core.messages import RequestHead
from balancer.interfaces import Report
from balancer.testing.simulation.chance import Arrivals, Exponential, Poisson, Service
from balancer.testing.simulation.faults import Fault

_REPORT: Final = "Report(tags={'primary'})"

Asks = Callable[[int], RequestHead]
"""Makes the request of the client of that number."""

MOST_KEYS = 1 << 24
"""As many as have addresses of their own in 10.0.0.0/8."""


def _faults(given: Fault | Iterable[Fault]) -> tuple[Fault, ...]:
    return as_tuple(given)


def plain_request(number: int) -> RequestHead:
    """What a client asks for unless a trace says otherwise: hashing finds its number wherever it looks."""
    key = f"k{number}"
    return RequestHead(
        "GET", f"/{key}?key={key}", "simulated.example", fields=(("x-key", key), ("cookie", f"key={key}"))
    )


@attrs.frozen(eq=False)
class Trace(Noun):
    """So many `requests`, or connections, that arrive as `arrivals` say, and how long backends work on each.

    Each backend works on as many at once as it has `servers`; others wait there, in order. To make a connection, and to
    bring an answer, takes `network` seconds. There are `keys` different clients, each with an address of its own and a
    header, a path, a query parameter and a cookie, all called "key" or "x-key"; with a `skew` of 1 the second of them
    comes half as often as the first, the third a third as often, and so on. `asks` makes the requests instead, from the
    client's number. `faults` befall the backends. `reports` are what health checks report of those that are well, by
    their names, such as `{"b1": Report(tags={"primary"})}`. Raises `ConfigError`.
    """

    requests: int = 10_000
    arrivals: Arrivals = attrs.field(default=Poisson(100), kw_only=True)
    service: Service = attrs.field(default=Exponential(0.05), kw_only=True)
    servers: int = attrs.field(default=4, kw_only=True)
    network: float = attrs.field(default=0.0005, kw_only=True)
    keys: int = attrs.field(default=1000, kw_only=True)
    skew: float = attrs.field(default=0.0, kw_only=True)
    asks: Asks | None = attrs.field(default=None, kw_only=True)
    faults: tuple[Fault, ...] = attrs.field(default=(), converter=_faults, kw_only=True)
    reports: Mapping[str, Report] = attrs.field(factory=dict, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from count("requests", self.requests)
        yield from _can("arrivals", self.arrivals, "gaps", "Poisson(100)")
        yield from _can("service", self.service, "times", "Exponential(0.05)")
        yield from count("servers", self.servers)
        yield from count("keys", self.keys)
        if isinstance(self.keys, int) and self.keys > MOST_KEYS:
            yield f"keys: {self.keys} is more than {MOST_KEYS}; give less"
        for name in ("network", "skew"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                yield f"{name}: {shown(value)} is not a number from 0 up; give 0 for none"
        if self.asks is not None and not callable(self.asks):
            yield f"asks: {shown(self.asks)} cannot be called; give a function of a number that returns a RequestHead"
        for fault in self.faults:
            yield from instance("faults", fault, Fault, "give one such as Fault('b2', 'slow', at=30, lasts=20)")
        if not isinstance(self.reports, Mapping):
            yield f"reports: {shown(self.reports)} is no mapping; give one such as {{'b1': {_REPORT}}}"
            return
        for report in self.reports.values():
            yield from instance("reports", report, Report, f"give one such as {_REPORT}")

    def misfits(self, names: Iterable[str], *, checked: bool) -> Iterator[str]:
        """What of it would befall nobody in a pool of those backends, given whether their health is checked."""
        known = frozenset(names)
        for field, told in (("faults", [fault.backend for fault in self.faults]), ("reports", self.reports)):
            yield from (
                f"{field}: there is no backend {name!r}; name one of the pool's" for name in told if name not in known
            )
        if self.reports and not checked:
            yield "reports: would be ignored, for no health check makes any; give the pool health=Health(...)"

    def head(self, number: int) -> RequestHead:
        """What the client of that number asks for."""
        return (self.asks or plain_request)(number)

    def moments(self, random: Random) -> Iterator[float]:
        """When the requests arrive; fewer than `requests` if no more were recorded."""
        return islice(accumulate(self.arrivals.gaps(random)), self.requests)

    def clients(self, random: Random) -> Iterator[int]:
        """The number of one request's client after the other, without an end."""
        if not self.skew:
            return iter(lambda: random.randrange(self.keys), None)
        marks = list(accumulate((number + 1) ** -self.skew for number in range(self.keys)))
        draws = (random.choices(range(self.keys), cum_weights=marks, k=1000) for _ in iter(int, 1))
        return chain.from_iterable(draws)


def _can(field: str, value: Any, method: str, like: str) -> Iterator[str]:
    if isinstance(value, type) or not callable(getattr(value, method, None)):
        yield f"{field}: {shown(value)} has no {method}(random); give one such as {like}"
