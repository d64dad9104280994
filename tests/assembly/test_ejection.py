"""A pool's ejection, from what a user wrote to what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from twisted.logger import formatEvent

from balancer.assembly.ejection import rules
from balancer.config import Ejection, FailureShare, Health, HTTPListener, Pool, SuccessRate, TCPListener
from balancer.control.figures import counters
from balancer.core import outlier_rules
from balancer.core.session import Session
from balancer.errors import CheckFailed
from balancer.interfaces import Kind
from tests.net.house import FRONT, House, answer, listening, request

TWICE = Ejection(failures=2, gateway_errors=2, local_errors=2, jitter=0)
PORTS = (9001, 9002, 9003)
WELL, BUSY = "200 OK", "503 Service Unavailable"


class Watched:
    """A balancer over three backends that ejects after two bad ends in a row."""

    def __init__(self, **pool: Any) -> None:
        self.house = House()
        self.fars = {port: self.house.far(port) for port in PORTS}
        self.pool = Pool("pool", backends=[f"127.0.0.1:{port}" for port in PORTS], ejection=TWICE, **pool)
        self.house.open(TCPListener("tcp:8081", pool=self.pool), HTTPListener(f"tcp:{FRONT}", pool=self.pool))

    def ask(self, bad: int) -> int:
        """A request, which the backend on one port answers badly; the port of who answered it."""
        client = self.house.client(request())
        [port] = [port for port, far in self.fars.items() if any(call.hear() for call in far.calls)]
        self.fars[port].last.say(answer(status=BUSY if port == bad else WELL))
        client.close()
        return port

    @property
    def states(self) -> list[str]:
        """Those of the backends."""
        return [backend.state for backend in self.house.backends]

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        """What was recorded: which backend, what, why and on what evidence."""
        return [(one.backend[-4:], one.what, one.why, one.evidence) for one in self.house.assembly.events]


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A balancer that must be empty at the end."""
    watched = Watched(warm=1)
    yield watched
    watched.house.end()


def test_every_setting_arrives() -> None:
    """What a user wrote is what the core goes by; a rule that is off is not there."""
    every = {
        "every": 5.0,
        "time": 7.0,
        "longest": 70.0,
        "jitter": 0.5,
        "most": 0.3,
        "trials": 2,
        "back_by_check": False,
    }
    rate, share = {"deviations": 1.5, "gap": 0.2, "requests": 9, "backends": 3}, {"share": 0.5, "requests": 8}
    noun = Ejection(
        failures=3,
        gateway_errors=None,
        local_errors=2,
        success_rate=SuccessRate(**rate),  # type: ignore[arg-type]  # by name
        failure_share=FailureShare(**share, backends=2),  # type: ignore[arg-type]  # by name
        observe="failures",
        **every,  # type: ignore[arg-type]  # by name
    )
    assert attrs.asdict(rules(noun), recurse=False) == {
        "rows": {"local_errors": 2, "failures": 3},
        "success_rate": outlier_rules.SuccessRate(**rate),  # type: ignore[arg-type]  # by name
        "failure_share": outlier_rules.FailureShare(**share, backends=2),  # type: ignore[arg-type]  # by name
        "observed": {"failures"},
        **every,
    }
    off = rules(Ejection(success_rate=None, failure_share=None))
    assert (off.success_rate, off.failure_share) == (None, None)


def test_a_backend_that_answers_503_is_ejected(watched: Watched) -> None:
    """The second 503 in a row ejects, which is recorded and logged, and until it is over the others are asked.

    Its idle connections are closed, and when it may come back the one that is to be ready is made.
    """
    with listening() as events:
        asked = [watched.ask(9002) for _ in range(6)]
    assert Counter(asked) == dict.fromkeys(PORTS, 2)
    assert watched.states == ["up", "ejected", "up"]
    assert watched.told == [("9002", "ejected", "2 consecutive gateway errors", "503, 503; 1st time, for 30 s")]
    why = "2 consecutive gateway errors: 503, 503; 1st time, for 30 s"
    assert f"pool 'pool': backend '127.0.0.1:9002' is ejected: {why}" in map(formatEvent, events)
    watched.house.network.pump()
    assert watched.fars[9002].last.gone
    assert 9002 not in [watched.ask(9002) for _ in range(6)]
    calls = len(watched.fars[9002].calls)
    watched.house.network.advance(31)
    assert len(watched.fars[9002].calls) == calls + 1
    while watched.ask(0) != 9002:
        pass
    assert [line[1:] for line in watched.told[1:]] == [
        ("on trial", "its time is over", ""),
        ("back", "a session ended well", ""),
    ]


def test_a_backend_that_refuses_is_ejected_for_connections_as_well(watched: Watched) -> None:
    """At layer 4 connections that are refused eject, each of which is made elsewhere."""
    watched.house.network.refuse(9001)
    clients = [watched.house.client(b"hello", 8081) for _ in range(6)]
    assert watched.states == ["ejected", "up", "up"]
    assert watched.told[-1][2:] == ("2 consecutive local errors", "connect-failed, connect-failed; 1st time, for 30 s")
    assert not any(client.ending for client in clients)
    for far in watched.fars.values():
        for call in far.calls:
            call.cut()
    assert watched.states == ["ejected", "up", "up"]


class Nurse:
    """A check that finds all backends well, or all of them ill; `seen` are the ports of those it looked at."""

    def __init__(self) -> None:
        self.well, self.seen = True, list[int]()

    async def __call__(self, target: Any) -> None:
        self.seen.append(target.backend.place[1])
        if not self.well:
            raise CheckFailed("ill")


def test_checks_look_at_once_and_let_it_come_back() -> None:
    """An ejection brings its backend's next check at once; one that fails and passes again ends the ejection."""
    nurse = Nurse()
    watched = Watched(health=Health(nurse, every=9, fall=3, jitter=0))
    watched.house.network.advance(9)
    nurse.seen.clear()
    nurse.well = False
    for _ in range(6):
        watched.ask(9002)
    watched.house.network.advance(0.1)
    assert nurse.seen == [9002]
    assert watched.states == ["up", "ejected", "up"]
    nurse.well = True
    watched.house.network.advance(2 * 9)
    assert [told[1:3] for told in watched.told] == [
        ("ejected", "2 consecutive gateway errors"),
        ("on trial", "a health check passed"),
    ]
    watched.house.end()


def test_what_is_counted_is_told(watched: Watched) -> None:
    """How many are ejected, and by which rules, is among the figures of the pool."""
    for _ in range(6):
        watched.ask(9003)
    told = counters(watched.house.assembly)["pools"][0]
    ejection = {name: told[name] for name in ("ejected", "on_trial", "ejections", "observed", "spared")}
    expected = {"ejected": 1, "on_trial": 0, "ejections": {"gateway_errors": 1}, "observed": {}, "spared": 0}
    assert ejection == expected
    assert [one["state"] for one in told["backends"]] == ["up", "up", "ejected"]
    watched.house.network.advance(31)
    told = counters(watched.house.assembly)["pools"][0]
    assert (told["ejected"], told["on_trial"], told["backends"][2]["on_trial"]) == (0, 1, True)


def test_nothing_follows_when_the_balancer_stops(watched: Watched) -> None:
    """A backend that comes back just as the balancer stops gets no connection that is to be ready."""
    pool = watched.house.assembly.pools[watched.pool]
    others = pool.backends[1:]

    def end(status: int) -> None:
        pool.pick(Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, tried=others)).end(status=status)

    for status in (500, 500):
        end(status)
    watched.house.network.advance(31)
    before = len(watched.fars[9001].calls)
    end(200)
    assert watched.told[-1][1] == "back"
    watched.house.assembly.stop()
    watched.house.network.advance(1)
    assert pool.watch is None
    assert len(watched.fars[9001].calls) == before


def test_nothing_watches_a_pool_that_ejects_nobody() -> None:
    """Without the setting a pool has nobody to tell."""
    house = House()
    house.far()
    house.site(9001)
    assert [pool.watch for pool in house.assembly.pools.values()] == [None]
    assert "ejected" not in counters(house.assembly)["pools"][0]
    house.end()
