"""How a health check asks over HTTP: one answer in any pieces, within bounds, and one verdict whatever comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost

from balancer.plugins.health import HTTPCheck
from balancer.plugins.http_checks import BODY
from tests.plugins.examined import OK, Examination, answering, status


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
    probe = Examination(HTTPCheck())
    assert not probe.target.transport.disconnecting
    probe.running.cancel()
    assert probe.outcome[0].check(CancelledError)
    assert probe.target.transport.disconnecting
    probe.says(OK).ends()
    assert len(probe.outcome) == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_http_asks_in_the_version_that_is_wanted(version: str) -> None:
    """The first line says the version, and a body goes with its length in either."""
    said = answering(version=version, method="POST", send="ping").target.transport.value()
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST / HTTP/" + version.encode()
    assert b"content-length: 4" in head.lower()
    assert body == b"ping"
