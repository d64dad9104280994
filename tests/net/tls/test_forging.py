"""What the forger seals is what OpenSSL takes."""

from __future__ import annotations

import pytest

from tests.net.tls.forging import DATA, Forger12, Forger13
from tests.net.tls.opened import opened


@pytest.mark.parametrize(("version", "forger"), [("1.2", Forger12), ("1.3", Forger13)])
def test_data(version: str, forger: type[Forger12 | Forger13]) -> None:
    """Record after record of data is read."""
    talker, server = opened(version)
    forged = forger(talker)
    for said in (b"one", b"two"):
        server.bio_write(forged.record(DATA, said))
        assert server.recv(100) == said


def test_new_keys() -> None:
    """Data behind KeyUpdates is read, and the other side changes its keys where it is asked to."""
    talker, server = opened("1.3")
    forged = Forger13(talker)
    server.bio_write(forged.rekeyed() + forged.rekeyed(asking=True) + forged.record(DATA, b"new"))
    assert server.recv(100) == b"new"
    server.send(b"and back")
    assert talker.feed(server.bio_read(1 << 16)) == b"and back"
