"""What a health check over HTTP asks for, and how it judges the answer."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.plugins.health import HTTPCheck
from balancer.plugins.http_checks import BODY
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
        ({"method": "get"}, "method: 'get' is not a method; write 'GET'"),
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
        ({"json": {}}, "json: {} is no mapping of paths to texts, numbers, True, False or None; write {'checks"),
        ({"json": ["status"]}, "json: ['status'] is no mapping of paths to "),
        ({"json": {"": 1}}, "json: {'': 1} is no mapping of paths to "),
        ({"json": {"a": []}}, "json: {'a': []} is no mapping of paths to "),
        (
            {"json": {"a": 1}, "method": "HEAD"},
            "json: {'a': 1} can never be found, as HEAD has no body in its answer; ",
        ),
        ({"send": 5}, "send: 5 is no text or bytes of at most 65536 bytes; give one such as '{}'"),
        ({"version": "2"}, "version: '2' is no version; write '1.1' or '1.0'"),
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


def test_http_sends_a_body() -> None:
    """A body of text or bytes is sent with its length, and is not shown."""
    check = HTTPCheck(method="POST", send='{"q": "\u00fc"}', headers={"content-type": "application/json"})
    head, _, body = Examination(check).target.transport.value().partition(b"\r\n\r\n")
    assert head.endswith(b"\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 11")
    assert body == '{"q": "\u00fc"}'.encode()
    assert check == HTTPCheck(method="POST", send=body, headers={"content-type": "application/json"})
    assert "q" not in repr(HTTPCheck(send="q"))


def test_http_speaks_an_old_version() -> None:
    """A request of version 1.0 says so, and may be answered likewise."""
    examination = Examination(HTTPCheck(version="1.0", body="ready"))
    assert examination.target.transport.value().startswith(b"GET / HTTP/1.0\r\nhost: 192.0.2.9:80\r\n")
    assert examination.says(b"HTTP/1.0 200 OK\r\n\r\nready").ends().outcome == [None]


def document(text: str) -> bytes:
    """An answer with that JSON document."""
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text.encode()), text.encode())


DOCUMENT = document('{"status": "ok", "n": 1, "checks": [{"name": "db", "well": true}], "a.b": 1, "none": null}')


@pytest.mark.parametrize(
    ("wanted", "evidence"),
    [
        ({"status": "ok", "n": 1.0, "checks.0.well": True, "none": None}, ""),
        ({"status": "well"}, 'JSON has "ok" at \'status\', expected "well"'),
        ({"n": True}, "JSON has 1 at 'n', expected true"),
        ({"checks.0.well": 1}, "JSON has true at 'checks.0.well', expected 1"),
        ({"checks.1.well": True}, "JSON has no 'checks.1.well'"),
        ({"checks.well": True}, "JSON has no 'checks.well'"),
        ({"status.x": 1}, "JSON has no 'status.x'"),
        ({"a.b": 1}, "JSON has no 'a.b'"),
        ({"checks": 1}, "JSON has a list at 'checks', expected 1"),
        ({"checks.0": 1}, "JSON has an object at 'checks.0', expected 1"),
        ({"none": "x" * 99}, "JSON has null at 'none', expected \"" + "x" * 59 + "..."),
    ],
    ids=str,
)
def test_http_looks_into_json(wanted: dict[str, Any], evidence: str) -> None:
    """What is wanted must be there, by keys and numbers and of the same kind; the evidence shows both."""
    examination = answering(DOCUMENT, json=wanted)
    assert examination.outcome == [None] if not evidence else examination.evidence == evidence


@pytest.mark.parametrize("text", ["", "{", "ok", "[" * 60000, " " * BODY + '{"status": "ok"}'], ids=len)
def test_http_fails_on_what_is_no_json(text: str) -> None:
    """What is no document, is nested beyond measure or too long, is a failure."""
    assert (
        answering(document(text), json={"status": "ok"}).evidence == f"body is no JSON document of at most {BODY} bytes"
    )
