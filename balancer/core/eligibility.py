"""Why a backend may not be given a session, in words for people; changes nothing, and chooses nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from balancer.core.backend import Backend
from balancer.core.session import Session


def reasons(
    backend: Backend, session: Session | None = None, *, tiers: Collection[int] | None = None, share: float = 1.0
) -> list[str]:
    """All that keeps sessions, or this one, from a backend; nothing for one that may be chosen.

    `tiers` are those in use, or None for any; `share` is what slow start lets through of the sessions it would get.
    """
    return [
        *_unfit(backend),
        *_closed(backend),
        *_for_this(backend, session),
        *_for_now(backend, tiers, share),
    ]


def _unfit(backend: Backend) -> Iterator[str]:
    """What those object who look after it, which counts for nothing in a panic."""
    if backend.pressed:
        return
    if not backend.up:
        yield "down"
    if backend.agent:
        yield f"agent says {backend.agent}"
    if backend.ejected:
        yield "ejected"


def _closed(backend: Backend) -> Iterator[str]:
    """What holds for every session."""
    if backend.draining:
        yield "draining"
    if backend.agent_drains:
        yield "agent says drain"
    if backend.weight <= 0:
        yield "weight 0"
    if backend.full:
        why = "full" if backend.trial is None else "on trial"
        yield f"{why} ({backend.live} of {backend.most})"


def _for_this(backend: Backend, session: Session | None) -> Iterator[str]:
    if session is not None and backend in session.tried:
        yield "tried"


def _for_now(backend: Backend, tiers: Collection[int] | None, share: float) -> Iterator[str]:
    """What the others of its pool, and time, have to do with it."""
    if tiers is not None and backend.tier not in tiers:
        yield f"tier {backend.tier} is not in use"
    if share < 1:
        yield f"starting slowly ({share:.0%})".replace("%", " %")
