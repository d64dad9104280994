"""A script of what to say and what to expect."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin
from balancer.plugins.health import Expect, Send, SendExpect
from tests.plugins.examined import Examination

SCRIPT = SendExpect([Expect("ready\n"), Send("AUTH s3cret\n"), Expect(re.compile(r"^\+(OK|YES)\n")), Send(b"QUIT\n")])
SAID = b"welcome\nready\n+OK\n"


def test_provides_the_interface() -> None:
    """It is a health check, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, SCRIPT)
    assert IPlugin.providedBy(SendExpect)
    assert IHealthCheckPlugin.providedBy(SendExpect)


@given(st.lists(st.integers(1, len(SAID) - 1), max_size=6))
def test_follows_its_steps(cuts: list[int]) -> None:
    """What is to be sent is sent once what is expected before has come, in whatever pieces; then it is healthy."""
    examined = Examination(SCRIPT)
    for start, stop in pairwise([0, *sorted(cuts), len(SAID)]):
        assert examined.outcome == []
        examined.says(SAID[start:stop])
        assert examined.target.transport.value().startswith(b"AUTH s3cret\n") is (stop >= SAID.index(b"+"))
    assert examined.outcome == [None]
    assert examined.target.transport.value() == b"AUTH s3cret\nQUIT\n"
    assert examined.target.transport.disconnecting


def test_sends_first() -> None:
    """A script may begin with what it sends."""
    assert Examination(SendExpect([Send("PING\r\n"), Expect(b"+PONG")])).target.transport.value() == b"PING\r\n"


def test_names_the_step_and_what_came() -> None:
    """The evidence names the step, what was expected and what came instead, and nothing that was sent."""
    wrong = Examination(SCRIPT).says(b"ready\n-ERR s\n").ends()
    assert wrong.evidence == r"step 3: expected '^\\+(OK|YES)\\n', got '-ERR s\n', then the end"
    assert "s3cret" not in repr(SCRIPT)


def test_looks_no_further_than_told() -> None:
    """What is not within so many bytes is missing at once."""
    check = SendExpect([Expect(b"x", within=4)])
    assert Examination(check).says(b"abcx").outcome == [None]
    assert Examination(check).says(b"abcdx").evidence == "step 1: expected b'x', got 'abcdx' within 4 bytes"


@pytest.mark.parametrize(
    "what", ["gr\u00fcn.", "gr\u00fcn.".encode(), re.compile("gr\u00fcn\\."), re.compile(b"gr..n\\.")]
)
def test_texts_are_utf8(what: Any) -> None:
    """Texts stand for their UTF-8, and are no patterns unless they are compiled."""
    check = SendExpect([Expect(what)])
    assert Examination(check).says("gr\u00fcn.".encode()).outcome == [None]
    assert Examination(check).says("gr\u00fcn!".encode()).ends().evidence


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (lambda: Send(""), "Send: data: it is neither a text nor bytes, or empty; "),
        (lambda: Send(5), "Send: data: it is neither a text nor bytes, or empty; "),  # type: ignore[arg-type]  # wrong
        (lambda: Expect(""), "Expect: what: '' is neither a text nor bytes nor a compiled regular expression, "),
        (lambda: Expect(5), "Expect: what: 5 is neither "),  # type: ignore[arg-type]  # wrong
        (lambda: Expect("a", within=0), "Expect: within: 0 is not a number of bytes from 1 to 65536; "),
        (lambda: Expect("a", within=65537), "Expect: within: 65537 is not "),
        (lambda: SendExpect(5), "SendExpect: steps: 5 are not steps; "),
        (lambda: SendExpect("ab"), "SendExpect: steps: ('a', 'b') are not steps; "),
        (lambda: SendExpect([]), "SendExpect: steps: () expect nothing; "),
        (lambda: SendExpect([Send("s3cret")]), "SendExpect: steps: (Send(),) expect nothing; "),
    ],
)
def test_refuses_settings_that_could_not_work(make: Any, mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.mistakes[0].startswith(mistake)
    assert len(caught.value.mistakes) == 1
