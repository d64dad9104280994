"""A pool on a virtual clock whose sessions end as a test says, watched by the production rules of ejection."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from balancer.core.backend import Backend
from balancer.core.outlier_rules import Rules
from balancer.core.outliers import Change, Outliers
from balancer.core.pickers import Ports
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.interfaces import Kind, Phase
from tests.core.policies import Steered
from tests.core.virtual_time import VirtualTime

FIVE = {"failures": 5, "gateway_errors": 5, "local_errors": 5}


class Watched:
    """A pool and who watches it; `told` are the changes, with their times."""

    def __init__(self, tiers: Sequence[int], rules: Rules, *, seed: int = 0) -> None:
        self.time = VirtualTime()
        self.told = list[tuple[float, Change]]()
        self.backends = [
            Backend(f"b{number}", f"b{number}:80", "b", seconds=self.time.seconds, tier=tier)
            for number, tier in enumerate(tiers)
        ]
        ports = Ports(Random(seed), self.time.seconds, lambda call: self.time.later(0.0, call))
        self.pool = Pool("site", self.backends, Steered("at random"), ports=ports)
        self.rules = rules
        self.outliers = Outliers(rules, self.pool, later=self.time.later, told=self._tell)
        self.outliers.start()

    def _tell(self, change: Change) -> None:
        self.told.append((self.time.time, change))

    def pick(self, number: int) -> Lease:
        """A session on that backend, which must be usable."""
        others = [one for one in self.backends if one is not self.backends[number]]
        return self.pool.pick(Session(Kind.HTTP, ("192.0.2.1", 1), self.time.time, tried=others))

    def ends(self, number: int, *ends: int | BalancerError) -> None:
        """Sessions on that backend that end so, one after another: with a status or an error."""
        for end in ends:
            lease = self.pick(number)
            if isinstance(end, int):
                lease.answered()
                lease.end(status=end)
            else:
                lease.end(Phase.CONNECT, error=end)

    def whats(self, number: int) -> list[str]:
        """What happened to that backend, in order."""
        return [change.what for _, change in self.told if change.backend is self.backends[number]]

    @property
    def last(self) -> Change:
        """The latest change."""
        return self.told[-1][1]

    @property
    def states(self) -> list[str]:
        """The states of all."""
        return [one.state for one in self.backends]


def watched(count: int = 3, **rules: Any) -> Watched:
    """So many backends of one tier; five bad ends in a row eject, if no other rule is given."""
    return Watched([0] * count, Rules(rules.pop("rows", FIVE), **rules))
