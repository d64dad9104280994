"""What follows when a backend changes: for live sessions, for kept connections, for the log and the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import formatEvent

from balancer.assembly import changes
from balancer.config import Backend, Health, HTTPListener, Pool, TCPListener
from balancer.core.slices import SLICE
from balancer.errors import BackendDown, CheckFailed
from balancer.interfaces import Report
from tests.net.house import FRONT, Far, House, answer, listening, request

LATER = 10
"""The seconds of grace in these tests."""


class Sick:
    """A health check that fails for the backends on the ports in `ports`."""

    def __init__(self) -> None:
        self.ports: set[int] = set()

    def __repr__(self) -> str:
        return "Sick()"

    async def __call__(self, target: Any) -> Report:
        if target.backend.place[1] in self.ports:
            raise CheckFailed("sick")
        return Report(detail="fine")


class Ward:
    """A balancer over two backends, with a TCP listener and an HTTP one, and a check that a test steers."""

    def __init__(self, *, limit: int | None = None, **pool: Any) -> None:
        self.house, self.sick = House(), Sick()
        self.fars = {port: self.house.far(port) for port in (9001, 9002)}
        health = Health(self.sick, every=1, rise=1, fall=1, jitter=0)
        backends = [Backend(f"127.0.0.1:{port}", max_connections=limit) for port in self.fars]
        self.pool = Pool("pool", backends=backends, health=health, **pool)
        self.house.open(TCPListener("tcp:8081", pool=self.pool), HTTPListener(f"tcp:{FRONT}", pool=self.pool))

    def turn(self, *ports: int) -> None:
        """From now on these backends are sick, and found to be."""
        self.sick.ports = set(ports)
        self.house.network.advance(1.5)

    def of(self, port: int) -> Any:
        """The backend on that port."""
        return next(backend for backend in self.house.backends if backend.address.endswith(f":{port}"))

    def where(self, data: bytes) -> Far:
        """The backend whose newest connection has heard that."""
        return next(far for far in self.fars.values() if far.calls and far.last.heard == data)

    @property
    def assembly(self) -> Any:
        """Its parts."""
        return self.house.assembly

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        """What was recorded: which backend, what, why and on what evidence."""
        return [(one.backend[-4:], one.what, one.why, one.evidence) for one in self.assembly.events]


def ward(**pool: Any) -> Iterator[Ward]:
    """A ward that must be empty at the end."""
    ward = Ward(**pool)
    yield ward
    ward.house.end()


@pytest.fixture
def cutting() -> Iterator[Ward]:
    """A ward whose sessions are ended at once."""
    yield from ward(on_down="cut")


@pytest.fixture
def keeping() -> Iterator[Ward]:
    """A ward whose sessions are left alone."""
    yield from ward()


@pytest.fixture
def waiting() -> Iterator[Ward]:
    """A ward whose sessions have a while."""
    yield from ward(on_down=LATER)


def relayed(ward: Ward) -> tuple[Any, Far, int]:
    """A client of the TCP listener that has spoken to its backend; with that and its port."""
    client = ward.house.client(b"hello", 8081)
    far = ward.where(b"hello")
    far.last.hear()
    return client, far, next(port for port, one in ward.fars.items() if one is far)


def test_relays_are_cut_on_both_sides(cutting: Ward) -> None:
    """With "cut" a relay ends with its backend, by a reset, and those on other backends go on."""
    clients = {port: client for client, _, port in (relayed(cutting), relayed(cutting))}
    assert set(clients) == {9001, 9002}
    cutting.turn(9001)
    assert (clients[9001].ending, cutting.fars[9001].last.ending) == ("ConnectionLost", "ConnectionLost")
    clients[9002].say(b"still here")
    assert cutting.fars[9002].last.hear() == b"still here"
    assert [cutting.of(port).failed for port in (9001, 9002)] == [1, 0]


def test_relays_stay_by_default(keeping: Ward) -> None:
    """Without the setting a relay goes on for as long as its peers do, whatever the check says."""
    client, far, port = relayed(keeping)
    keeping.turn(port)
    keeping.house.network.advance(30)
    client.say(b"still here")
    assert far.last.hear() == b"still here"


def test_relays_have_a_while(waiting: Ward) -> None:
    """With a number of seconds a relay ends when its backend has been down for so long."""
    client, _, port = relayed(waiting)
    waiting.turn(port)
    waiting.house.network.advance(LATER - 1.5)
    assert not client.ending
    waiting.house.network.advance(1.5)
    assert client.ending == "ConnectionLost"
    assert not waiting.assembly.grace


def test_a_backend_that_returns_in_time_keeps_its_relays(waiting: Ward) -> None:
    """Back up within the seconds, a backend keeps what is alive on it; the next time they begin anew."""
    client, _, port = relayed(waiting)
    for _ in range(2):
        waiting.turn(port)
        waiting.house.network.advance(LATER - 3)
        waiting.turn()
        assert not waiting.assembly.grace
    waiting.house.network.advance(2 * LATER)
    assert not client.ending


def test_a_finished_relay_is_not_cut(cutting: Ward) -> None:
    """A client that still takes the last bytes of a relay that is over gets all of them."""
    client, far, port = relayed(cutting)
    client.hold()
    client.finish()
    far.last.say(bytes(1000))
    far.last.finish()
    cutting.turn(port)
    client.go_on()
    assert len(client.heard) == 1000


def test_who_is_connecting_goes_elsewhere(cutting: Ward) -> None:
    """A session on its way to a backend that is taken down takes another, over TCP and over HTTP."""
    for port in cutting.fars:
        cutting.house.network.hang(port)
    clients = [cutting.house.client(b"hello", 8081) for _ in range(2)] + [
        cutting.house.client(request(f"GET /{number}")) for number in range(2)
    ]
    assert [cutting.of(port).active for port in (9001, 9002)] == [2, 2]
    cutting.turn(9001)
    assert [cutting.of(port).active for port in (9001, 9002)] == [0, 4]
    for port in cutting.fars:
        cutting.house.network.allow(port)
    cutting.house.network.pump()
    assert (len(cutting.fars[9001].calls), len(cutting.fars[9002].calls)) == (0, 4)
    assert not any(client.ending for client in clients)


def asked(ward: Ward, line: str, *fields: str, body: bytes = b"") -> tuple[Any, Far, int]:
    """A client whose request waits for its answer; with its backend and the port of that."""
    client = ward.house.client(request(line, *fields, body=body))
    far = next(far for far in ward.fars.values() if far.calls and far.last.heard)
    return client, far, next(port for port, one in ward.fars.items() if one is far)


def test_a_request_that_may_be_sent_again_is(cutting: Ward) -> None:
    """A GET of whose answer nothing has come is answered by another backend, and the first connection is cut."""
    client, far, port = asked(cutting, "GET /")
    cutting.turn(port)
    assert far.last.ending == "ConnectionLost"
    (other,) = (one for one in cutting.fars.values() if one is not far)
    other.last.say(answer(b"here"))
    assert client.hear() == answer(b"here")


def test_a_request_that_may_not_be_sent_again_is_refused(cutting: Ward) -> None:
    """A POST is answered with a 502 that says why, and its backend has failed."""
    client, _, port = asked(cutting, "POST /", "content-length: 4", body=b"data")
    with listening() as events:
        cutting.turn(port)
    assert client.hear().endswith(b"502 Bad Gateway: backend-down\n")
    assert any("a health check took it down: sick" in formatEvent(event) or "" for event in events)
    assert cutting.of(port).failed == 1


def test_an_answer_that_has_begun_is_cut(cutting: Ward) -> None:
    """What came of an answer reaches the client, and then the connection ends, so that it is not taken for whole."""
    client, far, port = asked(cutting, "GET /")
    far.last.say(answer(b"1234567890")[:-5])
    cutting.turn(port)
    assert client.hear().endswith(b"12345")
    assert client.gone


def test_what_is_not_on_the_backend_is_left_alone(cutting: Ward) -> None:
    """Clients between two requests, and answers from other backends, are not disturbed."""
    client, far, port = asked(cutting, "GET /")
    far.last.say(answer(b"one"))
    assert client.hear() == answer(b"one")
    other, far, elsewhere = asked(cutting, "GET /slow")
    assert elsewhere != port
    cutting.turn(port)
    far.last.say(answer(b"two"))
    assert other.hear() == answer(b"two")
    client.say(request("GET /again"))
    assert b"GET /again " in far.last.hear()


def test_many_are_ended_in_slices(cutting: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sessions there are, no turn spends much longer on them than a slice, and all are ended."""
    clients = [cutting.house.client(b"hello", 8081) for _ in range(40)]
    network = cutting.house.network
    look = network.seconds
    costly = iter(
        range(10**6)
    )  # a slice has so few steps that clients are left, and so many that one is of the backend
    monkeypatch.setattr(network, "seconds", lambda: look() + next(costly) * SLICE / 16)
    changes._end_sessions(cutting.assembly, cutting.pool, cutting.of(9001), BackendDown("x"))  # noqa: SLF001  apart from the check's own time
    assert 0 < len([client for client in clients if client.transport.other.disconnecting or client.gone]) < 20
    monkeypatch.undo()
    network.advance(1)
    assert len([client for client in clients if client.ending]) == 20


def test_changes_are_recorded(keeping: Ward) -> None:
    """How backends were at the start, and who changed them on what evidence, is kept; told twice, nothing changes."""
    changes.started(keeping.assembly)
    keeping.turn(9002)
    keeping.turn()
    backend = keeping.of(9001)
    for draining in (True, True, False, False):
        changes.drain(keeping.assembly, keeping.pool, backend, draining=draining)
    for weight in (0.5, 0.5, 0):
        changes.weigh(keeping.assembly, keeping.pool, backend, weight)
    assert keeping.told == [
        ("9001", "up", "start", ""),
        ("9002", "up", "start", ""),
        ("9002", "down", "health check Sick()", "sick"),
        ("9002", "up", "health check Sick()", "fine"),
        ("9001", "draining", "control", ""),
        ("9001", "undrained", "control", ""),
        ("9001", "weight 0.5", "control", ""),
        ("9001", "weight 0", "control", ""),
    ]


def test_a_drained_backend_finishes_and_gets_no_more(keeping: Ward) -> None:
    """While a backend drains what it has goes on, kept connections to it are closed, and new sessions go elsewhere."""
    client, far, port = asked(keeping, "GET /")
    far.last.say(answer(b"one"))
    assert client.hear() == answer(b"one")
    relay, _, _ = next(one for one in (relayed(keeping), relayed(keeping)) if one[2] == port)
    with listening() as events:
        changes.drain(keeping.assembly, keeping.pool, keeping.of(port), draining=True)
    keeping.house.network.pump()
    assert far.calls[0].finished
    assert [formatEvent(event) for event in events] == [
        f"pool 'pool': backend '127.0.0.1:{port}' is draining, by control"
    ]
    before = len(far.calls)
    for _ in range(4):
        keeping.house.client(b"hello", 8081)
    assert len(far.calls) == before
    relay.say(b"still here")
    assert far.last.heard.endswith(b"still here")
    changes.drain(keeping.assembly, keeping.pool, keeping.of(port), draining=False)
    for _ in range(2):
        keeping.house.client(b"hello", 8081)
    assert len(far.calls) == before + 1


def test_who_waits_for_room_is_not_disturbed() -> None:
    """A request that waits stays in line when a full backend goes down; one that was served leaves its way there."""
    ward = Ward(on_down="cut", limit=1)
    for port in ward.fars:
        ward.house.network.hang(port)
    clients = [ward.house.client(request(f"GET /{number}")) for number in range(4)]
    (pool,) = ward.assembly.pools.values()
    assert pool.waiting == 2
    clients[0].transport.other.resumeProducing()  # a paused end hears of its end only by luck
    clients[0].cut()
    clients[1].transport.other.resumeProducing()
    clients[1].cut()
    ward.house.network.pump()
    assert (pool.waiting, sorted(backend.active for backend in ward.house.backends)) == (0, [1, 1])
    ward.turn(9001)
    assert (pool.waiting, ward.of(9001).active, ward.of(9002).active) == (1, 0, 1)
    for port in ward.fars:
        ward.house.network.allow(port)
    ward.house.network.pump()
    assert len(ward.fars[9002].calls) == 1
    assert not ward.fars[9001].calls
    ward.house.end()


def test_tags_are_told() -> None:
    """Other tags than before are in the log and the record, with who has found them, and the same ones are not."""

    async def role(_: Any) -> Report:
        return Report(tags=tags)

    tags: set[str] = {"primary", "fast"}
    house = House()
    house.far()
    with listening() as told:
        house.open(
            TCPListener(f"tcp:{FRONT}", pool=Pool("p", backends=["127.0.0.1:9001"], health=Health(role, every=1)))
        )
        house.network.advance(2)
        tags = set()
        house.network.advance(2)
    assert [event.what for event in house.assembly.events if "tags" in event.what] == [
        "tags: fast, primary",
        "tags: none",
    ]
    assert all(event.why.startswith("health check ") for event in house.assembly.events)
    lines = [str(formatEvent(event)) for event in told if "tags" in event]
    assert lines == [f"pool 'p': backend '127.0.0.1:9001' has tags: {found}" for found in ("fast, primary", "none")]
    house.end()


@pytest.mark.parametrize(("evidence", "end"), [("ValueError", ": ValueError"), ("", "")])
def test_what_becomes_of_a_pool_is_told(keeping: Ward, evidence: str, end: str) -> None:
    """What has changed for a pool is told with the reason, and with the evidence where there is some."""
    with listening() as events:
        changes.of_pool(keeping.assembly, keeping.pool, "algorithm 'a': asked again", "on probation", evidence)
    assert [formatEvent(event) for event in events] == [f"pool 'pool': algorithm 'a': asked again: on probation{end}"]
