"""What is made of OpenSSL's errors."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet import main

from balancer.net.tls.alerts import Alerted, alert, lost, said


def told(words: str) -> SSL.Error:
    """OpenSSL's way of saying so."""
    return SSL.Error([("SSL routines", "", "before"), ("SSL routines", "", words)])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ssl/tls alert handshake failure", "handshake failure"),
        ("tlsv13 alert certificate required", "certificate required"),
        ("tlsv1 alert unknown ca", "unknown ca"),
    ],
)
def test_alerts(words: str, expected: str) -> None:
    """What the peer has said is the same in every version."""
    assert said(told(words)) == words
    assert alert(told(words)) == expected
    reason = lost(told(words))
    assert isinstance(reason, Alerted)
    assert reason.words == expected


@pytest.mark.parametrize(
    "error", [told("unexpected eof while reading"), SSL.SysCallError(104, "reset"), SSL.ZeroReturnError(), SSL.Error()]
)
def test_ends_without_a_word(error: SSL.Error) -> None:
    """Where nobody has said anything, the connection is lost as any other."""
    assert (said(error), alert(error), lost(error)) == ("", "", main.CONNECTION_LOST)


def test_other_errors() -> None:
    """An error of OpenSSL's own is no alert, and none of somebody else's is one of OpenSSL's."""
    assert (said(told("wrong version number")), alert(told("wrong version number"))) == ("wrong version number", "")
    assert said(ValueError("alert x")) == said(None) == ""
