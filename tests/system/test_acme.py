"""Certificates obtained from Pebble by both challenges, renewed under traffic, shared, and kept while it is dead."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from balancer.cli import main
from tests.system.pebble import Pebble, until
from tests.system.process import HOST, LEAN, STOCK, Process, written
from tests.system.programs import PATIENCE

Find = Callable[[str], str]

CONFIG = """
from balancer import ACME, Route, TLS
from balancer.plugins.filters import Respond

found = Route(filters=[Respond(200, "found")])
acme = ACME(
    {names}, storage="{storage}", directory="{pebble.directory}", ca="{pebble.ca}", email="me@site.test",
    agree_to_terms=True, {settings}
)
config = Config(
    [
        HTTPListener("tcp:{pebble.http}:interface={host}", routes=found, reuse_port=True),
        HTTPListener("tcp:{pebble.tls}:interface={host}", routes=found, reuse_port=True, tls=TLS(acme=acme)),
    ],
    control="unix:{control}",
    drain=1,
)
"""
OBTAINED = "a certificate was obtained"


class Site:
    """Processes that serve `site.test` and `www.site.test` with certificates of a Pebble's making."""

    def __init__(self, folder: Path, stack: ExitStack, pebble: Pebble) -> None:
        self.folder, self._stack, self.pebble = folder, stack, pebble
        self.storage = folder / "acme"

    def config(self, name: str = "first", names: tuple[str, ...] = ("site.test", "www.site.test"), **acme: Any) -> str:
        """The path of a config."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        settings = ", ".join(f"{key}={value!r}" for key, value in acme.items())
        places = {"storage": self.storage, "control": place / "control", "host": HOST, "pebble": self.pebble}
        return written(place, CONFIG.format(names=names, settings=settings, **places))

    def start(self, config: str, twist: tuple[str, ...] = LEAN) -> Process:
        """Run a process."""
        process = self._stack.enter_context(Process("--config", config, twist=twist))
        process.says(f"HTTP on tcp:{self.pebble.tls}")
        return process

    def shown(self, trusting: ssl.SSLContext, name: str = "site.test") -> Any:
        """The certificate that is shown to a client who verifies it for that name, and asks for something."""
        address = (HOST, self.pebble.tls)
        with (
            socket.create_connection(address, PATIENCE) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as tls,
        ):
            tls.sendall(b"GET / HTTP/1.1\r\nhost: %b\r\nconnection: close\r\n\r\n" % name.encode())
            assert tls.makefile("rb").read().endswith(b"found")
            return tls.getpeercert()

    def serves(self, trusting: ssl.SSLContext) -> bool:
        """Whether a client who verifies the certificate is served."""
        try:
            self.shown(trusting)
        except OSError:
            return False
        return True

    def figures(self, capsys: pytest.CaptureFixture[str], name: str = "first") -> Any:
        """What is counted of the certificate."""
        assert main(["ctl", str(self.folder / name / "control"), "counters", "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["acme"]
        return one


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be ended."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def site(program: Find, tmp_path: Path, stack: ExitStack) -> Site:
    """A site and its Pebble."""
    return Site(tmp_path, stack, stack.enter_context(Pebble(program, tmp_path)))


@pytest.mark.parametrize("twist", [LEAN, STOCK])
@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_a_certificate(site: Site, capsys: pytest.CaptureFixture[str], challenge: str, twist: tuple[str, ...]) -> None:
    """A site without a certificate has one soon, by either challenge, that clients verify; what is counted tells so."""
    process = site.start(site.config(challenge=challenge), twist)
    process.says(OBTAINED)
    assert "no certificate" not in process.out, process.out
    trusting = site.pebble.trusting()
    until(lambda: site.serves(trusting))
    for name in ("site.test", "www.site.test"):
        assert ("DNS", name) in site.shown(trusting, name)["subjectAltName"]
    figures = site.figures(capsys)
    assert (figures["obtained"], figures["failures"], figures["last_error"]) == (1, 0, None)
    assert 0.9 < figures["days_left"] <= 1


def test_the_dead_are_not_missed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A site that starts with a certificate in its folder serves with it at once, and needs no authority for that."""
    first = site.start(site.config())
    first.says(OBTAINED)
    trusting = site.pebble.trusting()
    until(lambda: site.serves(trusting))
    before = site.shown(trusting)
    first.kill()
    site.pebble.kill()
    site.start(site.config())
    assert site.shown(trusting) == before
    assert site.figures(capsys)["failures"] == 0
    assert main(["check", site.config()]) == 0
    assert "ACME 'site.test': " in capsys.readouterr().out


def test_a_death_in_the_middle(program: Find, tmp_path: Path, stack: ExitStack) -> None:
    """An authority that dies over an order is told of, tried again, and obtained from when it is back."""
    pebble = stack.enter_context(Pebble(program, tmp_path, prompt=False))
    site = Site(tmp_path, stack, pebble)
    process = site.start(site.config(retry=0.5))
    until(lambda: pebble.count("Pulled a task") > 0)
    pebble.kill()
    process.says("ACME 'site.test': no certificate was obtained: it cannot be reached: Connection refused")
    with socket.create_connection((HOST, pebble.http), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: site.test\r\nconnection: close\r\n\r\n")
        assert client.makefile("rb").read().endswith(b"found")
    pebble.prompt = True
    pebble.start()
    process.says(OBTAINED)
    trusting = pebble.trusting()
    until(lambda: site.serves(trusting))


def test_renewals_under_traffic(program: Find, tmp_path: Path, stack: ExitStack) -> None:
    """A certificate is replaced in time again and again, and no client fails or is shown one that has expired."""
    pebble = stack.enter_context(Pebble(program, tmp_path, life=12))
    site = Site(tmp_path, stack, pebble)
    process = site.start(site.config(renew_at=0.8, retry=0.5))
    process.says(OBTAINED)
    trusting, shown, failed, ending = pebble.trusting(), set[str](), list[str](), Event()
    until(lambda: site.serves(trusting))

    def go_on() -> None:
        while not ending.is_set():
            try:
                shown.add(site.shown(trusting)["serialNumber"])
            except (AssertionError, OSError) as error:
                failed.append(repr(error))
                ending.set()

    client = Thread(target=go_on)
    client.start()
    try:
        until(lambda: len(shown) > 3 or ending.is_set())
    finally:
        ending.set()
        client.join()
    assert failed == []
    assert len(shown) > 3


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_two_processes(site: Site, challenge: str) -> None:
    """Processes that share ports and a folder obtain one certificate together, whichever of them is asked to prove."""
    for name in ("first", "second"):
        site.start(site.config(name, challenge=challenge, retry=0.5))
    until(lambda: site.pebble.count("Issued certificate") > 0)
    trusting = site.pebble.trusting()
    until(lambda: all(site.serves(trusting) for _ in range(20)))
    assert len({site.shown(trusting)["serialNumber"] for _ in range(20)}) == 1
    assert site.pebble.count("Issued certificate") == 1
