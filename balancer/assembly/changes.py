"""What follows when a backend changes, by its health check, by how its sessions end or by hand: told and carried out.

Who has changed it, and why, is for others to know.
"""

from __future__ import annotations

from itertools import chain

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.core.backend import Backend
from balancer.core.eligibility import reasons
from balancer.core.outliers import Change
from balancer.errors import BackendDown

log = Logger("balancer")

BY_HAND = "control"
"""Who it was when an operator told the balancer to."""

BY_AGENT = "agent"
"""Who it was when a backend's own agent did."""


def started(parts: Parts) -> None:
    """The balancer has started: record how its backends are, and make the connections that are to be there."""
    for settings, pool in parts.pools.items():
        for backend in pool.backends:
            parts.events.note(settings.name, backend.name, backend.state, why="start")
            settle_connections(parts, settings, backend)


def checked(parts: Parts, settings: nouns.Pool, backend: Backend, *, why: str, evidence: str) -> None:
    """A health check has brought a backend into use or out of it."""
    _tell(parts, settings, backend, _found(backend), why=why, evidence=evidence)
    settle_connections(parts, settings, backend)
    _settle_sessions(parts, settings, backend, f"a health check took it down: {evidence}")


def _found(backend: Backend) -> str:
    """How a health check has found it, and what else there is against it."""
    if not backend.up:
        return "down"
    if not backend.fit:
        return f"up, but {', '.join(reasons(backend))}"
    return backend.state if backend.weight else f"{backend.state}, with weight 0"


def heeded(parts: Parts, settings: nouns.Pool, backend: Backend, *, what: str, line: str) -> None:
    """A backend is treated otherwise from now on, for its agent has said that line."""
    _tell(parts, settings, backend, what, why=BY_AGENT, evidence=line)
    settle_connections(parts, settings, backend)
    _settle_sessions(parts, settings, backend, f"its agent took it out of use: {line}")


def tagged(parts: Parts, settings: nouns.Pool, backend: Backend, *, why: str) -> None:
    """A health check reports other tags of a backend, such as its new role; sessions that are open stay."""
    tags = ", ".join(sorted(backend.tags)) or "none"
    parts.events.note(settings.name, backend.name, f"tags: {tags}", why=why)
    log.info("pool {pool!r}: backend {backend!r} has tags: {tags}", pool=settings.name, backend=backend.name, tags=tags)


def judged(parts: Parts, settings: nouns.Pool, change: Change) -> None:
    """A backend was ejected for how its sessions end, is tried out or is back; or a rule wanted it, and it was not."""
    parts.events.note(settings.name, change.backend.name, change.what, why=change.why, evidence=change.evidence)
    log.info(
        "pool {pool!r}: backend {backend!r} is {what}: {why}{evidence}",
        pool=settings.name,
        backend=change.backend.name,
        what=change.what,
        why=change.why,
        evidence=f": {change.evidence}" if change.evidence else "",
    )


def of_pool(parts: Parts, settings: nouns.Pool, what: str, why: str, evidence: str) -> None:
    """Something has changed for a pool as a whole."""
    parts.events.note(settings.name, "", what, why=why, evidence=evidence)
    log.error(
        "pool {pool!r}: {what}: {why}{evidence}",
        pool=settings.name,
        what=what,
        why=why,
        evidence=f": {evidence}" if evidence else "",
    )


def drain(parts: Parts, settings: nouns.Pool, backend: Backend, *, draining: bool) -> None:
    """Give a backend no new sessions and leave it those it has; or, with `draining=False`, new ones again."""
    if backend.draining is not draining:
        backend.become(draining=draining)
        _changed_by_hand(parts, settings, backend, "draining" if draining else "undrained")


def weigh(parts: Parts, settings: nouns.Pool, backend: Backend, weight: float) -> None:
    """Put a weight in place of the configured one; 0 gives it no new sessions."""
    if backend.own_weight != weight:
        backend.become(own_weight=weight)
        _changed_by_hand(parts, settings, backend, f"weight {weight:g}")


def _changed_by_hand(parts: Parts, settings: nouns.Pool, backend: Backend, what: str) -> None:
    parts.pools[settings].refresh()
    _tell(parts, settings, backend, what, why=BY_HAND, evidence="")
    settle_connections(parts, settings, backend)


def _tell(parts: Parts, settings: nouns.Pool, backend: Backend, what: str, *, why: str, evidence: str) -> None:
    parts.events.note(settings.name, backend.name, what, why=why, evidence=evidence)
    who = {BY_HAND: ", by control", BY_AGENT: ", by its agent"}.get(why, "")
    log.info(
        "pool {pool!r}: backend {backend!r} is {state}{because}",
        pool=settings.name,
        backend=backend.name,
        state=what,
        because=f"{who}: {evidence}" if evidence else who,
    )


def settle_connections(parts: Parts, settings: nouns.Pool, backend: Backend) -> None:
    """Use no kept connection to a backend that is out of use, and have some ready to one that is in use."""
    upstreams = parts.upstreams.get(settings)
    if upstreams is not None and backend.usable:
        upstreams.warm_up(backend)
    elif upstreams is not None:
        upstreams.drop(backend)


def _settle_sessions(parts: Parts, settings: nouns.Pool, backend: Backend, cause: str) -> None:
    """Give what is alive on a backend that went down the fate that its pool has for it, and forget that if it is up.

    A time that runs already runs on, whatever else changes.
    """
    if backend.up and not backend.agent:
        waiting = parts.grace.pop(backend, None)
        if waiting is not None:
            waiting.cancel()
        return
    if settings.on_down == "keep" or backend in parts.grace:
        return
    error = BackendDown(cause)
    if settings.on_down == "cut":
        _end_sessions(parts, settings, backend, error)
    else:
        seconds = float(settings.on_down)
        parts.grace[backend] = parts.deadlines.after(seconds, lambda: _end_sessions(parts, settings, backend, error))


def _end_sessions(parts: Parts, settings: nouns.Pool, backend: Backend, error: BackendDown) -> None:
    """Have the sessions of all listeners that use the pool leave the backend; many of them take several turns."""
    parts.grace.pop(backend, None)
    using = [listener for noun, listener in parts.listeners if settings in noun.all_pools]
    parts.work(chain.from_iterable(listener.leave(backend, error) for listener in using))
