"""The examples load, fit the demo backends, and do what their first lines say."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from balancer.config import Config, load
from balancer.core.messages import RequestHead
from balancer.core.peeking import FirstBytes, PeekingRoutes
from balancer.core.routes import Route as CoreRoute
from balancer.core.session import Session
from balancer.demo import CONTROL_PORT, DEMO_BACKENDS, DemoBackends
from balancer.errors import CheckFailed, ConfigError, NoRoute
from balancer.interfaces import Kind
from balancer.testing import FakeBackend, FakeSession
from tests.net.hellos import HTTP1_REQUEST, POSTGRES_SSL, client_hello, startup

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
NEEDED = re.compile(r" at 127\.0\.0\.1:(\d+)")
OFFERED = {CONTROL_PORT, *(backend.http for backend in DEMO_BACKENDS), *(backend.echo for backend in DEMO_BACKENDS)}


def named(name: str) -> dict[str, Any]:
    """What an example defines, by name."""
    return runpy.run_path(next(str(path) for path in EXAMPLES if path.stem == name))


def request(method: str = "GET", path: str = "/", *fields: tuple[str, str]) -> FakeSession:
    """A session that is one HTTP request."""
    return FakeSession(kind=Kind.HTTP, request=RequestHead(method, path, "127.0.0.1", fields=fields))


def chosen(config: Config, session: FakeSession) -> str:
    """The name of the pool of the first route that matches, or an empty string."""
    listener: Any = config.listeners[0]
    routes = [route for route in listener.routes if route.matcher is None or route.matcher.matches(session)]
    return routes[0].pool.name if routes else ""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_loads(path: Path) -> None:
    """Every example is a config without a mistake."""
    assert isinstance(load(str(path)), Config)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_backend_is_one_of_the_demo(path: Path) -> None:
    """Every example runs as it stands: its backends are those that it starts or is, or says that it needs.

    It listens on loopback.
    """
    config = load(str(path))
    places = {backend.place for pool in config.pools for backend in pool.backends}
    needed = {("127.0.0.1", int(port)) for port in NEEDED.findall(ast.get_docstring(ast.parse(path.read_text())) or "")}
    demo = {("127.0.0.1", port) for port in OFFERED}
    assert places <= demo | needed | {listener.place for listener in config.listeners}
    assert all("interface=127.0.0.1" in listener.endpoint for listener in config.listeners)
    if places & demo:
        assert [type(companion) for companion in config.companions][:1] == [DemoBackends]


def test_loading_touches_no_reactor() -> None:
    """Examples can be loaded anywhere, for they install no reactor."""
    program = "import sys; from balancer.config import load; [load(path) for path in sys.argv[1:]]; "
    program += "sys.exit('twisted.internet.reactor' in sys.modules)"
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", program, *map(str, EXAMPLES)]
    assert subprocess.run(command, check=False, env={"PYTHONPATH": f"{root}:{root}/plugins"}).returncode == 0


def test_quickstart_hints_name_its_ports() -> None:
    """What the quickstart tells to try are the ports it listens on."""
    example = named("quickstart")
    config: Config = example["config"]
    assert [listener.place for listener in config.listeners] == [("127.0.0.1", port) for port in (8080, 8081, 8082)]
    assert all(port in example["HINTS"] for port in ("127.0.0.1:8080/", "127.0.0.1 8081", "127.0.0.1 8082"))


def test_quickstart_routes_control_past_the_backends() -> None:
    """The demo's control is reached even when every backend is dead."""
    config: Config = named("quickstart")["config"]
    assert chosen(config, request("POST", "/demo/b1/stop")) == "control"
    assert chosen(config, request("GET", "/demonstration")) == "web"


def test_own_algorithm_is_faithful() -> None:
    """One value of the header always meets one backend, and all backends meet some."""
    algorithm = named("own_algorithm")["ByHeader"]("tenant")
    backends = [FakeBackend(name=f"b{number}") for number in range(3)]
    pick = algorithm.picker(backends, Random(0))
    sessions = [request("GET", "/", ("tenant", str(number))) for number in range(100)]
    assert [pick(session) for session in sessions] == [pick(session) for session in sessions]
    assert {pick(session).name for session in sessions} == {"b0", "b1", "b2"}


def test_own_algorithm_moves_only_what_it_must() -> None:
    """When a backend leaves, the values that were not its own stay where they were."""
    algorithm = named("own_algorithm")["ByHeader"]("tenant")
    backends = [FakeBackend(name=f"b{number}") for number in range(3)]
    before, after = algorithm.picker(backends, Random(0)), algorithm.picker(backends[1:], Random(0))
    sessions = [request("GET", "/", ("tenant", str(number))) for number in range(100)]
    assert all(after(session) is before(session) for session in sessions if before(session) is not backends[0])


@pytest.mark.parametrize("session", [request(), FakeSession()], ids=["request", "connection"])
def test_own_algorithm_without_the_header(session: FakeSession) -> None:
    """Without the header any backend will do, by the chance that is handed in."""
    backends = [FakeBackend(name=f"b{number}") for number in range(3)]
    pick = named("own_algorithm")["ByHeader"]("tenant").picker(backends, Random(0))
    assert {pick(session).name for _ in range(50)} == {"b0", "b1", "b2"}


@attrs.define
class Target:
    """An `ICheckTarget` whose connection is a string."""

    transport: StringTransport = attrs.field(factory=StringTransport)
    protocol: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)


def examined(*pieces: bytes) -> Deferred[None]:
    """Run the example's check against a backend that answers these pieces and closes when it is let go."""
    target = Target()
    check = named("own_check")["SayCheck"](b"PING\r\n", expect=b"+PONG\r\n")
    verdict: Deferred[None] = Deferred.fromCoroutine(check.check(target))
    assert target.transport.value() == b"PING\r\n"
    for piece in pieces:
        target.protocol.dataReceived(piece)
    target.protocol.connectionLost(Failure(ConnectionDone()))
    return verdict


def test_own_check_is_content() -> None:
    """The expected answer is health, however it was cut and whatever follows it."""
    assert examined(b"+PO", b"NG\r\n", b"more").result is None


@pytest.mark.parametrize("pieces", [(), (b"+PO",), (b"-LOADING\r\n",)])
def test_own_check_finds_fault(pieces: tuple[bytes, ...]) -> None:
    """Another answer, half of one or none is no health, and the evidence is told."""
    verdict = examined(*pieces)
    failures: list[Failure] = []
    verdict.addErrback(failures.append)
    assert failures[0].check(CheckFailed)
    assert "expected b'+PONG\\r\\n'" in str(failures[0].value)


@pytest.mark.parametrize(
    ("method", "length", "pool"),
    [
        ("POST", 1_000_001, "uploads"),
        ("PUT", None, "uploads"),
        ("POST", 1_000_000, "site"),
        ("GET", 0, "site"),
        ("PATCH", None, "site"),
    ],
)
def test_own_matcher_tells_large_uploads(method: str, length: int | None, pool: str) -> None:
    """What is large, or may be, goes to the pool for uploads, all else to the site."""
    session = FakeSession(kind=Kind.HTTP, request=RequestHead(method, "/", "127.0.0.1", length=length))
    assert chosen(named("own_matcher")["config"], session) == pool


def test_own_matcher_without_a_request() -> None:
    """A session that is no request does not match."""
    assert named("own_matcher")["LargeBody"](0).matches(FakeSession()) is False


def test_own_matcher_refuses_what_is_no_size() -> None:
    """A size below nothing is a mistake that says what to write."""
    with pytest.raises(ConfigError, match="write a number of bytes"):
        named("own_matcher")["LargeBody"](-1)


@pytest.mark.parametrize(
    ("host", "path", "pool"),
    [
        ("api.example.com", "/", "api"),
        ("example.com", "/headers", "api"),
        ("example.com", "/events", "events"),
        ("example.com", "/users/7/events", "events"),
        ("example.com", "/events/1", "site"),
        ("a.internal.example.com", "/", ""),
    ],
)
def test_routes(host: str, path: str, pool: str) -> None:
    """The routes send each host and path where the example's text says."""
    session = FakeSession(kind=Kind.HTTP, request=RequestHead("GET", path, host))
    assert chosen(named("routes")["config"], session) == pool


def test_routes_by_who_asks() -> None:
    """The beta goes to who asks for it and to a share of the others, the internal hosts to the network inside."""
    config = named("routes")["config"]
    assert chosen(config, request("GET", "/", ("x-env", "beta"))) == "beta"
    assert chosen(config, request("GET", "/", ("cookie", "beta=on"))) == "beta"
    clients = [FakeSession(kind=Kind.HTTP, client=(f"192.0.2.{n}", 1), request=request().request) for n in range(256)]
    assert 3 < [chosen(config, client) for client in clients].count("beta") < 25
    inside = RequestHead("GET", "/", "a.internal.example.com")
    assert chosen(config, FakeSession(kind=Kind.HTTP, client=("10.0.0.9", 1), request=inside)) == "site"


def first_route(listener: Any, said: bytes) -> str:
    """The name of the pool to which a listener of the example sends a client that says this and no more."""
    routes: PeekingRoutes[str] = PeekingRoutes([CoreRoute(route.matcher, route.pool.name) for route in listener.routes])
    first = FirstBytes(routes, Session(Kind.TCP, ("127.0.0.1", 50000), 0.0))
    try:
        return (first.feed(b"") or first.feed(said) or first.give_up()).target
    except NoRoute:
        return ""


def test_first_bytes() -> None:
    """TLS goes by its server name, PostgreSQL by its database, and the rest where the example's text says."""
    tls, postgres = named("first_bytes")["config"].listeners
    assert first_route(tls, client_hello("shop.example.com", "h2")) == "shop"
    assert first_route(tls, client_hello("a.shop.example.com")) == "shop"
    assert first_route(tls, client_hello("example.com")) == "rest"
    assert first_route(tls, HTTP1_REQUEST) == "plain"
    assert first_route(postgres, startup(b"user", b"ann", b"database", b"shop")) == "shop"
    assert first_route(postgres, startup(b"user", b"ann")) == "rest"
    assert first_route(postgres, POSTGRES_SSL) == "rest"
    assert first_route(postgres, HTTP1_REQUEST) == ""


@pytest.mark.parametrize(
    ("name", "pool"), [(b"\x03www\x04corp\x07example", "inside"), (b"\x04corp\x07example", "inside"), (b"", "outside")]
)
def test_datagrams(name: bytes, pool: str) -> None:
    """A question goes by the name that it asks for, as the example's text says."""
    query = b"id\1\0\0\1" + bytes(6) + name + b"\0\0\1\0\1"
    assert chosen(named("datagrams")["config"], FakeSession(kind=Kind.UDP, peek=query)) == pool


@attrs.frozen
class Verdict:
    """A health check that always says the same."""

    failure: CheckFailed | None = None
    protocols = (Kind.HTTP,)

    async def check(self, target: Any) -> None:
        if self.failure is not None:
            raise self.failure


@attrs.frozen
class Named:
    """As much of an `ICheckTarget` as the check looks at."""

    backend: FakeBackend


def test_drain_by_file_takes_the_load_and_gives_it_back(tmp_path: Path) -> None:
    """While the file exists the weight is 0, without it the whole weight again; other backends are not touched."""
    check = named("drain_by_file")["DrainByFile"](str(tmp_path), Verdict())
    target, other = Named(FakeBackend(name="b1")), Named(FakeBackend(name="b2"))
    (tmp_path / "b1").touch()
    reports: list[Any] = [Deferred.fromCoroutine(check.check(one)).result for one in (target, other)]
    (tmp_path / "b1").unlink()
    reports.append(Deferred.fromCoroutine(check.check(target)).result)
    assert [report.weight for report in reports] == [0.0, 1.0, 1.0]


def test_drain_by_file_asks_the_other_check_first(tmp_path: Path) -> None:
    """A backend that is unwell is unwell, drained or not; what can be probed is what the other check can probe."""
    check = named("drain_by_file")["DrainByFile"](str(tmp_path), Verdict(CheckFailed("status 503")))
    failures: list[Failure] = []
    Deferred.fromCoroutine(check.check(Named(FakeBackend(name="b1")))).addErrback(failures.append)
    assert failures[0].check(CheckFailed)
    assert check.protocols == (Kind.HTTP,)


def test_database_roles() -> None:
    """Writes go to a primary alone, and reads to a standby while there is one."""
    writes, reads = (pool.algorithm for pool in named("database_roles")["config"].pools)
    primary, standby = (
        FakeBackend(name="a", tags=frozenset({"primary"})),
        FakeBackend(name="b", tags=frozenset({"standby"})),
    )
    for algorithm, backends, chosen_ones in (
        (writes, [primary, standby], {primary}),
        (reads, [primary, standby], {standby}),
        (writes, [standby], {None}),
        (reads, [primary], {primary}),
    ):
        pick = algorithm.picker(backends, Random(0))
        assert {pick(FakeSession()) for _ in range(9)} == chosen_ones
