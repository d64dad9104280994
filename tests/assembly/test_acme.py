"""Who looks after certificates: made for each that is to be obtained, with what its noun says."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from balancer.assembly.proofs import rootless
from balancer.assembly.tls import contexts_of
from balancer.config import ACME, Config
from balancer.control.figures import counters
from balancer.core.hello import ClientHello
from balancer.ctl.texts import lines_of
from balancer.errors import ServerNameRefused, StartError
from balancer.net.acme import renewing
from balancer.net.acme.challenges import ProvingContexts
from tests.assembly.acmes import site, stored, wish
from tests.assembly.parts import assembled
from tests.net.acme.conftest import office
from tests.net.acme.office import DIRECTORY, NOW, Office, problem
from tests.net.acme.turns import AtOnce
from tests.net.authority import Authority
from tests.net.house import House, listening
from tests.net.tls.meeting import Client

__all__ = ["office"]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """A balancer whose threads take no time."""
    monkeypatch.setattr(renewing, "Threads", AtOnce)
    made: House = House(wall=lambda: NOW + made.network.seconds())
    monkeypatch.setattr(made.network, "callFromThread", lambda call, *given: call(*given), raising=False)
    return made


def opened(house: House, acme: ACME) -> None:
    """A site with such a certificate, which is looked after from now on."""
    house.open(*site(acme))
    house.assembly.acmes[acme].start()
    house.network.advance(0)


def test_a_certificate_is_obtained(office: Office, house: House, tmp_path: Path) -> None:
    """It is obtained as its noun says, told, and shown among what is counted."""
    roots = Authority().store(tmp_path, "roots")
    acme = wish(tmp_path / "acme", directory=DIRECTORY, email="me@a.example", key="rsa", ca=roots)
    office.proved_before = True
    with listening() as events:
        opened(house, acme)
    assert "ACME 'a.example': a certificate was obtained, which is good for 90.0 days" in said(events)
    assert office.said[0]["contact"] == ["mailto:me@a.example"]
    assert {one["verify"] for one in office.settings} == {roots}
    (shown,) = counters(house.assembly)["acme"]
    assert shown["acme"] == ["a.example"]
    assert (shown["obtained"], shown["days_left"], shown["last_error"]) == (1, 90, None)
    assert counters(house.assembly)["acme"][0]["next_try"] == pytest.approx(NOW + 6 * 3600, abs=6 * 3600)
    row = next(line for line in lines_of("counters", counters(house.assembly)) if line.startswith("a.example"))
    assert row.split()[:4] == ["a.example", "90.0", "1", "0"]
    house.assembly.acmes[acme].stop()


def test_one_that_cannot_be_had(office: Office, house: House, tmp_path: Path) -> None:
    """A failure is an error in the log, is shown, and is tried again after the noun's pause."""
    office.failures["/dir"] = [problem(503, "serverInternal", "out for lunch")] * 2
    acme = wish(tmp_path, directory=DIRECTORY, retry=10)
    with listening() as events:
        opened(house, acme)
    line = "no certificate was obtained: serverInternal: out for lunch; tried again in "
    assert [one for one in said(events) if line in one]
    shown = lines_of("counters", counters(house.assembly))
    assert any(one.startswith("a.example") and one.endswith("serverInternal: out for lunch") for one in shown)
    house.network.advance(10)
    assert house.assembly.acmes[acme].failures == 2
    house.assembly.acmes[acme].stop()


def test_one_that_is_there(house: House, tmp_path: Path) -> None:
    """A certificate that is in the folder is known before anything runs, and nothing is due before the first look."""
    acme = wish(tmp_path)
    stored(acme)
    house.open(*site(acme))
    (shown,) = counters(house.assembly)["acme"]
    assert shown["days_left"] > 0
    assert shown["next_try"] is None
    assert any(
        line.startswith("a.example") and "now" in line for line in lines_of("counters", counters(house.assembly))
    )


def test_roots_that_cannot_be_used(tmp_path: Path) -> None:
    """There is no start where the file of roots is of no use, and a check of the config says the same."""
    acme = wish(tmp_path, ca=tmp_path / "absent.pem")
    line = f"{acme}: ca: {acme.ca}: cannot be read: No such file or directory; give a file that the balancer may read"
    with pytest.raises(StartError) as caught:
        assembled(*site(acme))
    assert str(caught.value) == line
    assert list(rootless(Config(site(acme)).acmes)) == [line]


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A folder that cannot be made, or that others may look into, stops the start, with a line that says which."""
    acme = wish(tmp_path)
    stored(acme)
    Path(acme.folder).chmod(0o755)
    with pytest.raises(StartError) as caught:
        assembled(*site(acme))
    remedy = "give a folder that the balancer may write, and nobody else may look into"
    assert str(caught.value) == f"{acme}: storage: {acme.folder}: others may look into it; {remedy}"
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"storage: .*file.*: (Not a directory|File exists); give a folder"):
        assembled(*site(wish(tmp_path / "file")))


def said(events: list[dict[str, object]]) -> list[str]:
    """The lines of the log."""
    return [str(event["log_format"]).format(**event) for event in events]


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_what_is_obtained_is_shown(office: Office, house: House, tmp_path: Path, challenge: str) -> None:
    """Until there is a certificate its name is refused; as soon as it is obtained clients are shown it."""
    office.proved_before = True
    acme = wish(tmp_path, directory=DIRECTORY, challenge=challenge)
    plain, secure = site(acme)
    assert secure.tls is not None
    house.assembly.aside = lambda work, told: told(True, work())
    house.open(plain, secure)
    contexts, hello = contexts_of(house.assembly, secure.tls, ()), ClientHello("a.example")
    with pytest.raises(ServerNameRefused):
        contexts.choose(hello)
    house.assembly.acmes[acme].start()
    house.network.advance(0)
    assert Client().meet(contexts.choose(hello)).shown == load_pem_x509_certificate(office.chain)
    assert isinstance(contexts, ProvingContexts) is (challenge == "tls-alpn-01")
    house.assembly.acmes[acme].stop()
