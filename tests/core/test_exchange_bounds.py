"""Bodies beyond the bound of their route: refused before anybody is asked, or as soon as it is known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from balancer.core.exchange import Exchange
from balancer.core.messages import END, Message, RequestHead
from tests.core.stage import OK, POST, Stage


def bounded(stage: Stage, head: RequestHead = POST, behind: Sequence[Message] = ()) -> Exchange:
    """An exchange that has been started on a route for bodies of 5 bytes at most."""
    stage.max_body = 5
    exchange = stage.exchange(head)
    exchange.start(behind)
    return exchange


@pytest.mark.parametrize(
    ("head", "behind"), [(RequestHead("POST", "/", length=6), ()), (POST, (b"abc", b"def")), (POST, (b"abcdef", END))]
)
def test_what_is_known_to_be_too_much_asks_nobody(head: RequestHead, behind: Sequence[Message]) -> None:
    """A length that is declared, and what came with the head, are judged before a connection is looked for."""
    stage = Stage()
    bounded(stage, head, behind)
    assert stage.transcript.take()[0] == "client refused 413 request-refused"
    assert stage.at_rest()


def test_what_fits_passes() -> None:
    """Up to the bound everything goes on."""
    stage = Stage()
    exchange = bounded(stage, behind=(b"abc",))
    stage.connect()
    exchange.request([b"de", END])
    assert stage.transcript.take()[-1] == "u1 >> 'de'; end"
    bounded(stage, RequestHead("POST", "/", length=5), (b"abcde", END))
    assert stage.transcript.take() == ["dial"]


@pytest.mark.parametrize("connected", [False, True])
def test_what_becomes_too_much_is_refused(connected: bool) -> None:
    """The request is broken off, and its client told as long as nothing of an answer went out."""
    stage = Stage()
    exchange = bounded(stage, behind=(b"abc",))
    if connected:
        stage.connect()
    stage.transcript.take()
    exchange.request([b"def"])
    broken = "u1 cut" if connected else "dial cancelled"
    assert stage.transcript.take()[:2] == [broken, "client refused 413 request-refused"]
    assert stage.at_rest()


def test_what_becomes_too_much_behind_an_answer_cuts_it() -> None:
    """The status is out."""
    stage = Stage()
    exchange = bounded(stage, behind=(b"abc",))
    stage.connect()
    exchange.response([OK, b"h"])
    stage.transcript.take()
    exchange.request([b"def", END])
    assert stage.transcript.take()[:2] == ["u1 cut", "client cut"]
    assert stage.at_rest()
