"""Clients that must show certificates: each that is not good is refused by an alert, and told of in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.logger import LogEvent

from balancer.config import HTTPListener
from tests.net.authority import EXPIRED, NOT_YET, Authority, Leaf
from tests.net.house import answer, lines, request
from tests.net.tls.talking import Manner
from tests.net.tls.wires import called, empty, reached, secured

VERSIONS = ["1.2", "1.3"]
KNOWN = Authority("Known")
REVOKED = KNOWN.leaf("revoked")
LISTED = KNOWN.crl(REVOKED)
BAD = {
    "expired": (KNOWN.leaf("expired", valid=EXPIRED), "certificate expired", "it has expired"),
    "early": (KNOWN.leaf("early", valid=NOT_YET), "bad certificate", "it is not valid yet"),
    "alone": (KNOWN.leaf("alone", signed_by_itself=True), "unknown ca", "it is signed by itself"),
    "stranger": (Authority("Stranger").leaf("stranger"), "unknown ca", "its issuer is not known"),
    "revoked": (REVOKED, "certificate revoked", "it is revoked"),
    "purpose": (
        KNOWN.leaf("site", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "unsupported certificate",
        "it is not for this purpose",
    ),
    "nobody": (None, "", "did not return a certificate"),
}
"""A client's certificate; the alert that it gets; what the operator is told."""


def demanding(folder: Path, clients: str = "required") -> dict[str, Any]:
    """Settings of a listener that verifies clients."""
    listed = folder / "clients" / "listed.crl"
    listed.parent.mkdir()
    listed.write_bytes(LISTED)
    return {"clients": clients, "client_ca": KNOWN.store(listed.parent), "client_crl": str(listed)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bad", BAD)
async def test_refused(reactor: Any, tmp_path: Path, told: list[LogEvent], version: str, bad: str) -> None:
    """The client hears an alert that says why, though it has spoken at once, and the operator reads it in words."""
    identity, alert, words = BAD[bad]
    async with secured(reactor, HTTPListener, tmp_path, tls=demanding(tmp_path)) as front:
        client = await called(reactor, front, manner=Manner(version, identity=identity))
        await client.send(client.talker.begin())
        await client.until(lambda _: client.talker.done or bool(client.talker.ending))
        if client.talker.done:
            client.say(request())
        await client.until(lambda wire: bool(client.talker.ending or wire.ending))
        assert alert in client.talker.ending
        assert "alert" in client.talker.ending
        assert not front.calls.pending
    assert words in " ".join(lines(told))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("identity", [KNOWN.leaf("good"), KNOWN.below().leaf("good")], ids=["root", "intermediate"])
async def test_let_in(reactor: Any, tmp_path: Path, version: str, identity: Leaf) -> None:
    """A good certificate, with its chain, is let in."""
    settings = demanding(tmp_path)
    if identity.chain:
        del settings["client_crl"]
    async with secured(reactor, HTTPListener, tmp_path, tls=settings) as front:
        client = await reached(reactor, front, request(), manner=Manner(version, identity=identity))
        backend = await front.calls.get()
        await backend.hear(len(request()))
        backend.say(answer(b"in"))
        assert await client.hear(len(answer(b"in"))) == answer(b"in")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("identity", [bad[0] for bad in BAD.values()], ids=BAD)
async def test_optional(reactor: Any, tmp_path: Path, version: str, identity: Leaf | None) -> None:
    """Where certificates are optional all are served, with a bad one or none."""
    async with secured(reactor, HTTPListener, tmp_path, tls=demanding(tmp_path, "optional")) as front:
        client = await reached(reactor, front, request(), manner=Manner(version, identity=identity))
        backend = await front.calls.get()
        await backend.hear(len(request()))
        backend.say(answer(b"in"))
        assert await client.hear(len(answer(b"in"))) == answer(b"in")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("authority", [KNOWN, Authority("Stranger")], ids=["known", "stranger"])
async def test_far_too_large(
    reactor: Any, tmp_path: Path, told: list[LogEvent], version: str, authority: Authority
) -> None:
    """Nobody comes in with a certificate that takes a hundred times the memory and the time of any other."""
    bulky = authority.leaf(*(f"{number}.example" for number in range(1000)))
    async with secured(reactor, HTTPListener, tmp_path, tls=demanding(tmp_path, "optional")) as front:
        client = await called(reactor, front, manner=Manner(version, identity=bulky))
        await client.send(client.talker.begin())
        await client.until(lambda wire: bool(client.talker.ending or wire.ending))
        await empty(reactor, front)
    assert "its certificate is not accepted: it is larger than 8192 bytes" in " ".join(lines(told))
