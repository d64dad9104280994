"""What `balancer ctl` prints for people."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.flow_bounds import Counts
from balancer.ctl.texts import lines_of

BACKEND = {
    "backend": "b1",
    "address": "10.0.0.11:80",
    "state": "up",
    "draining": False,
    "on_trial": False,
    "weight": 0.5,
    "tier": 0,
    "active": 3,
    "max_connections": None,
    "served": 1200,
    "failed": 1,
    "latency": 0.0123,
}
STANDING = {"ok": True, "pool": "site", "eligible": 2, **BACKEND}
NO_MORE: dict[str, list[Any]] = {"faults": [], "acme": [], "access_logs": [], "tls": []}
"""What is counted only where there is something to count."""


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "site/b1: up, weight 0.5, 3 live sessions; 2 backends of site take new sessions"),
        (
            {"state": "draining", "draining": True, "active": 1, "eligible": 1},
            "site/b1: draining, weight 0.5, 1 live session; 1 backend of site takes new sessions",
        ),
        (
            {"state": "down", "draining": True, "weight": 1.0, "active": 0, "eligible": 0},
            "site/b1: down, draining, weight 1, 0 live sessions; 0 backends of site take new sessions",
        ),
        (
            {"on_trial": True, "active": 1},
            "site/b1: up, on trial, weight 0.5, 1 live session; 2 backends of site take new sessions",
        ),
    ],
)
@pytest.mark.parametrize("command", ["drain", "undrain", "weight"])
def test_how_a_backend_is(command: str, changes: dict[str, Any], line: str) -> None:
    """After a change one line says how the backend is now, and who is left to take its sessions."""
    assert lines_of(command, {**STANDING, **changes}) == [line]


def test_counters() -> None:
    """Counters are tables: one of listeners and one of backends, beneath a line about the process."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "events"), 1) | {"max_sessions": 480}
    tcp = {"listener": "tcp:5432", "kind": "TCP", "accepted": 12, "active": 3, "refused": {"connect-failed": 2, "x": 0}}
    moved = {"received_bytes": 1023, "sent_bytes": 5 * 1024**3}
    flows = Counts(opened=7, dropped_no_backend=4, refused=3, received_bytes=1536)
    udp = {"listener": "udp:53", "kind": "UDP", "active": 0, **attrs.asdict(flows)}
    http = {"listener": "tcp:80", "kind": "HTTP", "accepted": 0, "active": 0, "refused": {}}
    down = {"latency": None, "state": "down", "weight": 1.0}
    other = {**BACKEND, **down, "backend": "127.0.0.1:8080", "max_connections": 8}
    pool = {"pool": "site", **dict.fromkeys(("waiting", "longest_queue", "waited", "timed_out", "refused"), 0)}
    answer = {
        "process": process,
        "listeners": [{**tcp, **moved}, udp, http],
        "pools": [{**pool, "backends": [BACKEND, other]}],
        **NO_MORE,
    }
    lines = [
        "1 of 480 sessions, 1 refused for want of room, 1 flow, 1 pipe on loan, 1 deadline",
        "",
        "LISTENER  KIND  ACCEPTED  ACTIVE  RECEIVED  SENT     TURNED AWAY",
        "tcp:5432  TCP   12        3       1023 B    5.0 GiB  2 connect-failed",
        "udp:53    UDP   7         0       1.5 KiB   0 B      4 no_backend",
        "tcp:80    HTTP  0         0       -         -        -",
        "",
        "POOL  BACKEND         STATE  WEIGHT  ACTIVE  SERVED  FAILED  LATENCY",
        "site  b1              up     0.5     3       1200    1       12.3 ms",
        "site  127.0.0.1:8080  down   1       3 of 8  1200    1       -",
    ]
    assert lines_of("counters", answer) == lines
    busy = {**pool, "waiting": 2, "longest_queue": 7, "waited": 90, "backends": [BACKEND, other]}
    assert lines_of("counters", {**answer, "pools": [busy]}) == [
        *lines,
        "",
        "POOL  WAITING  LONGEST QUEUE  WAITED  TIMED OUT  REFUSED",
        "site  2        7              90      0          0",
    ]


def test_counters_of_logs() -> None:
    """Access logs are a table of their own, where there are any."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "max_sessions"), 0)
    log = {"access_log": "/x.log", "written": 8130, "dropped": 2, "failures": 0, "waiting_bytes": 512}
    answer = {"process": process, "listeners": [], "pools": [], **NO_MORE, "access_logs": [log]}
    assert lines_of("counters", answer)[-2:] == [
        "ACCESS LOG  WRITTEN  DROPPED  FAILURES  BYTES WAITING",
        "/x.log      8130     2        0         512",
    ]


def test_counters_of_retries() -> None:
    """What was tried again is a table, of pools where anything was, or would have been."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "events"), 1) | {"max_sessions": 480}
    pool = {"backends": [], **dict.fromkeys(("waiting", "longest_queue", "waited", "timed_out", "refused"), 0)}
    some = {"retries": {"upstream-gone": 3, "stale-connection": 1}, "retries_under_way": 2, "retries_refused": 0}
    none: dict[str, Any] = {"retries": {}, "retries_under_way": 0, "retries_refused": 0}
    pools = [
        {**pool, **some, "pool": "site"},
        {**pool, **none, "pool": "api"},
        {**pool, **none, "retries_refused": 5, "pool": "busy"},
        {**pool, "pool": "database"},
    ]
    lines = lines_of("counters", {"process": process, "listeners": [], "pools": pools, **NO_MORE})
    assert lines[-3:] == [
        "POOL  UNDER WAY  REFUSED  TRIED AGAIN",
        "site  2          0        3 upstream-gone, 1 stale-connection",
        "busy  0          5        -",
    ]


def test_counters_of_slow_picks() -> None:
    """Picks that took too long are a table, of pools that had any."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "events"), 1) | {"max_sessions": 480}
    pool = {"backends": [], **dict.fromkeys(("waiting", "longest_queue", "waited", "timed_out", "refused"), 0)}
    pools = [{**pool, "slow_picks": 0, "pool": "site"}, {**pool, "slow_picks": 7, "pool": "api"}]
    lines = lines_of("counters", {"process": process, "listeners": [], "pools": pools, **NO_MORE})
    assert lines[-2:] == ["POOL  SLOW PICKS", "api   7"]


def test_counters_of_ejections() -> None:
    """Who is ejected, by which rules and who is not is a table, of pools in which anybody may be."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "events"), 1) | {"max_sessions": 480}
    pool = {"backends": [], **dict.fromkeys(("waiting", "longest_queue", "waited", "timed_out", "refused"), 0)}
    some = {"ejected": 1, "on_trial": 0, "ejections": {"failures": 3, "trial": 2}, "observed": {"success_rate": 1}}
    none: dict[str, Any] = {"ejected": 0, "on_trial": 1, "ejections": {}, "observed": {}, "spared": 0}
    pools = [{**pool, **some, "spared": 4, "pool": "site"}, {**pool, **none, "pool": "api"}, {**pool, "pool": "other"}]
    lines = lines_of("counters", {"process": process, "listeners": [], "pools": pools, **NO_MORE})
    assert lines[-3:] == [
        "POOL  EJECTED  ON TRIAL  EJECTIONS            OBSERVED ONLY   SPARED",
        "site  1        0         3 failures, 2 trial  1 success_rate  4",
        "api   0        1         -                    -               0",
    ]


def test_connections() -> None:
    """Sessions are a table, with how many more there are if not all are shown."""
    row = {"listener": "tcp:80", "client": "192.0.2.1:5", "tls": "TLSv1.3", "backend": "b1", "age": 61.6}
    bare = {**row, "client": None, "tls": None, "backend": None, "received_bytes": None, "sent_bytes": None}
    answer = {"connections": [{**row, "received_bytes": 0, "sent_bytes": 2048}, bare], "more": 0}
    lines = [
        "LISTENER  CLIENT         TLS      BACKEND  AGE   RECEIVED  SENT",
        "tcp:80    192.0.2.1:5    TLSv1.3  b1       62 s  0 B       2.0 KiB",
        "tcp:80    a unix socket  -        -        62 s  -         -",
    ]
    assert lines_of("connections", answer) == lines
    assert lines_of("connections", {**answer, "more": 7}) == [*lines, "and 7 more"]


def test_events() -> None:
    """Events are told with their time in UTC, what changed, by whom, and on what evidence."""
    down = {
        "at": 0.0,
        "pool": "site",
        "backend": "b1",
        "what": "down",
        "why": "health check HTTPCheck()",
        "evidence": "500",
    }
    drained = {"at": 86400.5, "pool": "site", "backend": "b2", "what": "draining", "why": "control", "evidence": ""}
    assert lines_of("events", {"events": [down, drained]}) == [
        "1970-01-01 00:00:00Z  site/b1  down      health check HTTPCheck(): 500",
        "1970-01-02 00:00:00Z  site/b2  draining  control",
    ]
    assert lines_of("events", {"events": []}) == ["nothing has changed"]


@given(st.text(max_size=20))
def test_nothing_unprintable_is_printed(text: str) -> None:
    """Whatever a backend or a plugin said, it moves no cursor."""
    event = {"at": 0.0, "pool": "p", "backend": "b", "what": "down", "why": "check", "evidence": text}
    assert all(line.isprintable() for line in lines_of("events", {"events": [event]}))


@given(st.integers(0, 1 << 70))
def test_sizes_are_short(size: int) -> None:
    """Bytes are shown in at most four digits and a unit, until there is no larger unit."""
    row = {
        "listener": "l",
        "client": "c",
        "tls": None,
        "backend": "b",
        "age": 0,
        "received_bytes": size,
        "sent_bytes": 0,
    }
    cells = re.split("  +", lines_of("connections", {"connections": [row], "more": 0})[1])
    number, unit = cells[5].split()
    assert len(number) <= 6 or unit == "TiB"
    power = ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert float(number) * 1024**power == pytest.approx(size, rel=0.06)
