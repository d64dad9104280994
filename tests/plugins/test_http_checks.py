"""What a health check over HTTP asks for, and how it judges the answer."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.plugins.health import HTTPCheck
from tests.plugins.examined import OK, Examination, FakeTarget, answering, status


def test_http_sends_one_plain_request() -> None:
    """The request names the backend's address, who asks, and that the connection ends with the answer."""
    assert Examination(HTTPCheck("/healthz?full=1")).target.transport.value() == (
        b"GET /healthz?full=1 HTTP/1.1\r\nhost: 192.0.2.9:80\r\n"
        b"user-agent: balancer\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )


def test_http_sends_what_was_set() -> None:
    """Method, host and headers are as set, and a header of the user's replaces the check's own."""
    check = HTTPCheck(method="POST", host="a.example:8080", headers={"Accept": "text/plain", "X-Depth": 2})
    assert Examination(check).target.transport.value() == (
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
    probe = Examination(HTTPCheck(), FakeTarget(address=address))
    assert f"\r\nhost: {host}\r\n".encode() in probe.target.transport.value()


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


def test_http_looks_for_the_pattern() -> None:
    """The body must show the pattern, read as UTF-8 whatever its bytes; the evidence shows the pattern."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\xff gr\xc3\xbcn\r\n"
    assert answering(answer, body="gr\u00fcn").outcome == [None]
    assert answering(answer, body="^gr\u00fcn").evidence == "body does not match '^gr\u00fcn'"
    assert answering(OK, body="a\nb").evidence == "body does not match 'a\\nb'"


def test_http_judges_the_status_before_the_body() -> None:
    """With a wrong status and a wrong body the status is the evidence."""
    assert answering(status(503), body="ready").evidence == "status 503, expected 200-299"


def test_one_object_serves_many_backends() -> None:
    """Two probes of one check at once share nothing."""
    check = HTTPCheck()
    first, second = Examination(check), Examination(check)
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
    assert f"\r\nhost: {host}\r\n".encode() in Examination(HTTPCheck(host=host)).target.transport.value()
