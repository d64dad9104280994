"""Certificates that change under load: every request is answered, the newest is shown, and a broken one never is."""

from __future__ import annotations

import http.client
import ssl
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from signal import SIGHUP
from threading import Event

import pytest

from tests.system.process import HOST, LEAN, STOCK
from tests.system.programs import PATIENCE, Cost, Program
from tests.system.secured import NAME, SecureSite, Trust

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
MEBIBYTE = 1 << 20
SWAPS = 100
OTHERS = 200
"""Requests, at the least, that are answered meanwhile."""


@contextmanager
def served(folder: Path, trust: Trust, twist: tuple[str, ...]) -> Iterator[SecureSite]:
    """A site that looks at its certificates as often as may be."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(folder / "log")))
        yield stack.enter_context(SecureSite(folder, trust, int(origin.line()), twist=twist, tls="reload_every=1"))


def asking(site: SecureSite, settings: ssl.SSLContext, each: int, over: Event) -> int:
    """How many requests were answered until it is over, so many on each connection."""
    count = 0
    while not over.is_set():
        with closing(http.client.HTTPConnection(HOST, site.port, timeout=PATIENCE)) as client:
            client.sock = site.client(settings)
            for _ in range(each):
                client.request("GET", f"/{count}", headers={"host": NAME})
                assert client.getresponse().read() == b"%d" % count
                count += 1
    return count


def serial(site: SecureSite) -> int:
    """Of the certificate that a new client is shown."""
    with site.client() as client:
        shown = client.getpeercert() or {}
        return int(str(shown["serialNumber"]), 16)


def comes(site: SecureSite, number: int) -> bool:
    """Whether that certificate is shown in time."""
    pause = Event()
    return any(serial(site) == number or pause.wait(0.02) for _ in range(int(PATIENCE / 0.02)))


def swap(trust: Trust) -> int:
    """Put a new certificate in the place of the old, by rename; return its number."""
    leaf = trust.authority.leaf(NAME, HOST)
    leaf.store(trust.folder)
    return leaf.certificate.serial_number


def swapped(site: SecureSite, trust: Trust, times: int) -> None:
    """One certificate after the other, each told of by a signal, but for the first, which is found."""
    for turn in range(times):
        number = swap(trust)
        if turn:
            site.signal(SIGHUP)
        assert comes(site, number)


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_swapped_under_load(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """A hundred new certificates come in, told of by a signal or found; no request fails, and no memory stays."""
    trust, over = Trust(tmp_path), Event()
    with served(tmp_path, trust, twist) as site, ThreadPoolExecutor(3) as threads:
        cost = Cost(site.pid)
        loads = [threads.submit(asking, site, trust.settings(), each, over) for each in (1, 10, 1000)]
        try:
            swapped(site, trust, SWAPS // 2)
            before = cost.memory()
            swapped(site, trust, SWAPS)
        finally:
            over.set()
        assert min(load.result() for load in loads) >= OTHERS
        assert cost.memory() - before <= 6 * MEBIBYTE


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_broken_ones(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """A file that is no certificate, has another's key or none is refused in words, and the one before is shown on."""
    trust = Trust(tmp_path)
    leaf, other = trust.authority.leaf(NAME, HOST), trust.authority.leaf(NAME, HOST)
    with served(tmp_path, trust, twist) as site:
        shown = serial(site)
        path = trust.folder / "site.pem"
        for bad in (b"nonsense", leaf.pem, leaf.pem + other.key_pem(), leaf.pem + b"-----BEGIN", b""):
            path.write_bytes(bad)
            site.signal(SIGHUP)
            site.says(str(trust.folder))
            site.out = ""
            assert serial(site) == shown
        leaf.store(trust.folder)
        site.signal(SIGHUP)
        assert comes(site, leaf.certificate.serial_number)
