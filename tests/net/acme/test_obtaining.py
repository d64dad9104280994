"""From a wish to a certificate in the folder: in order, with patience, and with nothing that is not what was wished."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.errors import CertificateNotObtained
from balancer.net.acme.authority import Authority
from balancer.net.acme.obtaining import PATIENCE, Stopped, Wish, new_key, obtain
from balancer.net.acme.storage import Storage
from tests.net.acme.office import DIRECTORY, TOKEN, Office

WISH = Wish(("a.example", "b.example"))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A folder."""
    made = Storage(str(tmp_path / "ca"), str(tmp_path / "ca" / "a.example"))
    made.open()
    return made


@pytest.fixture
def authority(office: Office) -> Authority:
    """One to ask."""
    return Authority(DIRECTORY, new_key("ecdsa"))


class Pauses:
    """What was waited for; after `most` seconds there is no point in going on."""

    def __init__(self, most: float = 1e9) -> None:
        self.waited: list[float] = []
        self._most = most

    def __call__(self, seconds: float) -> bool:
        """Wait."""
        self.waited.append(seconds)
        return sum(self.waited) < self._most


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_certificate(office: Office, authority: Authority, storage: Storage, kind: str) -> None:
    """What is kept is a certificate for all names, with a new key of that kind."""
    obtain(Wish(WISH.names, key=kind), authority, storage, Pauses())
    held = storage.held()
    assert held is not None
    assert (sorted(held.names), held.key, held.pem) == (["a.example", "b.example"], kind, office.chain)


@pytest.mark.parametrize(("kind", "name"), [("http-01", TOKEN), ("tls-alpn-01", "a.example")])
def test_proofs_are_there_when_they_are_looked_for(
    office: Office, authority: Authority, storage: Storage, kind: str, name: str
) -> None:
    """Before the authority is told that it may look, the proof can be told: by token over HTTP, by name over TLS."""
    found = list[str | None]()

    def look(task: object) -> None:
        found.append(storage.proof(kind, name))

    authority.answer = look  # type: ignore[method-assign]  # looks, in place of the office
    with pytest.raises(Stopped):
        obtain(Wish(("a.example",), kind), authority, storage, Pauses(0))
    assert [proof is not None and proof.startswith(f"{TOKEN}.") for proof in found] == [True]


def test_patience(office: Office, authority: Authority, storage: Storage) -> None:
    """It is waited longer each time, and no less than the authority asks for, until it has decided."""
    office.looks, office.delays = 7, 2
    pauses = Pauses()
    obtain(Wish(("a.example",)), authority, storage, pauses)
    assert pauses.waited == [1, 2, 4, 8, 16, 30, 1, 2]
    office.looks, office.delays, office.retry_after = 2, 0, "40"
    pauses = Pauses()
    obtain(Wish(("a.example",)), authority, storage, pauses)
    assert pauses.waited[0] == 40


@pytest.mark.parametrize(
    ("trait", "line"),
    [("looks", r"^a\.example: it has not looked in"), ("delays", "^it has not made the certificate in")],
)
def test_no_end_of_it(office: Office, authority: Authority, storage: Storage, trait: str, line: str) -> None:
    """An authority that never decides is given up."""
    setattr(office, trait, 99)
    pauses = Pauses()
    with pytest.raises(CertificateNotObtained, match=line):
        obtain(Wish(("a.example",)), authority, storage, pauses)
    assert PATIENCE <= sum(pauses.waited) < PATIENCE + 31
    assert storage.held() is None


def test_stopped(office: Office, authority: Authority, storage: Storage) -> None:
    """When there is no point in going on nothing more is asked."""
    office.looks = 9
    with pytest.raises(Stopped):
        obtain(WISH, authority, storage, Pauses(3))
    assert office.paths("/finalize") == 0


@pytest.mark.parametrize(
    ("trait", "line"),
    [("foreign_key", "is for another key"), ("foreign_names", "is for other names"), ("silent", "is no certificate: ")],
)
def test_what_was_not_wished(office: Office, authority: Authority, storage: Storage, trait: str, line: str) -> None:
    """A certificate that could not be used is not kept."""
    if trait == "silent":
        office.failures["/cert"] = [(200, {}, b"sorry")]
    setattr(office, trait, True)
    with pytest.raises(CertificateNotObtained, match=line):
        obtain(WISH, authority, storage, Pauses())
    assert storage.held() is None


@pytest.mark.parametrize("names", [["c.example"], ["../account.pem"]])
def test_proofs_that_nobody_asked_for(office: Office, authority: Authority, storage: Storage, names: list[str]) -> None:
    """A proof for a name that is not wished is not given."""
    office.renamed = names
    with pytest.raises(CertificateNotObtained, match=r"^it wants a proof for '.*', which nobody asked for$"):
        obtain(WISH, authority, storage, Pauses())


def test_a_token_that_is_none(office: Office, authority: Authority, storage: Storage) -> None:
    """A token too long for a name is refused."""
    office.token = "A" * 400
    with pytest.raises(CertificateNotObtained, match="token is none"):
        obtain(WISH, authority, storage, Pauses())
