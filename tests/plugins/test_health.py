"""The health checks: a connection, and an answer over HTTP."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.health import BODY, HTTPCheck, TCPCheck

ALL = [TCPCheck(), HTTPCheck("/healthz")]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready"


@implementer(ICheckTarget)
@attrs.define(eq=False)
class FakeTarget:
    """A backend in memory: connects at once unless told to refuse or to hang."""

    address: str = "192.0.2.9:80"
    answer: Deferred[Any] | None = None
    backend: Any = None
    clock: Any = attrs.Factory(Clock)
    protocol: Any = None
    transport: StringTransport = attrs.Factory(StringTransport)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        if self.answer is not None:
            return self.answer
        self.protocol = factory.buildProtocol(None)  # type: ignore[arg-type]  # nowhere has no address
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)


class Probe:
    """One check under way; `outcome` is empty until it has ended."""

    def __init__(self, check: Any, target: FakeTarget | None = None) -> None:
        self.target = target or FakeTarget()
        self.outcome: list[Any] = []
        self.running: Deferred[Any] = Deferred.fromCoroutine(check.check(self.target))
        self.running.addBoth(self.outcome.append)

    @property
    def evidence(self) -> str:
        """What the check says against the backend."""
        (failure,) = self.outcome
        assert failure.check(CheckFailed), failure
        return str(failure.value)

    def says(self, *pieces: bytes) -> Probe:
        """The backend sends these."""
        for piece in pieces:
            self.target.protocol.dataReceived(piece)
        return self

    def ends(self, reason: Exception | None = None) -> Probe:
        """The connection is over."""
        self.target.protocol.connectionLost(Failure(reason or ConnectionDone()))
        return self


def answering(*pieces: bytes, **settings: Any) -> Probe:
    """A check with these settings whose backend has sent these pieces."""
    return Probe(HTTPCheck(**settings)).says(*pieces)


def status(code: int) -> bytes:
    """An answer with that status and nothing else."""
    return b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % code


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_provides_the_interface(check: Any) -> None:
    """Every check provides `IHealthCheck` for streams of either kind, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, check)
    assert IPlugin.providedBy(type(check))
    assert IHealthCheckPlugin.providedBy(type(check))
    assert set(check.protocols) == {Kind.TCP, Kind.HTTP}


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_passes_on_why_no_connection_was_made(check: Any) -> None:
    """A refused connection is the evidence."""
    assert Probe(check, FakeTarget(answer=fail(CheckFailed("connection refused")))).evidence == "connection refused"


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_stops_connecting_when_cancelled(check: Any) -> None:
    """Cancelling a check that is connecting cancels the connection attempt and ends the check."""
    cancelled: list[Any] = []
    probe = Probe(check, FakeTarget(answer=Deferred(cancelled.append)))
    assert probe.outcome == []
    probe.running.cancel()
    assert len(cancelled) == 1
    assert probe.outcome[0].check(CancelledError)


def test_tcp_is_content_with_a_connection() -> None:
    """A TCP check passes once connected, says nothing and closes."""
    probe = Probe(TCPCheck())
    assert probe.outcome == [None]
    assert probe.target.transport.disconnecting
    assert probe.target.transport.value() == b""
    probe.says(b"220 welcome\r\n").ends()
    assert probe.outcome == [None]


def test_http_sends_one_plain_request() -> None:
    """The request names the backend's address, who asks, and that the connection ends with the answer."""
    assert Probe(HTTPCheck("/healthz?full=1")).target.transport.value() == (
        b"GET /healthz?full=1 HTTP/1.1\r\nhost: 192.0.2.9:80\r\n"
        b"user-agent: balancer\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )


def test_http_sends_what_was_set() -> None:
    """Method, host and headers are as set, and a header of the user's replaces the check's own."""
    check = HTTPCheck(method="POST", host="a.example:8080", headers={"Accept": "text/plain", "X-Depth": 2})
    assert Probe(check).target.transport.value() == (
        b"POST / HTTP/1.1\r\nhost: a.example:8080\r\nuser-agent: balancer\r\naccept: text/plain\r\n"
        b"x-depth: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("db.example:8080", "db.example:8080"),
        ("[::1]:80", "[::1]:80"),
        ("/run/api.sock", "localhost"),
        ("run/a:80", "localhost"),
        ("api.sock", "localhost"),
    ],
)
def test_http_names_the_backend(address: str, host: str) -> None:
    """The request is for the host and port of the backend; one behind a path has none, so localhost stands in."""
    probe = Probe(HTTPCheck(), FakeTarget(address=address))
    assert f"\r\nhost: {host}\r\n".encode() in probe.target.transport.value()


@given(st.lists(st.integers(1, len(OK) - 1), max_size=6))
def test_http_passes_however_the_answer_is_cut(cuts: list[int]) -> None:
    """The answer may come in any pieces; the check passes with the last and closes the connection."""
    edges = [0, *sorted(cuts), len(OK)]
    probe = answering(body="^ready$")
    for start, stop in pairwise(edges):
        assert probe.outcome == []
        if start < stop:
            probe.says(OK[start:stop])
    assert probe.outcome == [None]
    assert probe.target.transport.disconnecting


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        ("200-299", [200, 204, 299], [300, 302, 404, 500, 503]),
        (200, [200], [201, 299]),
        ("200,204,300-302", [200, 204, 300, 302], [201, 299, 303]),
        ("503", [503], [200]),
    ],
)
def test_http_judges_the_status(expect: Any, good: list[int], bad: list[int]) -> None:
    """Only a status among those expected is healthy; the evidence names both."""
    assert [answering(status(code), expect=expect).outcome for code in good] == [[None]] * len(good)
    for code in bad:
        assert answering(status(code), expect=expect).evidence == f"status {code}, expected {expect}"


def test_http_takes_no_redirect_for_health_by_default() -> None:
    """Without a setting, statuses from 200 to 299 are expected."""
    assert answering(status(302)).evidence == "status 302, expected 200-299"
    assert answering(status(204)).outcome == [None]


def test_http_waits_for_the_final_head() -> None:
    """Interim answers are no verdict."""
    probe = answering(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert probe.outcome == []
    assert probe.says(status(500)).evidence == "status 500, expected 200-299"


def test_http_does_not_wait_for_a_body_nobody_looks_at() -> None:
    """Without a pattern the head is enough, and what comes later changes nothing."""
    probe = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
    assert probe.outcome == [None]
    probe.says(b"x" * 1000).ends(ConnectionLost())
    assert probe.outcome == [None]


def test_http_asks_no_body_of_head() -> None:
    """The answer to HEAD ends with its head, whatever length it tells of."""
    assert answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", method="HEAD").outcome == [None]


def test_http_looks_for_the_pattern() -> None:
    """The body must show the pattern, read as UTF-8 whatever its bytes; the evidence shows the pattern."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\xff gr\xc3\xbcn\r\n"
    assert answering(answer, body="gr\u00fcn").outcome == [None]
    assert answering(answer, body="^gr\u00fcn").evidence == "body does not match '^gr\u00fcn'"
    assert answering(OK, body="a\nb").evidence == "body does not match 'a\\nb'"


def test_http_judges_the_status_before_the_body() -> None:
    """With a wrong status and a wrong body the status is the evidence."""
    assert answering(status(503), body="ready").evidence == "status 503, expected 200-299"


@pytest.mark.parametrize("ready", [True, False])
def test_http_reads_a_body_within_bounds(ready: bool) -> None:
    """A body without end is judged by its first 64 KiB, and the connection closed."""
    body = b"x" * (BODY - 5) + (b"ready" if ready else b"xready")
    probe = answering(b"HTTP/1.1 200 OK\r\n\r\n", body="ready").says(body[:1000])
    assert probe.outcome == []
    probe.says(body[1000:])
    assert probe.target.transport.disconnecting
    assert probe.outcome == [None] if ready else probe.evidence == "body does not match 'ready'"


def test_http_takes_the_close_for_the_end() -> None:
    """A body without a length ends with the connection."""
    probe = answering(b"HTTP/1.1 200 OK\r\n\r\nrea", b"dy", body="^ready$")
    assert probe.outcome == []
    assert probe.ends().outcome == [None]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nready"])
def test_http_fails_when_the_answer_is_cut_short(said: bytes) -> None:
    """A connection that ends before the answer does is a failure, with evidence in one line."""
    evidence = answering(said, body="ready").ends().evidence
    assert evidence.startswith("no answer to be had: ")
    assert "\n" not in evidence


def test_http_tells_how_the_connection_was_lost() -> None:
    """A connection that breaks is a failure even where its end would complete the body."""
    probe = answering(b"HTTP/1.1 200 OK\r\n\r\nready", body="ready").ends(ConnectionLost())
    assert probe.evidence.startswith("connection lost: ")


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 101 Other\r\n\r\n", b"\0"])
def test_http_fails_on_what_is_no_answer(said: bytes) -> None:
    """Bytes that are no HTTP answer are a failure, and the connection is closed."""
    probe = answering(said).ends()
    assert probe.evidence.startswith("no answer to be had: ")
    assert probe.target.transport.disconnecting


@given(st.lists(st.binary(min_size=1, max_size=30) | st.sampled_from([OK, status(200), b"\r\n"]), max_size=5))
def test_http_always_comes_to_one_verdict(pieces: list[bytes]) -> None:
    """Whatever a backend sends before it closes, there is one verdict: healthy or `CheckFailed`."""
    probe = answering(*pieces, body="ready").ends()
    assert probe.outcome == [None] or probe.evidence
    assert probe.target.transport.disconnecting


def test_http_ends_when_cancelled() -> None:
    """Cancelling a check that waits for the answer closes its connection, and nothing that comes later matters."""
    probe = Probe(HTTPCheck())
    assert not probe.target.transport.disconnecting
    probe.running.cancel()
    assert probe.outcome[0].check(CancelledError)
    assert probe.target.transport.disconnecting
    probe.says(OK).ends()
    assert len(probe.outcome) == 1


def test_one_object_serves_many_backends() -> None:
    """Two probes of one check at once share nothing."""
    check = HTTPCheck()
    first, second = Probe(check), Probe(check)
    second.says(status(500))
    assert first.outcome == []
    assert first.says(status(200)).outcome == [None]
    assert second.evidence == "status 500, expected 200-299"


def test_are_values() -> None:
    """Checks made alike are equal and hash alike, and headers, which may hold secrets, are not shown."""
    secret = HTTPCheck(headers={"authorization": "s3cret"})
    assert {secret, HTTPCheck(headers={"Authorization": "s3cret"})} == {secret}
    assert secret != HTTPCheck()
    assert "s3cret" not in repr(secret)
    assert "200-299" in repr(secret)


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"path": "healthz"}, "path: 'healthz' is not a path; "),
        ({"path": "/a b"}, "path: '/a b' is not a path; "),
        ({"path": "/a#b"}, "path: '/a#b' is not a path; "),
        ({"path": "/\u00e9"}, "path: '/\u00e9' is not a path; "),
        ({"path": None}, "path: None is not a path; "),
        ({"method": "GE T"}, "method: 'GE T' is not a method; write 'GET'"),
        ({"method": "CONNECT"}, "method: 'CONNECT' is not a method; "),
        ({"method": "G\u00cbT"}, "method: 'G\u00cbT' is not a method; "),
        ({"method": "G\n"}, "method: 'G\\n' is not a method; "),
        ({"expect": "2xx"}, "expect: '2xx' is no final status; write '200-299'"),
        ({"expect": 100}, "expect: '100' is no final status; "),
        ({"expect": "200,"}, "expect: '200,' is no final status; "),
        ({"expect": "200,299-200"}, "expect: '200,299-200' has a range that ends before it starts; "),
        ({"body": "("}, "body: '(' is not a regular expression for text ("),
        ({"body": b"ok"}, "body: b'ok' is not a regular expression for text ("),
        ({"body": 5}, "body: 5 is not a regular expression for text ("),
        ({"body": "ok", "method": "HEAD"}, "body: 'ok' can never be found, as HEAD has no body in its answer; "),
        ({"host": "http://a"}, "host: 'http://a' is not a host; write 'example.com'"),
        ({"host": "a\r\nx: y"}, "host: 'a\\r\\nx: y' is not a host; "),
        ({"host": "::1"}, "host: '::1' is not a host; "),
        ({"headers": "x"}, "headers: 'x' is not a mapping; write {'accept': 'text/plain'}"),
        ({"headers": {"Host": "a"}}, "headers: 'Host' is set by the check itself; "),
        ({"headers": {"content-length": "5"}}, "headers: 'content-length' is set by the check itself; "),
        ({"headers": {"x y": "s3cret"}}, "headers: 'x y' or its value could not stand in a header; "),
        ({"headers": {"x": "s3cret\r\n"}}, "headers: 'x' or its value could not stand in a header; "),
    ],
    ids=str,
)
def test_http_refuses_settings_that_could_not_work(settings: dict[str, Any], mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        HTTPCheck(**settings)
    (line,) = caught.value.mistakes
    assert line.startswith(f"HTTPCheck: {mistake}")
    assert "s3cret" not in line


@pytest.mark.parametrize("host", ["a.example", "a.example:80", "192.0.2.1", "[::1]", "[::1]:80", "my_host"])
def test_http_takes_hosts_of_every_kind(host: str) -> None:
    """A host may be a name or an address, with or without a port."""
    assert f"\r\nhost: {host}\r\n".encode() in Probe(HTTPCheck(host=host)).target.transport.value()
