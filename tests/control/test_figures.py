"""The counters and the live sessions: what is shown is what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from balancer.assembly.tls import certificates_of
from balancer.config import TLS
from balancer.control import figures
from balancer.core.pickers import Policy
from balancer.core.standing import Standing
from balancer.plugins.algorithms import First
from tests.control.house import RELAY, Asked
from tests.net.authority import Authority
from tests.net.house import FRONT, answer, request


def test_counters_of_listeners(asked: Asked) -> None:
    """Each listener tells whom it accepted, who is alive, and the bytes moved by relays, those of the dead included."""
    clients = asked.relays(2)
    asked.fars[0].last.say(b"welcome")
    clients[0].cut()
    relay, site = asked.do("counters")["listeners"]
    assert relay == {
        "listener": f"tcp:{RELAY}",
        "kind": "TCP",
        "accepted": 2,
        "active": 1,
        "refused": {},
        "received_bytes": 10,
        "sent_bytes": 7,
    }
    assert site == {"listener": f"tcp:{FRONT}", "kind": "HTTP", "accepted": 0, "active": 0, "refused": {}}
    clients[1].cut()
    assert asked.do("counters")["listeners"][0]["received_bytes"] == 10


def test_a_relay_that_is_over_counts_once(asked: Asked) -> None:
    """While a client still takes the last of a relay that is over, its bytes are shown, and are counted once."""
    client = asked.house.client(b"x", RELAY)
    far = next(one for one in asked.fars if one.calls and one.last.heard == b"x")
    client.hold()
    client.finish()
    far.last.say(b"welcome")
    far.last.finish()
    assert [one["sent_bytes"] for one in asked.do("connections")["connections"]] == [7]
    assert asked.do("counters")["listeners"][0]["sent_bytes"] == 7
    client.go_on()
    assert asked.do("counters")["listeners"][0]["sent_bytes"] == 7


def test_counters_of_who_was_turned_away(asked: Asked) -> None:
    """Refusals are counted by reason."""
    for far in asked.fars[:2]:
        far.bound.stopListening()
    asked.relays(3)
    assert asked.do("counters")["listeners"][0]["refused"] == {"connect-failed": 3}


def test_counters_of_panic(asked: Asked) -> None:
    """Where sessions are shared out the shares of the tiers are told, and who is in a panic, and how often that was."""
    pool = next(iter(asked.assembly.pools.values()))
    pool.standing = Standing(pool.backends, spill=1.4, panic=0.5, changed=lambda *_: None)
    for backend in pool.backends:
        backend.become(up=False)
    pool.refresh()
    site, api = asked.do("counters")["pools"]
    assert (site["shares"], site["panicking"], site["panics"], site["eligible"]) == ({"0": 1.0}, [0], 1, 2)
    assert "shares" not in api


def test_counters_of_pools(asked: Asked) -> None:
    """Each pool tells its backends: how they are, and what they had."""
    client = asked.house.client(request())
    asked.house.network.advance(0.5)
    asked.api.last.say(answer(b"hi"))
    assert client.hear()
    asked.do("drain", backend="api/b2")
    site, api = asked.do("counters")["pools"]
    assert (site["pool"], site["eligible"], site["policy_faults"]) == ("site", 2, 0)
    assert api == {
        "pool": "api",
        "eligible": 0,
        "policy_faults": 0,
        "slow_picks": 0,
        "waiting": 0,
        "longest_queue": 0,
        "waited": 0,
        "timed_out": 0,
        "refused": 0,
        "retries": {},
        "retries_under_way": 0,
        "retries_refused": 0,
        "idle_connections": 0,
        "backends": [
            {
                "backend": "b2",
                "address": "127.0.0.1:9003",
                "state": "draining",
                "draining": True,
                "on_trial": False,
                "weight": 1.0,
                "tier": 0,
                "active": 0,
                "max_connections": None,
                "served": 1,
                "failed": 0,
                "latency": 0.5,
                "signals": {},
            }
        ],
    }
    assert site["backends"][0]["latency"] is None


def test_counters_of_slow_picks(asked: Asked) -> None:
    """Picks that took longer than the budget are counted by pool, those of the stand-in too."""
    pool = next(iter(asked.assembly.pools.values()))
    stand_in: Any = First()
    pool.plan_b = Policy(stand_in, pool.name, pool.ports)
    for policy in (pool.policy, pool.plan_b, pool.plan_b):
        policy.took(0.02)
    pool.policy.took(0.001)
    assert [one["slow_picks"] for one in asked.do("counters")["pools"]] == [3, 0]


def test_counters_of_retries(asked: Asked) -> None:
    """Pools that speak HTTP tell what was sent again and why, and how many connections they keep; others do not."""
    client = asked.house.client(request())
    asked.api.last.say(answer(b"hi"))
    assert asked.do("counters")["pools"][1]["idle_connections"] == 1
    client.say(request())
    asked.api.last.close()
    site, api = asked.do("counters")["pools"]
    assert (api["retries"], api["idle_connections"]) == ({"stale-connection": 1}, 0)
    assert "retries" not in site


def test_counters_of_the_process(asked: Asked) -> None:
    """What the whole process has in use is told, with the most that it may have."""
    asked.relays(2)
    process = asked.do("counters")["process"]
    room = asked.assembly.room
    assert (process["sessions"], process["max_sessions"], process["refused"]) == (2, room.limit, 0)
    assert (process["flows"], process["pipes"], process["events"]) == (0, 0, 0)
    assert process["deadlines"] == len(asked.assembly.deadlines) > 0


def test_connections(asked: Asked) -> None:
    """Every live session is shown with its listener, client, backend if it has one, age, and bytes where counted."""
    relay = asked.relays(1)[0]
    name, far = next((name, far) for name, far in zip(("b1", "site/b2"), asked.fars, strict=False) if far.calls)
    far.last.say(b"welcome")
    asked.house.network.advance(2)
    busy, idle = asked.house.client(request()), asked.house.client()
    asked.house.network.advance(1)

    def row(client: Any, port: int, kind: str, backend: str | None, age: float, *moved: int | None) -> dict[str, Any]:
        address = client.transport.getHost()
        return {
            "listener": f"tcp:{port}",
            "kind": kind,
            "client": f"{address.host}:{address.port}",
            "tls": None,
            "backend": backend,
            "age": pytest.approx(age, abs=0.2),
            "received_bytes": moved[0],
            "sent_bytes": moved[1],
        }

    shown = asked.do("connections")
    assert shown["more"] == 0
    assert sorted(shown["connections"], key=lambda one: str(one["client"])) == [
        row(relay, RELAY, "TCP", name, 3, 5, 7),
        row(busy, FRONT, "HTTP", "api/b2", 1, None, None),
        row(idle, FRONT, "HTTP", None, 1, None, None),
    ]


def test_sessions_without_a_backend_yet(asked: Asked) -> None:
    """Who waits for a connection to a backend is shown without one."""
    for port in (9001, 9002, 9003):
        asked.house.network.hang(port)
    asked.relays(1)
    asked.house.client(request())
    assert [one["backend"] for one in asked.do("connections")["connections"]] == [None, None]


def test_only_so_many_connections_are_shown(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sessions some are shown, and how many more there are is told."""
    monkeypatch.setattr(figures, "ROWS", 3)
    asked.relays(5)
    shown = asked.do("connections")
    assert (len(shown["connections"]), shown["more"]) == (3, 2)


def test_counters_of_certificates(asked: Asked, tmp_path: Path) -> None:
    """Of each TLS it is told which certificates it has, and how often they were read anew or refused."""
    assert asked.do("counters")["tls"] == []
    settings = TLS(Authority().leaf("a.example").store(tmp_path))
    certificates_of(asked.assembly, settings)
    asked.assembly.reloads[settings].refused += 1
    (tls,) = asked.do("counters")["tls"]
    assert (tls["tls"], tls["reloaded"], tls["refused"]) == (str(settings), 0, 1)
    assert [one["names"] for one in tls["certificates"]] == [["a.example"]]
