"""Certificates as long as they run: shared by contexts, replaced, rotated, and told of before they expire."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer.core.hello import ClientHello
from balancer.net.tls.certificates import Certificates
from balancer.net.tls.credentials import DAY, Sources, Unusable
from balancer.net.tls.presenting import Manner
from balancer.net.tls.profiles import PROFILES
from tests.net.authority import PAST, Authority
from tests.net.tls.meeting import Client

AUTHORITY = Authority()
SHORT = (PAST, PAST + timedelta(days=90))
HELLO = ClientHello("a.example")


class Running:
    """Certificates in a folder, and the time that passes for them."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.folder = folder
        self.certificates = Certificates(
            Sources((str(folder),)),
            Manner(PROFILES["modern"], lambda: PAST.timestamp() + self.now),
            rotation=3600,
            seconds=lambda: self.now,
            warn=self.told.append,
        )

    def store(self, name: str = "a.example") -> None:
        """Put a certificate there that is valid for 90 days, and have it used."""
        AUTHORITY.leaf(name, valid=SHORT).store(self.folder)
        self.certificates.use(self.certificates.load())


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """One certificate that is in use."""
    running = Running(tmp_path)
    running.store()
    return running


def test_contexts_are_shared(running: Running) -> None:
    """Listeners that speak the same share their contexts, and those that speak otherwise have their own."""
    contexts = running.certificates.contexts(["http/1.1"])
    assert running.certificates.contexts(["http/1.1"]) is contexts
    assert Client(alpn=[b"http/1.1"]).meet(contexts.choose(HELLO)).alpn == b"http/1.1"
    assert Client(alpn=[b"http/1.1"]).meet(running.certificates.contexts([]).choose(HELLO)).alpn == b""


def test_all_listeners_show_what_is_new(running: Running) -> None:
    """What is read anew is shown by all contexts, those that come later too."""
    earlier = running.certificates.contexts([])
    running.store()
    later = running.certificates.contexts(["http/1.1"])
    new = running.certificates.credentials.pairs[0].certificate
    assert [Client().meet(contexts.choose(HELLO)).shown for contexts in (earlier, later)] == [new, new]


def test_a_change_is_seen(running: Running) -> None:
    """Files look different once they have changed."""
    before = running.certificates.look()
    running.store()
    assert running.certificates.look() != before


def test_what_openssl_does_not_take_is_not_loaded(running: Running, tmp_path: Path) -> None:
    """What could not be presented is refused as it is read, before anybody is shown it."""
    strange = Certificates(
        Sources((str(tmp_path),)),
        Manner(PROFILES["modern"].__class__("1.2", ("NONSENSE",)), lambda: 0.0),
        rotation=1,
        seconds=lambda: 0.0,
        warn=running.told.append,
    )
    with pytest.raises(Unusable, match="OpenSSL offers none of 'NONSENSE'"):
        strange.load()


def test_ticket_keys_change(running: Running) -> None:
    """Sessions are resumed for as long as tickets have the same keys, and no longer."""
    contexts, client = running.certificates.contexts([]), Client()
    assert [client.meet(contexts.choose(HELLO)).resumed for _ in range(2)] == [False, True]
    running.now = 3599
    running.certificates.tick()
    assert client.meet(contexts.choose(HELLO)).resumed is True
    running.now = 3600
    running.certificates.tick()
    running.certificates.tick()
    assert [client.meet(contexts.choose(HELLO)).resumed for _ in range(2)] == [False, True]


def test_the_better_one_takes_its_turn(running: Running) -> None:
    """As soon as a certificate is valid that is so for longer than the one before, it is shown."""
    later = AUTHORITY.leaf("a.example", valid=(PAST + timedelta(days=80), PAST + timedelta(days=85)))
    AUTHORITY.leaf("a.example", valid=(PAST, PAST + timedelta(days=81))).store(running.folder)
    later.store(running.folder, "later")
    running.certificates.use(running.certificates.load())
    contexts = running.certificates.contexts([])
    for days, shown in ((79.9, False), (80, True), (84, True)):
        running.now = days * DAY
        running.certificates.tick()
        assert (Client().meet(contexts.choose(HELLO)).shown == later.certificate) is shown


def test_the_end_is_told_before_it_comes(running: Running) -> None:
    """From 14 days before its end a certificate is told of once a day, and once when it is over."""
    for hour in range(0, 95 * 24, 6):
        running.now = hour * 3600.0
        running.certificates.tick()
    path = running.folder / "site.pem"
    soon = [
        f"{path}: the certificate of a.example expires on 2020-03-31, in {days} days; renew it" for days in range(14)
    ]
    assert running.told == [*reversed(soon), f"{path}: the certificate of a.example expired on 2020-03-31; renew it"]
    running.store("b.example")
    assert running.told[-1] == f"{path}: the certificate of b.example expired on 2020-03-31; renew it"


def test_figures(running: Running) -> None:
    """Of each certificate there is to know for whom it is, of what key, in what file, and how long it holds."""
    running.now = 80.5 * DAY
    assert running.certificates.figures() == [
        {
            "names": ["a.example"],
            "key": "ECDSA secp256r1",
            "file": str(running.folder / "site.pem"),
            "expires": round(PAST.timestamp() + 90 * DAY),
            "days_left": 9,
        }
    ]
