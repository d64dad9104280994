"""Who answers for names that are looked at, and what is told of certificates to be obtained."""

from __future__ import annotations

from pathlib import Path

import pytest
from OpenSSL import SSL

from balancer.assembly.proofs import holdings, proving_contexts, storage_of
from balancer.config import Config
from balancer.core.hello import ClientHello
from balancer.net.acme.challenges import ProvingContexts
from tests.assembly.acmes import site, stored, wish
from tests.net.authority import FUTURE
from tests.net.house import FRONT, House

TOKEN = "DGyRejmCefe7v4NfDGDKfA"
DAY = 86400


def asked(house: House, port: int = FRONT) -> bytes:
    """What a client hears who asks for the proof."""
    head = f"GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"
    return house.client(head.encode(), port).heard.partition(b"\r\n\r\n")[2]


def test_names_are_proved_over_http(tmp_path: Path) -> None:
    """A listener of plain HTTP answers before all its routes while there is something to prove, else they do."""
    acme, house = wish(tmp_path), House()
    house.open(*site(acme))
    assert asked(house) == b"found"
    storage_of(acme).prove("http-01", TOKEN, "proof")
    assert asked(house) == b"proof"


def test_names_that_are_proved_over_tls(tmp_path: Path) -> None:
    """Where names are proved over TLS nothing stands before the routes of HTTP."""
    acme, house = wish(tmp_path, challenge="tls-alpn-01"), House()
    house.open(*site(acme))
    storage_of(acme).prove("http-01", TOKEN, "proof")
    assert asked(house) == b"found"


class Inner:
    """The contexts of a listener."""

    needs_hello = False

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        """None are needed."""
        raise NotImplementedError


def test_contexts(tmp_path: Path) -> None:
    """Contexts stay what they are, unless names are proved over TLS."""
    inner = Inner()
    assert proving_contexts(None, inner) is inner
    assert proving_contexts(wish(tmp_path), inner) is inner
    assert isinstance(proving_contexts(wish(tmp_path, challenge="tls-alpn-01"), inner), ProvingContexts)


def test_holdings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told of: that there is none, until when it is good, what it lacks, and why it cannot be looked at."""
    now = FUTURE.timestamp() - 30.5 * DAY
    acme = wish(tmp_path, "a.example", "b.example")
    config = Config(site(acme))
    (line,) = holdings(config, now)
    assert line == "ACME 'a.example': there is no certificate yet; it is obtained when the balancer runs"
    stored(acme, "a.example")
    (line,) = holdings(config, now)
    day = FUTURE.strftime("%Y-%m-%d")
    assert line == f"ACME 'a.example': there is a certificate until {day}, in 30.5 days, but not for b.example"
    stored(acme)
    (line,) = holdings(config, now)
    assert line.endswith("in 30.5 days")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert list(holdings(config, now)) == [f"ACME 'a.example': {acme.certificate}: cannot be read: Permission denied"]
