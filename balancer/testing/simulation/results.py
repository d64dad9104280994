"""What came of a simulation, in figures, as a table and as JSON; computes them, and knows no pool."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import attrs

from balancer.tables import table


@attrs.frozen
class Share:
    """One backend's part of it: the tries made on it, and how many of these failed; `share` is its part of all tries.

    `due` is the part that its weight asks for, among the backends of its tier.
    """

    name: str
    tries: int
    failed: int
    share: float
    due: float


@attrs.frozen
class Result:
    """What came of a simulation of `requests` that took `seconds` of the simulated time.

    `latencies` are the seconds from the arrival of each request to its end, however it ended, waits and retries
    included, in order of size; within p50, p90 and p99 so many per cent of them were over. `errors` counts the requests
    without a good answer, and `reasons` says why; a status of 500 or more is no good one.
    `skew` is the largest share of a backend over the one that is its due: 1 where every weight is honoured.
    """

    algorithm: str
    requests: int
    seconds: float
    latencies: Sequence[float] = attrs.field(repr=False)
    backends: tuple[Share, ...]
    reasons: Mapping[str, int]
    retries: int
    downs: int
    """How often a health check took a backend down."""
    ejections: int
    """How often one was ejected."""
    panics: int
    """How often the pool began to use backends that are not well, for want of others."""
    waited: int
    """How many waited for a backend with room."""

    @property
    def shares(self) -> dict[str, float]:
        """Each backend's part of all tries, by its name."""
        return {backend.name: backend.share for backend in self.backends}

    @property
    def errors(self) -> int:
        """Requests without a good answer."""
        return sum(self.reasons.values())

    @property
    def skew(self) -> float:
        """The largest share over the one that is due."""
        return max((each.share / each.due for each in self.backends if each.due), default=0.0)

    @property
    def p50(self) -> float:
        """Seconds within which half of the requests were over."""
        return self.quantile(0.5)

    @property
    def p90(self) -> float:
        """The same of nine in ten."""
        return self.quantile(0.9)

    @property
    def p99(self) -> float:
        """The same of 99 in a hundred."""
        return self.quantile(0.99)

    def quantile(self, part: float) -> float:
        """Seconds within which that part of the requests was over."""
        return self.latencies[max(0, ceil(part * len(self.latencies)) - 1)]

    def figures(self) -> dict[str, Any]:
        """All but the single latencies, as plain values."""
        return {
            "algorithm": self.algorithm,
            "requests": self.requests,
            "seconds": self.seconds,
            "p50": self.p50,
            "p90": self.p90,
            "p99": self.p99,
            "skew": self.skew,
            "errors": self.errors,
            "reasons": dict(self.reasons),
            "retries": self.retries,
            "waited": self.waited,
            "downs": self.downs,
            "ejections": self.ejections,
            "panics": self.panics,
            "backends": [attrs.asdict(backend) for backend in self.backends],
        }

    def to_json(self) -> str:
        """The figures as JSON, the same for the same simulation."""
        return json.dumps(self.figures(), indent=2)

    def __str__(self) -> str:
        return "\n".join(report([self]))


_HEAD = ("algorithm", "p50", "p90", "p99", "skew", "errors", "retries", "waited", "downs", "ejections", "panics")


def report(results: Sequence[Result]) -> Iterator[str]:
    """What came of it for each policy, and below it the shares of the backends, and why requests failed."""
    yield from table(_HEAD, [_row(result) for result in results])
    yield ""
    heads = ("backend", "due", *(result.algorithm for result in results))
    rows = zip(*(result.backends for result in results), strict=True)
    yield from table(heads, [(row[0].name, f"{row[0].due:.1%}", *map(_share, row)) for row in rows])
    for result in results:
        if result.reasons:
            told = ", ".join(f"{count} {reason}" for reason, count in result.reasons.items())
            yield f"\n{result.algorithm}: {told}"


def _row(result: Result) -> tuple[str, ...]:
    times = [milliseconds(value) for value in (result.p50, result.p90, result.p99)]
    counts = [getattr(result, name) for name in _HEAD[5:]]
    return (result.algorithm, *times, f"{result.skew:.2f}", *map(str, counts))


def _share(share: Share) -> str:
    failed = f" ({share.failed} failed)" if share.failed else ""
    return f"{share.share:.1%}{failed}"


def milliseconds(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
