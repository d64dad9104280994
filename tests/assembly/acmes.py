"""Certificates to be obtained, and folders with one in them, for the tests of what is made of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from balancer.assembly.proofs import storage_of
from balancer.config import ACME, TLS, HTTPListener, Route
from balancer.net.acme.storage import Storage
from balancer.plugins.filters import Respond
from tests.net.authority import Authority
from tests.net.house import FRONT

SECURE = FRONT + 1


def wish(folder: Path, *names: str, **settings: Any) -> ACME:
    """A certificate for these names, or a.example, that is kept in that folder."""
    return ACME(names or ("a.example",), storage=str(folder), agree_to_terms=True, **settings)


def stored(acme: ACME, *names: str) -> Storage:
    """Where it is kept, with a certificate for its names, or for these."""
    storage = storage_of(acme)
    storage.open()
    leaf = Authority().leaf(*(names or acme.names))
    storage.keep(leaf.key_pem(), leaf.pem)
    return storage


def site(acme: ACME) -> list[HTTPListener]:
    """A listener without TLS, and one with such a certificate."""
    found = Route(filters=[Respond(200, "found")])
    return [
        HTTPListener(f"tcp:{FRONT}", routes=found),
        HTTPListener(f"tcp:{SECURE}", routes=found, tls=TLS(acme=acme)),
    ]
