"""Looks after a certificate: whether another is obtained, and when the next look is due."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from balancer.errors import CertificateNotObtained
from balancer.net.acme.authority import Authority
from balancer.net.acme.looking import AGAIN, AGAIN_LEAST, AGAIN_MOST, Looking
from balancer.net.acme.obtaining import Wish, new_key
from balancer.net.acme.storage import Locked, Storage
from tests.net.acme.office import DAY, DIRECTORY, NOW, Office, problem


class Latest(Random):
    """Chance that never makes anything come sooner."""

    def random(self) -> float:
        """The least."""
        return 0.0


class House:
    """A folder, an office and a wall that the test moves."""

    def __init__(self, office: Office, folder: Path, wish: Wish) -> None:
        self.office, self.now = office, NOW
        self.storage = Storage(str(folder / "ca"), str(folder / "ca" / "a.example"))
        self.storage.open()
        self.looking = self.made(wish)

    def made(self, wish: Wish) -> Looking:
        """Somebody who looks after it."""
        return Looking(wish, self.storage, self._authority, now=lambda: self.now, random=Latest())

    def _authority(self) -> Authority:
        return Authority(DIRECTORY, self.storage.account_key(lambda: new_key("ecdsa")))

    def look(self, wish: Wish | None = None) -> tuple[bool, float]:
        """Whether one was obtained, and how many seconds it is to the next look."""
        found = (self.made(wish) if wish else self.looking).look(lambda _: True)
        return found.obtained, found.again - self.now

    def advise(self, when: float) -> None:
        """Have the office say when to renew the certificate that is there."""
        instant = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.office.advice = {"start": instant, "end": instant}


@pytest.fixture
def house(office: Office, tmp_path: Path) -> House:
    """All of it."""
    return House(office, tmp_path, Wish(("a.example",)))


def test_the_life_of_a_certificate(house: House) -> None:
    """There is none: one is obtained. It is good: nothing is done. A third of its life is left: it is renewed."""
    assert house.look()[0]
    first = house.storage.held()
    house.now = NOW + 60 * DAY - 1
    assert house.look()[0] is False
    assert house.storage.held() == first
    house.now += 1
    house.office.backdated = -60 * DAY
    assert house.look()[0]
    assert house.storage.held() != first


def test_what_is_there_is_used(house: House) -> None:
    """One that is in the folder at the start is not obtained again."""
    house.look()
    orders = house.office.paths("/neworder")
    assert house.look(Wish(("a.example",)))[0] is False
    assert house.office.paths("/neworder") == orders


@pytest.mark.parametrize("wish", [Wish(("a.example", "b.example")), Wish(("a.example",), key="rsa")])
def test_another_wish(house: House, wish: Wish) -> None:
    """One that has not all the names, or another kind of key, is obtained anew; the old one stays until then."""
    house.look()
    house.office.failures["/neworder"] = [problem(500, "serverInternal")]
    before = house.storage.held()
    with pytest.raises(CertificateNotObtained):
        house.look(wish)
    assert house.storage.held() == before
    assert house.look(wish)[0]


def test_somebody_else_obtains_it(house: House) -> None:
    """While somebody else obtains it nothing is ordered, and what came of that is used."""
    with house.storage.obtaining(), pytest.raises(Locked):
        house.look()
    assert house.office.asked == []


def test_somebody_else_was_faster(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that came while the lock was being taken is used, and not obtained twice."""
    obtaining = house.storage.obtaining

    def late() -> object:
        monkeypatch.setattr(house.storage, "obtaining", obtaining)
        house.look(Wish(("a.example",)))
        return obtaining()

    monkeypatch.setattr(house.storage, "obtaining", late)
    assert house.look()[0] is False
    assert house.office.paths("/neworder") == 1


def test_a_life_too_short(house: House) -> None:
    """A certificate that is due as soon as it is made is an error, not the first of many."""
    house.office.backdated = 80 * DAY
    with pytest.raises(CertificateNotObtained, match="to be renewed as soon as it is made"):
        house.look()


def test_without_advice(house: House) -> None:
    """An authority that does not say when to renew is asked again after a while."""
    house.look()
    house.now += DAY
    obtained, pause = house.look()
    assert not obtained
    assert AGAIN_LEAST <= pause <= AGAIN_MOST


def test_nobody_to_ask_for_advice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is good stays so where the disk may not be written, or the account's key is broken."""
    house.look()
    house.now += DAY

    def refused(_: object) -> bytes:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(house.storage, "account_key", refused)
        assert house.look() == (False, AGAIN)
    monkeypatch.setattr(house.storage, "account_key", lambda _make: b"broken")
    house.now += AGAIN
    assert house.look() == (False, AGAIN)


def test_a_full_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a certificate could not be kept none is ordered."""
    house.storage.account_key(lambda: new_key("ecdsa"))
    house.office.proved_before = True

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        house.look()
    assert house.office.asked == []


def test_advice_to_be_sooner(house: House) -> None:
    """One is renewed when the authority says so, if that is sooner than planned."""
    house.look()
    house.advise(NOW + 3 * DAY)
    house.now = NOW + 3 * DAY - 5
    assert house.look() == (False, 5)
    house.office.backdated = -3 * DAY
    house.now += 5
    assert house.look()[0]


def test_advice_to_be_later(house: House) -> None:
    """The plan holds, whatever the authority would have later."""
    house.look()
    house.advise(NOW + 70 * DAY)
    house.now = NOW + 60 * DAY - 5
    assert house.look() == (False, 5)


def test_advice_that_cannot_be_had(house: House) -> None:
    """When the authority cannot be asked for advice the plan holds, and it is asked again hours later."""
    house.look()
    house.office.failures["/dir"] = [problem(500, "serverInternal")]
    house.now += 2 * DAY
    asked = house.office.paths("/dir")
    assert house.look() == (False, AGAIN)
    house.now += AGAIN - 1
    assert house.look() == (False, 1)
    assert house.office.paths("/dir") == asked + 1
    house.now += 1
    house.look()
    assert house.office.paths("/dir") == asked + 2
