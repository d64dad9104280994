"""Answers of a balancer as lines for people: short, aligned, and safe to print; refuses to know how they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from balancer.explain.texts import lines_of as explained
from balancer.tables import table

UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")

_QUEUE: Final = ("waiting", "longest_queue", "waited", "timed_out", "refused")
"""What a pool counts of those who wait."""

_LOG: Final = ("access_log", "written", "dropped", "failures", "waiting_bytes")
"""What an access log counts."""

Answer = Mapping[str, Any]


def lines_of(command: str, answer: Answer) -> list[str]:
    """The answer to a command, for people. What cannot be printed is shown as a question mark."""
    return ["".join(mark if mark.isprintable() else "?" for mark in line) for line in _TEXTS[command](answer)]


def _standing(answer: Answer) -> Iterator[str]:
    left = _counted(answer["eligible"], "backend")
    takes = "takes" if answer["eligible"] == 1 else "take"
    yield (
        f"{answer['pool']}/{answer['backend']}: {_state(answer)}, weight {answer['weight']:g}, "
        f"{_counted(answer['active'], 'live session')}; {left} of {answer['pool']} {takes} new sessions"
    )


def _counters(answer: Answer) -> Iterator[str]:
    process = answer["process"]
    yield (
        f"{process['sessions']} of {process['max_sessions']} sessions, {process['refused']} refused for want of room, "
        f"{_counted(process['flows'], 'flow')}, {_counted(process['pipes'], 'pipe')} on loan, "
        f"{_counted(process['deadlines'], 'deadline')}"
    )
    yield ""
    yield from table(
        ("LISTENER", "KIND", "ACCEPTED", "ACTIVE", "RECEIVED", "SENT", "TURNED AWAY"),
        (_listener(one) for one in answer["listeners"]),
    )
    yield ""
    yield from table(
        ("POOL", "BACKEND", "STATE", "WEIGHT", "ACTIVE", "SERVED", "FAILED", "LATENCY"),
        (_backend(pool["pool"], one) for pool in answer["pools"] for one in pool["backends"]),
    )
    for heads, rows in _what_there_is(answer):
        if rows:
            yield ""
            yield from table(heads, rows)


def _what_there_is(answer: Answer) -> Iterator[tuple[Sequence[str], list[Sequence[str]]]]:
    """The tables of what not every balancer has."""
    pools = answer["pools"]
    yield (
        ("POOL", "WAITING", "LONGEST QUEUE", "WAITED", "TIMED OUT", "REFUSED"),
        [[pool["pool"], *(str(pool[count]) for count in _QUEUE)] for pool in pools if _queued(pool)],
    )
    yield (
        ("PLUGIN", "FAILURES", "THE LAST"),
        [(one["plugin"], str(one["failures"]), one["last"]) for one in answer["faults"]],
    )
    yield (
        ("POOL", "SLOW PICKS"),
        [(pool["pool"], str(pool["slow_picks"])) for pool in pools if pool.get("slow_picks")],
    )
    yield (
        ("POOL", "EJECTED", "ON TRIAL", "EJECTIONS", "OBSERVED ONLY", "SPARED"),
        [_ejections(pool) for pool in pools if "ejections" in pool],
    )
    yield (
        ("POOL", "UNDER WAY", "REFUSED", "TRIED AGAIN"),
        [_retries(pool) for pool in pools if pool.get("retries") or pool.get("retries_refused")],
    )
    yield (
        ("CERTIFICATE OF", "KEY", "DAYS LEFT", "FILE", "RELOADED", "REFUSED"),
        [_certificate(tls, one) for tls in answer["tls"] for one in tls["certificates"]],
    )
    yield (
        ("ACME", "DAYS LEFT", "OBTAINED", "FAILURES", "NEXT TRY", "LAST ERROR"),
        [_acme(one) for one in answer["acme"]],
    )
    yield (
        ("ACCESS LOG", "WRITTEN", "DROPPED", "FAILURES", "BYTES WAITING"),
        [[str(one[count]) for count in _LOG] for one in answer["access_logs"]],
    )


def _ejections(pool: Answer) -> Sequence[str]:
    done, observed = (_by_kind(pool[kind]) for kind in ("ejections", "observed"))
    return (pool["pool"], str(pool["ejected"]), str(pool["on_trial"]), done, observed, str(pool["spared"]))


def _retries(pool: Answer) -> Sequence[str]:
    reasons = _by_kind(pool["retries"])
    return (pool["pool"], str(pool["retries_under_way"]), str(pool["retries_refused"]), reasons)


def _by_kind(counts: Mapping[str, int]) -> str:
    """Counts of which each has a name."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "-"


def _certificate(tls: Answer, one: Answer) -> Sequence[str]:
    """A row; how often files were read anew is counted for all certificates of one `TLS` together."""
    counts = (str(tls[name]) for name in ("reloaded", "refused"))
    return (", ".join(one["names"]), one["key"], str(one["days_left"]), one["file"], *counts)


def _acme(one: Answer) -> Sequence[str]:
    left = "-" if one["days_left"] is None else f"{one['days_left']:.1f}"
    following = "now" if one["next_try"] is None else _moment(one["next_try"])
    counts = (str(one[name]) for name in ("obtained", "failures"))
    return (one["acme"][0], left, *counts, following, one["last_error"] or "-")


def _queued(pool: Answer) -> bool:
    """Whether anybody ever waited for a backend with room, or would have."""
    return bool(pool["waited"] or pool["refused"])


def _listener(one: Answer) -> Sequence[str]:
    """A row. Of flows, those opened were accepted, and datagrams dropped were turned away."""
    dropped = {name.removeprefix("dropped_"): count for name, count in one.items() if name.startswith("dropped_")}
    return (
        one["listener"],
        one["kind"],
        str(one.get("accepted", one.get("opened"))),
        str(one["active"]),
        _size(one.get("received_bytes")),
        _size(one.get("sent_bytes")),
        _by_kind(dropped or one["refused"]),  # what is refused of flows was refused by their backends
    )


def _backend(pool: str, one: Answer) -> Sequence[str]:
    latency = "-" if one["latency"] is None else f"{1000 * one['latency']:.1f} ms"
    limit = "" if one["max_connections"] is None else f" of {one['max_connections']}"
    counts = (str(one[name]) for name in ("served", "failed"))
    return (pool, one["backend"], _state(one), f"{one['weight']:g}", f"{one['active']}{limit}", *counts, latency)


def _connections(answer: Answer) -> Iterator[str]:
    yield from table(
        ("LISTENER", "CLIENT", "TLS", "BACKEND", "AGE", "RECEIVED", "SENT"),
        (
            (
                one["listener"],
                one["client"] or "a unix socket",
                one["tls"] or "-",
                one["backend"] or "-",
                f"{one['age']:.0f} s",
                _size(one["received_bytes"]),
                _size(one["sent_bytes"]),
            )
            for one in answer["connections"]
        ),
    )
    if answer["more"]:
        yield f"and {answer['more']} more"


def _events(answer: Answer) -> Iterator[str]:
    if not answer["events"]:
        yield "nothing has changed"
        return
    rows = [
        (
            _moment(one["at"]),
            f"{one['pool']}/{one['backend']}".rstrip("/"),
            one["what"],
            one["why"] + (f": {one['evidence']}" if one["evidence"] else ""),
        )
        for one in answer["events"]
    ]
    yield from table((), rows)


_TEXTS: Final[Mapping[str, Callable[[Answer], Iterable[str]]]] = {
    "drain": _standing,
    "undrain": _standing,
    "weight": _standing,
    "counters": _counters,
    "connections": _connections,
    "events": _events,
    "explain": explained,
}


def _state(one: Answer) -> str:
    """How it is, and what else keeps sessions away."""
    also = ", draining" if one["draining"] and one["state"] != "draining" else ""
    return f"{one['state']}{also}{', on trial' if one['on_trial'] else ''}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _size(count: int | None) -> str:
    """Bytes in the largest unit of which there is one."""
    if count is None:
        return "-"
    power = min(max(count.bit_length() - 1, 0) // 10, len(UNITS) - 1)
    return f"{count} B" if power == 0 else f"{count / 1024**power:.1f} {UNITS[power]}"
