"""Who answers for names that are looked at."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import SSL

from balancer.assembly.proofs import proving_contexts, storage_of
from balancer.core.hello import ClientHello
from balancer.net.acme.challenges import ProvingContexts
from tests.assembly.acmes import site, wish
from tests.net.house import FRONT, House

TOKEN = "DGyRejmCefe7v4NfDGDKfA"


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
