"""Why a pool would choose what it chooses for a session, as values: asked for on demand, and nothing changes by it.

The choice is made by the pool's own pick, with pickers made for this alone and chance of their own. Refuses to know
how a session came to the pool.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from copy import copy
from random import Random
from typing import TYPE_CHECKING, Any, Final

import attrs

from balancer.core.eligibility import reasons
from balancer.core.pickers import Policy, Ports
from balancer.errors import BalancerError

if TYPE_CHECKING:
    from balancer.core.backend import Backend
    from balancer.core.messages import RequestHead
    from balancer.core.pool import Pool
    from balancer.core.session import Session

DRAWS: Final = 64
"""How often a choice is made anew, to see what else it may be."""

_SEED: Final = 1
"""Of the chance by which choices are made here: the same question has the same answer."""


@attrs.frozen
class Choice:
    """What would be chosen: that `backend`, by 'decision', or by 'turn' or by 'chance' `among` some.

    Those are who came up in `DRAWS` choices, in the order of the config. `algorithm` made it. Where there is no backend
    it is by 'nobody', for that `reason`, and `why` says it in words. `request` is the head as the algorithm lets the
    backend have it, where it has a say in that.
    """

    backend: str | None
    by: str
    algorithm: str = ""
    among: tuple[str, ...] = ()
    reason: str = ""
    why: str = ""
    request: RequestHead | None = None


@attrs.frozen
class Considered:
    """One backend: how it is, the `reasons` why it may not be chosen, and what the algorithm said of it, if anything.

    What a `score` means is for the algorithm to say.
    """

    backend: str
    address: str
    state: str
    weight: float
    active: int
    max_connections: int | None
    tier: int
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    score: float | None
    note: str


@attrs.frozen
class TierShare:
    """A tier that is in use, and the share of sessions that it has."""

    tier: int
    share: float


@attrs.frozen
class PoolExplained:
    """A pool as one session finds it.

    `panic` tells whether it uses backends that are not well, for want of others. `tiers` are those in use. `retry` is
    the choice after one that failed, None if there is none to fail. `fault` is what went wrong as the algorithm was
    asked about its scores.
    """

    pool: str
    algorithm: str
    panic: bool
    tiers: tuple[TierShare, ...]
    backends: tuple[Considered, ...]
    choice: Choice
    retry: Choice | None
    fault: str = ""


def explaining(pool: Pool, session: Session) -> Generator[None, None, PoolExplained]:
    """The explanation, in slices of work; the session stays as it is."""
    random = Random(_SEED)
    calls: list[Any] = []
    twin = _twin(pool, Ports(random, pool.ports.seconds, calls.append))
    while calls:
        yield
        calls.pop()()
    choice = yield from _chosen(twin, session, random)
    retry = None
    if choice.backend is not None:
        first = next(backend for backend in pool.backends if backend.name == choice.backend)
        retry = yield from _chosen(twin, session, random, first)
    words, fault = _words(pool.policy, session)
    considered = tuple(_considered(*one, words) for one in _reasons(pool, session))
    tiers = _tiers(pool)
    panic = any(backend.pressed for backend in pool.backends)
    return PoolExplained(pool.name, pool.policy.title, panic, tiers, considered, choice, retry, fault)


def _tiers(pool: Pool) -> tuple[TierShare, ...]:
    """The tiers in use, lowest first."""
    if pool.standing is not None:
        return tuple(TierShare(tier, share) for tier, share in sorted(pool.standing.shares.items()))
    return tuple(TierShare(tier, 1.0) for tier in sorted({backend.tier for backend in pool.eligible()}))


def _twin(pool: Pool, ports: Ports) -> Pool:
    """The same pool, counts and backends included, with pickers of its own where there are any."""
    twin, eligible = copy(pool), pool.eligible()
    twin.ports, twin.policy = ports, pool.policy.twin(eligible, ports)
    twin.plan_b = None if pool.plan_b is None else pool.plan_b.twin(eligible, ports)
    return twin


def _chosen(pool: Pool, session: Session, random: Random, *failed: Backend) -> Generator[None, None, Choice]:
    """What the pool chooses again and again, after those have failed."""
    before, found = random.getstate(), dict[str | None, Choice]()
    for _ in range(DRAWS):
        try:
            one = _picked(pool, session, failed)
        except BalancerError as error:
            if not found:
                return Choice(None, "nobody", reason=error.reason, why=str(error))
        else:
            found.setdefault(one.backend, one)
        yield
    by = "chance" if random.getstate() != before else "turn"
    among = tuple(backend.name for backend in pool.backends if backend.name in found)
    return attrs.evolve(next(iter(found.values())), by=by if len(found) > 1 else "decision", among=among)


def _picked(pool: Pool, session: Session, failed: Iterable[Backend]) -> Choice:
    """One choice of the pool, which is given back at once."""
    asking = copy(session)
    asking.become(tried=(*session.tried, *failed))
    lease = pool.pick(asking)
    lease.backend.books.active -= 1
    try:
        request = lease.requested(session.request) if lease.has_say and session.request is not None else None
    finally:
        lease.refuse()
    return Choice(lease.backend.name, "decision", lease.policy.title, request=request)


_Words = Mapping[Any, tuple[float, str]]


def _words(policy: Policy, session: Session) -> tuple[_Words, str]:
    """What the picker that serves says of backends, and what went wrong with that."""
    explain = getattr(policy.snapshot and policy.snapshot.picker, "explain", None)
    if explain is None:
        return {}, ""
    try:
        return {backend: (float(score), str(note)) for backend, score, note in explain(session)}, ""
    except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
        return {}, f"explain() raised {type(error).__name__}: {error}"


def _reasons(pool: Pool, session: Session) -> Iterator[tuple[Backend, tuple[str, ...]]]:
    """What keeps the session from each of the backends."""
    tiers, now = {backend.tier for backend in pool.eligible()} or None, pool.ports.seconds()
    for backend in pool.backends:
        share = 1.0 if pool.starts is None else pool.starts.share(backend, now)
        yield backend, tuple(reasons(backend, session, tiers=tiers, share=share))


def _considered(backend: Backend, because: tuple[str, ...], words: _Words) -> Considered:
    score, note = words.get(backend, (None, ""))
    return Considered(
        backend.name,
        backend.address,
        backend.state,
        backend.weight,
        backend.active,
        backend.max_connections,
        backend.tier,
        tuple(sorted(backend.tags)),
        because,
        score,
        note,
    )
