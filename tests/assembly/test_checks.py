"""Checks as they are written in a config: how they open, when they run, how many at once, and what follows."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent

from balancer.assembly import Assembly
from balancer.config import Config, Health, Pool, TCPListener, UDPListener
from balancer.core.proxy_greeting import own_greeting
from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, Kind, Report
from balancer.net.check_target import Target
from balancer.net.sessions import RESERVED
from tests.assembly.parts import Network
from tests.net.house import House, Speaker, answer, listening, now, request


@pytest.mark.parametrize(
    ("bad", "evidence", "state"),
    [
        (CheckFailed("sick"), "sick", "down"),
        (Report(weight=0, detail="asked to go"), "asked to go", "up, with weight 0"),
    ],
)
def test_a_backend_goes_out_of_use_and_returns(bad: Report | Exception, evidence: str, state: str) -> None:
    """A backend that a check takes down, or all weight from, loses its idle connections; that and its return are told.

    So no request meets a dead one.
    """

    async def check(_: Any) -> Report | None:
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    result: list[Report | Exception] = [Report(weight=1, detail="fine")]
    house = House()
    far = house.far()
    house.site(9001, health=Health(check, every=1, fall=1, rise=1), keepalive_timeout=60)
    client: Speaker = house.client(request())
    far.last.say(answer())
    assert client.hear() == answer()
    with listening() as events:
        for result[0] in (bad, bad, Report(weight=1, detail="fine")):
            house.network.advance(1.5)
            assert far.last.finished
    told = [formatEvent(event) for event in events]
    assert told == [
        f"pool 'pool': backend '127.0.0.1:9001' is {state}: {evidence}",
        "pool 'pool': backend '127.0.0.1:9001' is up: fine",
    ]
    house.end()


async def well(_target: Any) -> None:
    """A check that finds everything well."""


@pytest.mark.parametrize("send_proxy", [None, "v2"])
def test_what_checks_say_first(send_proxy: Literal["v2"] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams of checks open with a PROXY header of our own where those of sessions open with one."""
    opened: list[dict[str, Any]] = []

    def target(*args: Any, **settings: Any) -> Target:
        opened.append(settings)
        return Target(*args, **settings)

    monkeypatch.setattr("balancer.assembly.checks.Target", target)
    house = House()
    pool = Pool("pool", backends=["127.0.0.1:53"], health=Health(well))
    now(house.assembly.assemble(Config(UDPListener("udp:5353", pool=pool, send_proxy=send_proxy))))
    house.assembly.checks[0].start()
    house.network.advance(0.1)
    (settings,) = opened
    assert settings["datagram_greeting"] == (own_greeting("v2") if send_proxy else b"")
    assert (settings["greeting"], settings["kinds"]) == (b"", (Kind.UDP,))
    house.end()


def timed(**health: Any) -> tuple[House, list[float], list[Exception | None]]:
    """A backend whose check keeps the times at which it ran, and fails with the last of the results, if it is one."""
    house, times, results = House(), list[float](), list[Exception | None]([None])

    async def check(_: Any) -> None:
        times.append(round(house.network.seconds(), 3))
        if results[-1] is not None:
            raise results[-1]

    house.site(9001, health=Health(check, jitter=0, **health))
    return house, times, results


def test_faster_in_doubt_and_slower_while_down() -> None:
    """While results speak against the state checks come faster, and while they agree that it is down more slowly."""
    house, times, results = timed(every=4, every_changing=1, every_down=8, rise=2, fall=3)
    (backend,) = house.backends
    house.network.advance(4.5)
    results.append(CheckFailed("sick"))
    house.network.advance(15)
    assert (times, backend.state) == ([0, 4, 8, 9, 10, 16], "down")
    results.append(None)
    house.network.advance(10)
    assert (times[6:], backend.state) == ([24, 25, 28], "up")
    house.end()


def test_always_the_same_pace_without_more_settings() -> None:
    """With `every` alone it is the pace in doubt and while down, too."""
    house, times, results = timed(every=2, rise=2, fall=2)
    results.append(CheckFailed("sick"))
    house.network.advance(6.5)
    results.append(None)
    house.network.advance(4)
    assert times == [0, 2, 4, 6, 8, 10]
    house.end()


def test_checks_of_all_pools_share_the_turns() -> None:
    """No more checks run at once than the config allows, whatever pools they are of; others wait for them."""
    house, running = House(), list[Any]()

    async def slow(target: Any) -> None:
        running.append(target.backend.name)
        try:
            await Deferred[None]()
        finally:
            running.remove(target.backend.name)

    health = Health(slow, every=10, timeout=1, jitter=0)
    pools = [Pool(f"{number}", backends=[f"127.0.0.1:{9001 + number}"], health=health) for number in range(2)]
    listeners = [TCPListener(f"tcp:{8080 + number}", pool=pool) for number, pool in enumerate(pools)]
    now(house.assembly.assemble(Config(listeners, max_checks=1)))
    for checks, backend in zip(house.assembly.checks, house.backends, strict=True):
        checks.start()
        checks.hurry(backend)
    house.network.pump()
    for name in ("127.0.0.1:9001", "127.0.0.1:9002"):
        house.network.advance(0.5)
        assert running == [name]
        house.network.advance(0.5)
    assert [backend.state for backend in house.backends] == ["down", "down"]
    house.end()


@pytest.mark.parametrize(("backends", "at_once", "apart"), [(1, 128, 0), (RESERVED, 128, 16), (RESERVED, 40, 4)])
def test_descriptors_are_left_to_many_checks(backends: int, at_once: int, apart: int) -> None:
    """Sessions leave checks the descriptors that these may need beyond those which are left free anyway."""
    pool = Pool("pool", backends=[f"127.0.0.1:{9001 + number}" for number in range(backends)], health=Health(well))
    assembly = Assembly(Network(), Random(1))
    before = assembly.room.limit
    now(assembly.assemble(Config(TCPListener("tcp:8080", pool=pool), max_checks=at_once)))
    assert before - assembly.room.limit == apart


def test_checks_know_the_time_of_day() -> None:
    """A check is told the seconds since 1970 by the clock that the balancer goes by."""

    async def check(target: ICheckTarget) -> None:
        times.append(target.wall())

    times: list[float] = []
    house = House(wall=lambda: 1e9)
    house.far()
    house.open(TCPListener("tcp:8080", pool=Pool("pool", backends=["127.0.0.1:9001"], health=Health(check))))
    assert times == [1e9]
    house.end()
