"""Chooses among what remains for a session after a pool's picker had its chances; refuses to know what that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balancer.core.backend import Backend
from balancer.core.lease import Lease
from balancer.core.pickers import Snapshot
from balancer.core.session import Session
from balancer.errors import PolicyFailed

if TYPE_CHECKING:
    from balancer.core.pool import Pool

SMALL = 64
"""Up to so many remaining backends a picker is built for them alone; among more, chance decides."""


def choose_among(pool: Pool, remaining: list[Backend], session: Session) -> Lease | None:
    """What is chosen when nothing else is offered; chance stands in for a picker that takes too long to make."""
    current = pool.policy.snapshot
    if current is not None and (current.in_slices or len(remaining) > SMALL):
        lease = _choose_knowing(pool, remaining, current, session)
        if lease is None or lease.backend in remaining:
            return lease
        lease.refuse()
    if len(remaining) > SMALL:
        return draw(pool, remaining, session)
    try:
        snapshot = pool.policy.compile(remaining)
    except PolicyFailed:
        return pool.choose(None, session)
    return draw(pool, remaining, session) if snapshot is None else pool.choose(snapshot, session)


def _choose_knowing(pool: Pool, remaining: list[Backend], snapshot: Snapshot, session: Session) -> Lease | None:
    """The choice of a picker that is told beforehand of all that it cannot have.

    So a hash goes on along the order that it has for the key, where another table would be slow to make.
    """
    tried, possible = session.tried, frozenset(remaining)
    session.become(tried=tuple(backend for backend in pool.backends if backend not in possible))
    try:
        return pool.choose(snapshot, session)
    finally:
        session.become(tried=tried)


def draw(pool: Pool, remaining: list[Backend], session: Session) -> Lease:
    """Chance's choice, of which no algorithm is told."""
    chosen = pool.ports.random.choice(remaining)
    return Lease(pool, session, chosen, pool.policy, Snapshot(remaining, lambda _: chosen))
