"""Health checks as they run: when, how long, what counts, and what a stranger's check can break (nothing)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory
from twisted.logger import LogEvent

from balancer.config import Health, Pool, TCPListener
from balancer.core.backend import Backend
from balancer.core.health import Thresholds
from balancer.core.pool import Lease
from balancer.errors import BalancerError, CheckFailed
from balancer.interfaces import ICheckTarget, Phase, Report
from balancer.plugins.health import HTTPCheck, TCPCheck
from tests.net.house import FRONT, House, Speaker

Check = Callable[[ICheckTarget], Awaitable[Report | None]]


class Scripted:
    """A check that answers as told; `runs` are the times it ran."""

    def __init__(self, house: House) -> None:
        self.result: Report | Exception | None = None
        self.runs: list[float] = []
        self._house = house

    async def __call__(self, target: ICheckTarget) -> Report | None:
        self.runs.append(round(self._house.network.seconds(), 3))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Watcher:
    """Watches a pool, and is told of its checks alone."""

    def __init__(self, told: Callable[[bool], object]) -> None:
        self._told = told

    def ended(self, lease: Lease, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        """As it may."""

    def checked(self, backend: Backend, passed: bool) -> None:
        """Pass it on."""
        self._told(passed)

    def settle(self) -> None:
        """Nothing follows."""


def checked(house: House, check: Any, *ports: int, **health: Any) -> list[Backend]:
    """Start a pool whose backends are checked every second; return them."""
    settings = Health(check, every=1, **{"jitter": 0, **health})
    pool = Pool("pool", backends=[f"127.0.0.1:{port}" for port in ports or (9001,)], health=settings)
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool))
    return house.backends


def test_the_first_result_decides(house: House) -> None:
    """The very first failure takes a backend down, before `fall` is reached."""
    check = Scripted(house)
    check.result = CheckFailed("no")
    (backend,) = checked(house, check, fall=3)
    assert backend.state == "down"


def test_rise_and_fall(house: House, told: list[LogEvent]) -> None:
    """After that `fall` failures in a row take a backend down and `rise` successes bring it up, and it is told."""
    check = Scripted(house)
    (backend,) = checked(house, check, rise=2, fall=3)
    states = []
    for failing in (True, True, False, True, True, True, False, True, False, False):
        check.result = CheckFailed("503") if failing else None
        house.network.advance(1)
        states.append(backend.state)
    assert states == ["up"] * 5 + ["down"] * 4 + ["up"]
    assert [(event["state"], event["because"]) for event in told if "because" in event] == [
        ("down", ": 503"),
        ("up", ""),
    ]


def test_checks_run_in_their_time(house: House) -> None:
    """Checks of one backend follow each other `every` seconds; those of several are spread over one interval."""
    check = Scripted(house)
    checked(house, check, 9001, 9002)
    house.network.advance(2.25)
    assert check.runs == [0, 0.5, 1, 1.5, 2]


def test_a_hurry_is_for_one_backend(house: House) -> None:
    """Who is to be looked at at once is, and nobody else; so it is for one whom others check."""
    check = Scripted(house)
    first, _ = checked(house, check, 9001, 9002)
    house.network.advance(0.6)
    house.assembly.checks[0].hurry(first)
    house.assembly.checks[0].hurry(Backend("c", "c:80", None, seconds=lambda: 0.0))
    house.network.advance(0.1)
    assert check.runs == [0, 0.5, 0.6]


def test_who_watches_is_told_of_each_result(house: House) -> None:
    """Whoever may eject the backends hears of each check, once it counts."""
    check, told = Scripted(house), list[tuple[bool, bool]]()
    (backend,) = checked(house, check, rise=2, fall=2)
    (pool,) = house.assembly.pools.values()
    pool.watch = Watcher(lambda passed: told.append((passed, backend.up)))
    for failing in (False, True, True, False, False):
        check.result = CheckFailed("no") if failing else None
        house.network.advance(1)
    assert told == [(True, True), (False, True), (False, False), (True, False), (True, True)]


def test_jitter_spreads_the_checks(house: House) -> None:
    """With jitter the interval is never twice the same, and within its share."""
    check = Scripted(house)
    checked(house, check, jitter=0.5)
    house.network.advance(20)
    waits = [later - earlier for earlier, later in zip(check.runs, check.runs[1:], strict=False)]
    assert len(set(waits)) > 5
    assert all(0.5 <= wait <= 1.5 for wait in waits)


def test_a_check_that_never_answers(house: House, told: list[LogEvent]) -> None:
    """A check without a result within its time-out is cancelled and counts as a failure, with that as evidence."""
    cancelled: list[Deferred[None]] = []
    (backend,) = checked(house, lambda _: Deferred(cancelled.append), timeout=0.5)
    assert backend.state == "up"
    house.network.advance(0.6)
    assert backend.state == "down"
    assert len(cancelled) == 1
    assert told[-1]["because"] == ": no result within 0.5 s"


def test_reports_are_taken_over(house: House) -> None:
    """Weight and tags that a check reports are the backend's, and weight 0 takes it out of the choice."""
    check = Scripted(house)
    check.result = Report(weight=0.5, tags=frozenset({"primary"}), detail="fine")
    (backend,) = checked(house, check)
    assert (backend.weight, backend.tags) == (0.5, frozenset({"primary"}))
    check.result = Report(weight=0)
    house.network.advance(1)
    assert not backend.usable


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("waiting", [False, True])
def test_what_a_check_leaves_open_is_closed(house: House, failing: bool, waiting: bool) -> None:
    """A connection that a check made and forgot is closed when the check ends, however it ends, or once it stands."""

    async def careless(target: ICheckTarget) -> None:
        connecting = target.connect(Factory.forProtocol(lambda: Speaker(house.network)))
        if waiting:
            await connecting
        if failing:
            raise CheckFailed("no")

    far = house.far()
    checked(house, careless)
    house.network.pump()
    assert far.last.ending == "ConnectionLost"


def test_a_cancelled_check_leaves_nothing_open(house: House, told: list[LogEvent]) -> None:
    """A time-out while connecting gives the attempt up, and one after it closes the connection."""

    async def endless(target: ICheckTarget) -> None:
        await target.connect(Factory.forProtocol(lambda: Speaker(house.network)))
        await Deferred[None]()

    far = house.far()
    house.network.hang(9002)
    first, second = checked(house, endless, 9001, 9002, timeout=0.3)
    house.network.advance(0.95)
    assert (first.state, second.state) == ("down", "down")
    assert told[-1]["because"] == ": 127.0.0.1:9002: no connection within the connect time-out"
    assert far.last.ending == "ConnectionLost"
    assert not house.network.connecting


class Stubborn:
    """A check that is well the first time, and from then on takes every error for a reason to wait for `step` again."""

    def __init__(self, step: Callable[[ICheckTarget], Awaitable[Any]]) -> None:
        self.runs = self.steps = 0
        self.over = False
        self._step = step

    async def __call__(self, target: ICheckTarget) -> None:
        self.runs += 1
        if self.runs == 1:
            return
        while not self.over:
            self.steps += 1
            with suppress(Exception):
                await self._step(target)
        raise ValueError("over at last")


def test_a_check_that_does_not_stop(house: House, told: list[LogEvent]) -> None:
    """A check that outlives its cancellation fails at every interval, alone; once it ends, however, checks go on."""
    waits: list[Deferred[None]] = []

    def wait(_: ICheckTarget) -> Deferred[None]:
        waits.append(Deferred())
        return waits[-1]

    check = Stubborn(wait)
    (backend,) = checked(house, check, timeout=0.5, fall=3)
    house.network.advance(2.4)
    assert (backend.state, check.runs, check.steps) == ("up", 2, 2)
    house.network.advance(5)
    assert (backend.state, check.runs, check.steps) == ("down", 2, 2)
    assert told[-1]["because"] == ": the check did not stop when cancelled"
    check.over, check.runs = True, 0
    waits[-1].callback(None)
    house.network.advance(1)
    assert check.runs == 1


def test_a_late_result_does_not_count(house: House, told: list[LogEvent]) -> None:
    """A check that is well because it was cancelled was too late all the same."""

    async def relieved(_: ICheckTarget) -> None:
        with suppress(CancelledError):
            await Deferred[None]()

    (backend,) = checked(house, relieved, timeout=0.5)
    house.network.advance(0.6)
    assert backend.state == "down"
    assert told[-1]["because"] == ": no result within 0.5 s"


def test_a_check_that_is_over_makes_no_connection(house: House) -> None:
    """A check that tries again and again to connect neither reaches the backend nor spins once its time is up."""
    check = Stubborn(lambda target: target.connect(Factory.forProtocol(lambda: Speaker(house.network))))
    far = house.far()
    house.network.hang(9001)
    checked(house, check, timeout=0.5)
    house.network.advance(2)
    steps = check.steps
    house.network.allow(9001)
    house.network.advance(3)
    assert (check.runs, check.steps, far.calls) == (2, steps, [])


@pytest.mark.parametrize("address", ["127.0.0.1:9001", "tcp:127.0.0.1:9001", "tcp:[::1]:9001"])
def test_an_address_is_shown_without_its_scheme(house: House, told: list[LogEvent], address: str) -> None:
    """However an address is written, a request asks for its host and port, and evidence shows the same."""
    far, host = house.far(), address.removeprefix("tcp:")
    pool = Pool("pool", backends=[address], health=Health(HTTPCheck(), every=1, fall=1))
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool))
    assert f"\r\nhost: {host}\r\n".encode() in far.last.hear()
    far.last.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    house.network.refuse(9001)
    house.network.advance(1.5)
    assert told[-1]["because"].startswith(f": {host}: Connection was refused")


def test_a_refused_connection_is_evidence(house: House, told: list[LogEvent]) -> None:
    """A check that cannot connect fails with the address and the reason."""
    (backend,) = checked(house, TCPCheck())
    house.network.pump()
    assert backend.state == "down"
    assert told[-1]["because"].startswith(": 127.0.0.1:9001: Connection was refused")


def test_a_backend_that_dies_and_returns(house: House, told: list[LogEvent]) -> None:
    """Clients go to those that are alive, and to the one that died again once it is back."""
    fars = {port: house.far(port) for port in (9001, 9002)}
    checked(house, TCPCheck(), 9001, 9002, rise=2, fall=3)
    house.network.refuse(9001)
    house.network.advance(4)
    before = len(fars[9002].calls)
    for _ in range(3):
        house.client(b"x")
    assert [call.hear() for call in fars[9002].calls[before:]] == [b"x"] * 3
    house.network.allow(9001)
    house.network.advance(3)
    for _ in range(2):
        house.client(b"y")
    assert b"y" in [call.hear() for call in fars[9001].calls]


def test_stop_ends_what_runs(house: House) -> None:
    """After a stop no check runs, the one under way is cancelled, and nothing of it counts."""
    cancelled: list[Deferred[None]] = []
    (backend,) = checked(house, lambda _: Deferred(cancelled.append))
    for _ in range(2):
        house.assembly.checks[0].stop()
    assert len(cancelled) == 1
    assert backend.state == "up"
    house.network.advance(5)
    assert not house.network.getDelayedCalls()


def test_stop_while_a_check_does_not(house: House) -> None:
    """A stop ends the intervals of a check that does not end itself."""
    checked(house, Stubborn(lambda _: Deferred[None]()), timeout=0.5)
    house.network.advance(2)
    house.assembly.checks[0].stop()
    assert not house.network.getDelayedCalls()


def test_stop_before_the_first_check(house: House) -> None:
    """A stop before a check's first time leaves nothing to come."""
    check = Scripted(house)
    checked(house, check, 9001, 9002)
    house.assembly.checks[0].stop()
    house.network.advance(5)
    assert check.runs == [0]


def test_who_watches_sessions_is_told_of_results(house: House) -> None:
    """Whoever may eject the backends hears of every result, after it has taken the backend up or down."""

    class Watching:
        def checked(self, backend: Backend, passed: bool) -> None:
            heard.append((passed, backend.up))

        def settle(self) -> None:
            """Nothing follows."""

    heard: list[tuple[bool, bool]] = []
    check = Scripted(house)
    checked(house, check, fall=2)
    (pool,) = house.assembly.pools.values()
    watching: Any = Watching()
    pool.watch = watching
    for result in (CheckFailed("no"), CheckFailed("no"), None):
        check.result = result
        house.network.advance(1)
    assert heard == [(False, True), (False, False), (True, False)]


def test_thresholds_start_from_what_is_assumed() -> None:
    """A backend assumed down comes up by its first success."""
    thresholds = Thresholds(rise=2, fall=3, up=False)
    assert thresholds.record(True)
