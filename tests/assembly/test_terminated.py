"""What stands before what serves, where a listener speaks TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from balancer.config import TLS, HTTPListener, Pool, TCPListener
from balancer.core.starttls import PostgresOpening
from balancer.errors import StartError
from balancer.net.http import HTTPFactory
from balancer.net.limits import LimitedFactory
from balancer.net.streams import RelayFactory
from balancer.net.tls.accepting import TLSFactory
from balancer.net.tls.starting import StartingFactory
from tests.assembly.parts import assembled
from tests.net.authority import Authority

SITE = Pool("site", backends=["127.0.0.1:80"])


def factory_of(listener: HTTPListener | TCPListener) -> Any:
    """What makes the protocols of its connections."""
    ((_, made),) = assembled(listener).listeners
    return made.factory  # type: ignore[attr-defined]  # a stream listener has one


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A certificate."""
    return Authority().leaf("a.example").store(tmp_path)


def test_tls_is_behind_the_limits(path: str) -> None:
    """Who exceeds a limit costs no handshake; without TLS nothing stands there."""
    limited = factory_of(HTTPListener("tcp:1", pool=SITE, tls=TLS(path), max_connections=5))
    assert [type(limited), type(limited._inner), type(limited._inner.inner)] == [  # noqa: SLF001  nobody else asks
        LimitedFactory,
        TLSFactory,
        HTTPFactory,
    ]
    assert type(factory_of(HTTPListener("tcp:1", pool=SITE))) is HTTPFactory


def test_how_handshakes_are_bounded(path: str) -> None:
    """The handshakes of a listener have the time and the number that its TLS says."""
    terminating = factory_of(TCPListener("tcp:1", pool=SITE, tls=TLS(path, handshake_timeout=3, max_handshakes=9)))
    assert (terminating.terminating.timeout, terminating.terminating.most) == (3, 9)


def test_a_listener_that_is_asked_for_tls_first(path: str) -> None:
    """With `starttls` clients are answered before TLS, in the protocol that it names and as long as a handshake has."""
    asked = factory_of(TCPListener("tcp:1", pool=SITE, tls=TLS(path, handshake_timeout=3), starttls="postgres"))
    assert [type(asked), type(asked.inner), type(asked.inner.inner)] == [StartingFactory, TLSFactory, RelayFactory]
    assert (asked.start.opening, asked.start.timeout) == (PostgresOpening, 3)


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    """No listener is made of certificates that are not there."""
    with pytest.raises(StartError, match="nowhere"):
        factory_of(TCPListener("tcp:1", pool=SITE, tls=TLS(str(tmp_path / "nowhere.pem"))))
