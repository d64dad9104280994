"""What a balancer has counted and what is alive in it, as plain values made when asked; changes nothing."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, Final

from balancer import config as nouns
from balancer.assembly import Assembly
from balancer.config.endpoints import Endpoint
from balancer.control.naming import Names
from balancer.core.backend import Backend
from balancer.core.outlier_counts import Stage
from balancer.core.outliers import Outliers
from balancer.core.pool import Pool
from balancer.net.sessions import Sight
from balancer.net.upstreams import Upstreams

ROWS: Final = 1000
"""Sessions that are shown at most."""


def counters(assembly: Assembly) -> dict[str, Any]:
    """All there is, by listener, by pool and backend, and for the process."""
    listeners = [{**_which(noun), **listener.counters()} for noun, listener in assembly.listeners]
    flows = sum(one["active"] for one in listeners if one["kind"] == "UDP")
    return {
        "process": {
            "sessions": assembly.room.taken,
            "max_sessions": assembly.room.limit,
            "refused": assembly.room.refused,
            "flows": flows,
            "pipes": assembly.pipes.lent,
            "deadlines": len(assembly.deadlines),
            "events": assembly.events.noted,
        },
        "listeners": listeners,
        "pools": [
            {**_pool(pool), **_ejection(assembly.outliers.get(noun)), **_sent_again(assembly.upstreams.get(noun))}
            for noun, pool in assembly.pools.items()
        ],
        "faults": _faults(assembly),
        "acme": [{"acme": list(noun.names), **renewal.figures()} for noun, renewal in assembly.acmes.items()],
        "access_logs": [log.counters() for log in assembly.logs.values()],
        "tls": [_tls(assembly, noun) for noun in assembly.certificates],
    }


def connections(assembly: Assembly, names: Names) -> dict[str, Any]:
    """The live sessions, `ROWS` of them at most, and how many `more` there are."""
    now = assembly.reactor.seconds()
    every = chain.from_iterable(
        (_session(noun, sight, now, names) for sight in listener.look()) for noun, listener in assembly.listeners
    )
    rows = list(islice(every, ROWS))
    return {"connections": rows, "more": sum(listener.active for _, listener in assembly.listeners) - len(rows)}


def standing(backend: Backend) -> dict[str, Any]:
    """How a backend is and what it has counted. `latency` is in seconds."""
    latency = backend.latency
    return {
        "backend": backend.name,
        "address": backend.address,
        "state": backend.state,
        "draining": backend.draining,
        "on_trial": backend.trial is not None,
        "weight": backend.weight,
        "tier": backend.tier,
        "active": backend.live,
        "max_connections": backend.max_connections,
        "served": backend.served,
        "failed": backend.failed,
        "latency": None if latency is None else round(latency, 6),
        "signals": dict(backend.signals),
    }


def _pool(pool: Pool) -> dict[str, Any]:
    return {
        "pool": pool.name,
        "eligible": len(pool.eligible()),
        "policy_faults": pool.policy.faults.count,
        "slow_picks": sum(policy.slow for policy in (pool.policy, pool.plan_b) if policy),
        **_panic(pool),
        "waiting": pool.waiting,
        "longest_queue": pool.longest_queue,
        "waited": pool.waited,
        "timed_out": pool.timed_out,
        "refused": pool.refused,
        "backends": [standing(backend) for backend in pool.backends],
    }


def _ejection(outliers: Outliers | None) -> dict[str, Any]:
    """What is counted where backends are ejected: how many are out, and what was done by which rule, or was not."""
    if outliers is None:
        return {}
    return {
        "ejected": outliers.count(Stage.OUT),
        "on_trial": outliers.count(Stage.TRIAL),
        "ejections": dict(outliers.ejections),
        "observed": dict(+outliers.observed),
        "spared": outliers.spared,
    }


def _panic(pool: Pool) -> dict[str, Any]:
    """Where sessions are shared out among tiers, or health may be set aside: to which share, and where it is now."""
    standing = pool.standing
    if standing is None:
        return {}
    shares = {str(tier): round(share, 4) for tier, share in standing.shares.items()}
    return {"shares": shares, "panicking": sorted(standing.panicking), "panics": standing.panics}


def _sent_again(upstreams: Upstreams | None) -> dict[str, Any]:
    """What is counted where HTTP is spoken: tries beyond the first, by reason, and the connections that are idle."""
    if upstreams is None:
        return {}
    budget = upstreams.budget
    return {
        "retries": dict(budget.reasons),
        "retries_under_way": budget.under_way,
        "retries_refused": budget.refused,
        "idle_connections": sum(upstreams.kept.count(backend) for backend in upstreams.pool.backends),
    }


def _faults(assembly: Assembly) -> list[dict[str, Any]]:
    """How often each plugin has failed, and how it did so last."""
    policies = [policy for pool in assembly.pools.values() for policy in (pool.policy, pool.plan_b) if policy]
    return [
        {"plugin": plugin, "failures": count, "last": faults.causes[plugin]}
        for faults in (*(policy.faults for policy in policies), *assembly.faults)
        for plugin, count in faults.counts.items()
    ]


def _tls(assembly: Assembly, noun: nouns.TLS) -> dict[str, Any]:
    """The certificates of one `TLS`, and how often they were read anew, or were not used as they were."""
    files = assembly.reloads[noun]
    shown = assembly.certificates[noun].figures()
    return {"tls": str(noun), "reloaded": files.reloaded, "refused": files.refused, "certificates": shown}


def _which(noun: nouns.Listener) -> dict[str, Any]:
    return {"listener": noun.endpoint, "kind": noun.kind.name}


def _session(noun: nouns.Listener, sight: Sight, now: float, names: Names) -> dict[str, Any]:
    return {
        **_which(noun),
        "client": str(Endpoint("", sight.client)) if sight.client[0] else None,
        "tls": None if sight.secured is None else sight.secured.version,
        "backend": None if sight.backend is None else names.shown(sight.backend),
        "age": round(max(0.0, now - sight.began), 1),
        "received_bytes": sight.received,
        "sent_bytes": sight.sent,
    }
