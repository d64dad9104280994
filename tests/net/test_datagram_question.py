"""One datagram and its answer, without a reactor that runs."""

from __future__ import annotations

from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

import pytest
from twisted.internet.defer import CancelledError

from balancer.core.backend import Backend, Place
from balancer.net.datagram_question import ask
from tests.net.test_datagram_socket import Readers


def backend(place: Place) -> Backend:
    """One that is there."""
    return Backend("b", "b:9", place, seconds=lambda: 0.0)


def test_a_question_that_is_cancelled() -> None:
    """Whoever gives up a question leaves no socket open, and hears of no answer."""
    reactor, ended = Readers(), list[Any]()
    with socket(AF_INET, SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        asking = ask(reactor, backend(there.getsockname()), b"?").addErrback(ended.append)
        assert len(reactor.reading) == 1
        asking.cancel()
    assert ended[0].check(CancelledError)
    assert reactor.reading == []


def test_a_datagram_that_is_too_large() -> None:
    """What the system does not send leaves no socket open."""
    reactor = Readers()
    with socket(AF_INET, SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="too long"):
            ask(reactor, backend(there.getsockname()), bytes(70000))
    assert reactor.reading == []
