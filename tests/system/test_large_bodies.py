"""Bodies of 64 MiB, or 1 GiB in the soak, up and down through the whole process, which keeps nothing of them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from random import Random
from threading import Event

import pytest

from tests.system.process import HOST, LEAN, STOCK, Site
from tests.system.programs import PATIENCE, Cost, Program

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
MEBIBYTE = 1 << 20
KEPT = 6 * MEBIBYTE
"""More than this the balancer may never have in use beyond what it had before: buffers, and no body."""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Program]:
    """A backend."""
    with Program(sys.executable, str(ORIGIN), str(tmp_path / "log")) as running:
        yield running


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def site(request: pytest.FixtureRequest, tmp_path: Path, origin: Program) -> Iterator[Site]:
    """A balancer, which has served one request, in front of the backend."""
    with Site(tmp_path, int(origin.line()), twist=request.param) as running:
        client = connected(running)
        client.request("GET", "/first")
        assert client.getresponse().read() == b"first"
        client.close()
        yield running


def connected(site: Site) -> HTTPConnection:
    """A client."""
    return HTTPConnection(HOST, site.port, timeout=PATIENCE)


@pytest.mark.parametrize("framing", ["", "?length"], ids=["chunks", "length"])
def test_down(site: Site, full: bool, framing: str) -> None:
    """A large answer arrives to the byte, and the balancer's memory stays as it was."""
    cost, client, size = Cost(site.pid), connected(site), 1024 if full else 64
    before = most = cost.memory()
    client.request("GET", f"/pour/{size}{framing}")
    answer, summed, came = client.getresponse(), hashlib.sha256(), 0
    while data := answer.read(MEBIBYTE):
        summed.update(data)
        came += len(data)
        most = max(most, cost.memory())
    client.close()
    assert (came, summed.hexdigest()) == (size * MEBIBYTE, answer.getheader("x-sum"))
    assert most - before <= KEPT


class Pouring:
    """A body of so many MiB, no two alike; `most` is what the balancer had in use meanwhile."""

    def __init__(self, mebibytes: int, cost: Cost) -> None:
        self.summed = hashlib.sha256()
        self.most = 0
        self._mebibytes, self._cost = mebibytes, cost

    def __iter__(self) -> Iterator[bytes]:
        block = Random(3).randbytes(MEBIBYTE)
        for number in range(self._mebibytes):
            data = number.to_bytes(8, "big") + block[8:]
            self.summed.update(data)
            yield data
            self.most = max(self.most, self._cost.memory())


@pytest.mark.parametrize("chunked", [True, False], ids=["chunks", "length"])
def test_up(site: Site, full: bool, chunked: bool) -> None:
    """A large upload arrives to the byte, and the balancer's memory stays as it was."""
    cost, client, size = Cost(site.pid), connected(site), 1024 if full else 64
    before, body = cost.memory(), Pouring(size, cost)
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(size * MEBIBYTE)}
    client.request("POST", "/drink", body=body, headers=framing, encode_chunked=chunked)
    assert client.getresponse().read().decode() == body.summed.hexdigest()
    client.close()
    assert body.most - before <= KEPT


def rests(cost: Cost, sockets: int) -> bool:
    """Whether the balancer comes to have no more sockets than that; a pipe is kept for the next body."""
    pause = Event()
    return any(cost.sockets() <= sockets or pause.wait(0.05) for _ in range(int(PATIENCE / 0.05)))


@pytest.mark.parametrize("framing", ["", "?length"], ids=["chunks", "length"])
def test_a_backend_dies_within_its_answer(site: Site, origin: Program, framing: str) -> None:
    """What a client has of an answer that breaks off does not look whole, and nothing stays open."""
    cost, client = Cost(site.pid), connected(site)
    before = cost.sockets()
    client.request("GET", f"/pour/1000{framing}")
    answer, came, broken = client.getresponse(), 0, False
    try:
        while data := answer.read(MEBIBYTE):
            came += len(data)
            if came == MEBIBYTE:
                origin.kill()
    except (IncompleteRead, ConnectionError):
        broken = True
    client.close()
    assert broken or framing  # where there is a length the count tells
    assert came < 1000 * MEBIBYTE
    assert rests(cost, before)


@pytest.mark.parametrize("line", ["GET /pour/1000", "GET /pour/1000?length", "POST /drink"])
def test_a_client_leaves_within_a_body(site: Site, line: str) -> None:
    """Its connection to the backend goes with it, and the next client is served."""
    cost, client = Cost(site.pid), connected(site)
    before = cost.sockets()
    method, target = line.split()
    client.putrequest(method, target)
    if method == "POST":
        client.putheader("content-length", str(1000 * MEBIBYTE))
        client.endheaders(bytes(MEBIBYTE))
    else:
        client.endheaders()
        client.getresponse().read(MEBIBYTE)
    client.close()
    assert rests(cost, before)
    after = connected(site)
    after.request("GET", "/after")
    assert after.getresponse().read() == b"after"
    after.close()
