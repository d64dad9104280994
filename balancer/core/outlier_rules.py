"""The rules by which backends are ejected, and their arithmetic; holds no counts, and refuses to know any backend.

The rules are Envoy's outlier detection, but for a least gap that a small and steady group needs, and for a cap that
lets one backend of however few be ejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Final

import attrs

from balancer.core.blame import Ending

ROWS: Final[Mapping[str, frozenset[Ending]]] = {
    "local_errors": frozenset({Ending.LOCAL}),
    "gateway_errors": frozenset({Ending.GATEWAY}),
    "failures": frozenset({Ending.LOCAL, Ending.GATEWAY, Ending.FAILED}),
}
"""What each rule of consecutive ends counts; an end of another kind breaks its row. The narrowest comes first."""

TRIAL: Final = "trial"
"""What stands among the rules for a backend that failed while it was tried out."""


@attrs.frozen
class Verdict:
    """What a rule says of a backend that it wants ejected: why, and by what evidence."""

    rule: str
    why: str
    evidence: str


@attrs.frozen
class SuccessRate:
    """Looks for a backend whose share of sessions that end well is below that of its group.

    That is `deviations` standard deviations below the mean, and at least `gap` (a share). Who had fewer than `requests`
    sessions in an interval is not looked at, and with fewer than `backends` others nobody is.
    """

    deviations: float
    gap: float
    requests: int
    backends: int

    def least(self, rates: Sequence[float]) -> float:
        """The rate below which a backend stands out in a group with these rates, of which there must be one."""
        mean = sum(rates) / len(rates)
        deviation = sqrt(sum((rate - mean) ** 2 for rate in rates) / len(rates))
        return mean - max(self.deviations * deviation, self.gap)


@attrs.frozen
class FailureShare:
    """Looks for a backend of whose sessions this `share` fails; `requests` and `backends` as in `SuccessRate`."""

    share: float
    requests: int
    backends: int


@attrs.frozen
class Rules:
    """All that a pool ejects by; times in seconds.

    `rows` are the lengths of the rows that eject, by rule. What is `observed` ejects nobody. Rates are taken of `every`
    so many seconds. An ejection lasts `time` for each time in a row, `longest` at most, and up to the share `jitter` of
    that more. At most the share `most` of the backends is ejected at once. `trials` sessions at a time try out who
    comes back; with `back_by_check` that may be as soon as a health check passes again.
    """

    rows: Mapping[str, int]
    success_rate: SuccessRate | None = None
    failure_share: FailureShare | None = None
    observed: frozenset[str] = frozenset()
    every: float = 10.0
    time: float = 30.0
    longest: float = 300.0
    jitter: float = 0.0
    most: float = 0.1
    trials: int = 1
    back_by_check: bool = True

    @property
    def most_times(self) -> int:
        """More times in a row make no ejection longer."""
        return ceil(self.longest / self.time)

    def seconds_out(self, times: int, chance: float) -> float:
        """How long an ejection takes, given how many there were in a row and a number from 0 to 1."""
        return min(self.time * times, self.longest) * (1 + self.jitter * chance)

    def cap(self, backends: int) -> int:
        """How many of so many may be out at once."""
        return max(1, int(self.most * backends + 1e-9))  # 0.29 * 100 is a little less than 29
