"""What was told of a question, as lines that a person reads in ten seconds: the answer first; knows plain values alone.

So it serves who asked here, and who asked a running balancer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from balancer.tables import table

NAMED: Final = 8
"""Names that are listed at most, where there may be many."""

WIDEST: Final = 100
"""Characters of a filter's settings that are shown."""

Told = Mapping[str, Any]


def lines_of(told: Told) -> list[str]:
    """All of it, for people. What cannot be printed is shown as a question mark."""
    return ["".join(mark if mark.isprintable() else "?" for mark in line).rstrip() for line in _lines(told)]


def _lines(told: Told) -> Iterator[str]:
    yield f"{told['question']}, from {told['client']}"
    yield f"=> {_answer(told)}"
    for hop in told["listeners"]:
        yield ""
        yield hop["listener"]
        yield from (f"  note: {note}" for note in hop["notes"])
        yield from _routes(hop)
    if told["captures"]:
        yield f"  captures: {', '.join(f'{name}={value!r}' for name, value in told['captures'].items())}"
    yield from _head(told)
    if told["pool"] is not None:
        yield ""
        yield from _pool(told["pool"])


def _answer(told: Told) -> str:
    """How it ends, and why, in one line."""
    if told["error"] is not None:
        status = told["error"]["status"]
        return f"refused{f' with {status}' if status else ''}, {told['error']['reason']}: {told['error']['why']}"
    if told["reply"] is not None:
        return f"answered with {told['reply']['status']}, by {'a filter' if told['filters'] else 'the balancer itself'}"
    pool = told["pool"]
    if told["backend"] is None:
        return f"not served, {pool['choice']['reason']}: {pool['choice']['why']}"
    return f"pool {pool['pool']!r}: {_choice(pool['choice'])}{_retry(pool['retry'])}"


def _retry(retry: Told | None) -> str:
    if retry is None:
        return ""
    return f"; if that fails: {'nobody' if retry['backend'] is None else _choice(retry)}"


def _choice(choice: Told) -> str:
    if choice["by"] == "decision":
        return f"backend {choice['backend']}"
    how = "in turn" if choice["by"] == "turn" else "by chance"
    return f"backend {choice['backend']}, {how} among {_named(choice['among'])}"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _routes(hop: Told) -> Iterator[str]:
    """The routes as far as they were tried, those passed over together."""
    passed = [route["route"] for route in hop["routes"] if route["passed_over"]]
    if passed:
        yield f"  {len(passed)} routes are for other hosts or paths"
    rows = [row for route in hop["routes"] if not route["passed_over"] for row in _route(route)]
    yield from (f"  {line}" for line in table((), rows))
    if hop["left"]:
        yield f"  {hop['left']} more {'route is' if hop['left'] == 1 else 'routes are'} not tried"


def _route(route: Told) -> Iterator[tuple[str, str, str]]:
    asked = route["asked"]
    head = f"route {route['route']}" + (f" {route['name']!r}" if route["name"] else "")
    for depth, node in _nodes(asked, 0):
        plain = not node["joined"] or _is_plain_not(node)
        text = node["matcher"] if plain else _JOINED[node["joined"]]
        fault = f": {node['error']}" if node["error"] else ""
        yield head, node["answer"], f"{'  ' * depth}{text}{fault}"
        head = ""


_JOINED: Final = {"all": "all of", "any": "any of", "not": "not"}


def _nodes(asked: Told, depth: int) -> Iterator[tuple[int, Told]]:
    """A matcher and its parts, each below what it is a part of; not for what is not joined further."""
    yield depth, asked
    for part in () if _is_plain_not(asked) else asked["parts"]:
        yield from _nodes(part, depth + 1)


def _is_plain_not(asked: Told) -> bool:
    return asked["joined"] == "not" and not asked["parts"][0]["parts"]


def _head(told: Told) -> Iterator[str]:
    """What becomes of the head of a request, and what it is answered here."""
    if told["filters"]:
        yield ""
        yield "filters"
        yield from (f"  {name if len(name) <= WIDEST else name[: WIDEST - 3] + '...'}" for name in told["filters"])
    yield from (f"  note: {note}" for note in told["notes"])
    if told["reply"] is not None:
        yield ""
        yield "the client is sent"
        yield f"  {told['reply']['status']}"
        yield from (f"  {field}" for field in told["reply"]["fields"])
        yield from (f"  | {line}" for line in told["reply"]["body"].splitlines())
    if told["request"] is not None and told["request"]["changes"]:
        yield ""
        yield "the backend is sent" if told["backend"] is not None else "a backend would be sent"
        yield from (f"  {line}" for line in told["request"]["changes"])


def _pool(pool: Told) -> Iterator[str]:
    yield f"Pool {pool['pool']!r}, {pool['algorithm']}" + (
        ", in panic: it uses backends that are not well" if pool["panic"] else ""
    )
    if pool["choice"]["algorithm"] not in {"", pool["algorithm"]}:
        yield f"  note: {pool['choice']['algorithm']} has chosen"
    if pool["fault"]:
        yield f"  note: {pool['algorithm']}: {pool['fault']}"
    if len({one["tier"] for one in pool["backends"]}) > 1 and pool["tiers"]:
        shares = (f"tier {one['tier']} {100 * one['share']:.0f} %" for one in pool["tiers"])
        yield f"  sessions by tier: {', '.join(shares)}"
    yield from (f"  {line}" for line in _backends(pool))


def _backends(pool: Told) -> Iterator[str]:
    """A row each; tags have a column where there are any."""
    head = ("BACKEND", "STATE", "TIER", "WEIGHT", "ACTIVE", "SCORE", "NOTE")
    rows = [(*_backend(one), _note(one, pool)) for one in pool["backends"]]
    if not any(one["tags"] for one in pool["backends"]):
        return table(head, rows)
    tags = [",".join(one["tags"]) or "-" for one in pool["backends"]]
    return table(
        (*head[:3], "TAGS", *head[3:]), [(*row[:3], tag, *row[3:]) for row, tag in zip(rows, tags, strict=True)]
    )


def _backend(one: Told) -> tuple[str, ...]:
    limit = "" if one["max_connections"] is None else f" of {one['max_connections']}"
    score = "-" if one["score"] is None else f"{one['score']:.4g}"
    return one["backend"], one["state"], str(one["tier"]), f"{one['weight']:g}", f"{one['active']}{limit}", score


def _note(one: Told, pool: Told) -> str:
    """The reasons against a backend, or else what the algorithm says of it."""
    choice = pool["choice"]
    if one["reasons"]:
        at_times = "chosen all the same" if one["backend"] == choice["backend"] else "not always"
        return f"{at_times if one['backend'] in choice['among'] else 'not chosen'}: {', '.join(one['reasons'])}"
    if one["score"] is None and any(other["score"] is not None for other in pool["backends"]):
        return "not considered by the algorithm"
    note: str = one["note"]
    return note
