"""The way of a question as plain values, which JSON has, in a shape that stays; decides nothing."""

from __future__ import annotations

from typing import Any, Final

import attrs

from balancer.core.explaining import Choice, PoolExplained
from balancer.core.explaining_routes import Asked, RouteAsked
from balancer.core.faults import placeless
from balancer.core.messages import RequestHead
from balancer.errors import BalancerError
from balancer.explain.heads import lines_sent
from balancer.explain.way import Hop, Way
from balancer.interfaces import Kind, Reply

SHAPE: Final = 1
"""Of what is told: higher when a reader of it has to change. More may be told without that."""

LONGEST_BODY: Final = 400
"""Characters of a reply's body that are told."""


def told(way: Way) -> dict[str, Any]:
    """All of it. What is not there is None, or empty."""
    host, port = way.asked.client
    return {
        "shape": SHAPE,
        "question": way.asked.line,
        "client": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "outcome": _outcome(way),
        "backend": way.backend,
        "listeners": [_hop(hop) for hop in way.hops],
        "captures": dict(way.captures),
        "filters": list(way.filters),
        "request": None if way.came is None else _request(way, way.came),
        "reply": None if way.reply is None else _reply(way.reply),
        "error": None if way.error is None else _error(way.error, way.hops[-1].kind),
        "pool": None if way.pool is None else _pool(way.pool),
        "notes": list(map(placeless, way.notes)),
    }


def _outcome(way: Way) -> str:
    """How it ends, in a word."""
    if way.error is not None:
        return "refused"
    if way.reply is not None:
        return "replied"
    return "unserved" if way.backend is None else "served"


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "listener": hop.listener,
        "kind": hop.kind.name,
        "notes": list(hop.notes),
        "routes": [_route(route) for route in hop.routes.tried],
        "taken": hop.routes.taken,
        "left": hop.routes.left,
    }


def _route(route: RouteAsked) -> dict[str, Any]:
    return {
        "route": route.number,
        "name": route.name,
        "matches": route.matches,
        "passed_over": route.passed_over,
        "asked": None if route.asked is None else _asked(route.asked),
    }


def _asked(asked: Asked) -> dict[str, Any]:
    return {
        "matcher": asked.matcher,
        "answer": asked.answer,
        "error": asked.error,
        "captures": dict(asked.captures),
        "joined": asked.joined,
        "parts": [_asked(part) for part in asked.parts],
    }


def _request(way: Way, came: RequestHead) -> dict[str, Any]:
    """The request as it came and as the backend is sent it, if it is, line by line, and the difference."""
    before = _lines(came)
    after = [] if way.goes is None else lines_sent(way.goes)
    changes = [f"- {line}" for line in _without(before, after)] + [f"+ {line}" for line in _without(after, before)]
    return {"came": before, "sent": after, "changes": changes if after else []}


def _lines(head: RequestHead) -> list[str]:
    fields = (("host", head.authority), *head.fields)
    return [f"{head.method} {head.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]


def _without(lines: list[str], others: list[str]) -> list[str]:
    """The lines that are not among the others, as often as they are not."""
    left, kept = list(others), []
    for line in lines:
        if line in left:
            left.remove(line)
        else:
            kept.append(line)
    return kept


def _reply(reply: Reply) -> dict[str, Any]:
    body = reply.body.decode("utf-8", "replace")
    return {
        "status": reply.status,
        "fields": [f"{name}: {value}" for name, value in reply.fields],
        "body": body if len(body) <= LONGEST_BODY else f"{body[: LONGEST_BODY - 3]}...",
    }


def _error(error: BalancerError, kind: Kind) -> dict[str, Any]:
    """Only HTTP has a status."""
    return {"status": error.status if kind is Kind.HTTP else None, "reason": error.reason, "why": placeless(str(error))}


def _pool(pool: PoolExplained) -> dict[str, Any]:
    return {
        "pool": pool.pool,
        "algorithm": pool.algorithm,
        "panic": pool.panic,
        "fault": pool.fault,
        "tiers": [attrs.asdict(one) for one in pool.tiers],
        "backends": [
            {**attrs.asdict(one), "tags": list(one.tags), "reasons": list(one.reasons)} for one in pool.backends
        ],
        "choice": _choice(pool.choice),
        "retry": None if pool.retry is None else _choice(pool.retry),
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "backend": choice.backend,
        "by": choice.by,
        "algorithm": choice.algorithm,
        "among": list(choice.among),
        "reason": choice.reason,
        "why": choice.why,
    }
