"""What a pool tells whoever watches how its sessions end, and what it asks of them."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, NoBackend
from balancer.interfaces import Kind, Phase
from tests.core.policies import Steered, Turns, backend

ENDS = [
    (Phase.DONE, None, None),
    (Phase.DONE, 503, None),
    (Phase.CONNECT, None, ConnectFailed("refused")),
    (Phase.DATA, 200, DownstreamGone("left")),
]


class Watcher:
    """Keeps what it is told; with `spoils` it takes that backend out whenever it is asked."""

    def __init__(self, spoils: Backend | None = None) -> None:
        self.ends = list[tuple[Any, ...]]()
        self.spoils, self.settled = spoils, 0

    def ended(self, lease: Lease, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        """Keep it."""
        self.ends.append((lease.backend, lease.backend.active, phase, status, error))

    def checked(self, backend: Backend, passed: bool) -> None:
        """Nobody checks here."""

    def settle(self) -> None:
        """Count it."""
        self.settled += 1
        if self.spoils is not None:
            self.spoils.become(ejected=True)


def session() -> Session:
    """A session."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0)


@pytest.mark.parametrize(("phase", "status", "error"), ENDS)
def test_who_watches_is_told_of_each_end_once(phase: Phase, status: int | None, error: BalancerError | None) -> None:
    """Each end of a session is told once, as it was, when it counts no more; a choice that was refused is none."""
    first, second = backend("a"), backend("b")
    pool = Pool("site", [first, second], Steered(), ports=Turns().ports())
    pool.watch = watcher = Watcher()
    one = session()
    one.become(tried=(first,))
    lease = pool.pick(one)
    assert watcher.ends == []
    for _ in range(2):
        lease.end(phase, status=status, error=error)
    assert watcher.ends == [(second, 0, phase, status, error)]


def test_who_watches_has_a_say_before_the_eligible_are_counted() -> None:
    """What is done about backends as others change is heeded at once."""
    first, second = backend("a"), backend("b")
    pool = Pool("site", [first, second], Steered(), ports=Turns().ports())
    pool.watch = watcher = Watcher(first)
    pool.refresh()
    assert watcher.settled == 1
    assert pool.pick(session()).backend is second


def test_a_trial_lets_so_many_through() -> None:
    """A backend on trial takes no more sessions at once than that, in a pool without limits too."""
    one = backend("a")
    pool = Pool("site", [one], Steered(), ports=Turns().ports())
    one.become(trial=2)
    leases = [pool.pick(session()) for _ in range(2)]
    with pytest.raises(NoBackend):
        pool.pick(session())
    leases[0].end()
    assert pool.pick(session()).backend is one
