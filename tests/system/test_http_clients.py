"""Clients of other makes in a session of theirs each: what they ask is what a backend is asked, and the other way."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

from tests.system.process import HOST, LEAN, STOCK, Site
from tests.system.programs import PATIENCE, Program

ORIGIN = Path(__file__).with_name("origin.py")
BLOCK = bytes(range(256)) * 1024
BLOCKS = 16
"""An upload of 4 MiB."""
SUM = hashlib.sha256(BLOCK * BLOCKS).hexdigest()
POURED = 2
"""MiB of a download."""

Found = list[tuple[int, str]]
"""Status, and body or what tells it, of answer after answer."""


def upload() -> Iterator[bytes]:
    """A body in pieces."""
    for _ in range(BLOCKS):
        yield BLOCK


async def upload_later() -> AsyncIterator[bytes]:
    """The same for those who wait between two."""
    for block in upload():
        yield block


def by_requests(url: str) -> Found:
    """What requests makes of it."""
    with requests.Session() as session:
        session.trust_env = False
        poured = session.get(f"{url}/pour/{POURED}", stream=True, timeout=PATIENCE)
        summed = hashlib.sha256(b"".join(poured.iter_content(65536))).hexdigest()
        answers = [
            session.get(f"{url}/one", timeout=PATIENCE),
            session.head(f"{url}/two", timeout=PATIENCE),
            session.post(f"{url}/drink", data=BLOCK * BLOCKS, timeout=PATIENCE),
            session.post(f"{url}/drink", data=upload(), timeout=PATIENCE),
            session.delete(f"{url}/three", timeout=PATIENCE),
        ]
    found = [(answer.status_code, answer.text) for answer in answers]
    return [(poured.status_code, str(summed == poured.headers["x-sum"])), *found]


def by_httpx(url: str) -> Found:
    """What httpx makes of it."""
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        with client.stream("GET", f"{url}/pour/{POURED}") as poured:
            summed = hashlib.sha256(b"".join(poured.iter_bytes())).hexdigest()
        answers = [
            client.get(f"{url}/one"),
            client.head(f"{url}/two"),
            client.post(f"{url}/drink", content=BLOCK * BLOCKS),
            client.post(f"{url}/drink", content=upload()),
            client.delete(f"{url}/three"),
        ]
    found = [(answer.status_code, answer.text) for answer in answers]
    return [(poured.status_code, str(summed == poured.headers["x-sum"])), *found]


async def asked_by_aiohttp(url: str) -> Found:
    """What aiohttp makes of it."""
    found: Found = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        async with session.get(f"{url}/pour/{POURED}") as poured:
            summed = hashlib.sha256(await poured.read()).hexdigest()
            found.append((poured.status, str(summed == poured.headers["x-sum"])))
        for line, body in [
            ("GET /one", None),
            ("HEAD /two", None),
            ("POST /drink", BytesIO(BLOCK * BLOCKS)),
            ("POST /drink", upload_later()),
            ("DELETE /three", None),
        ]:
            method, path = line.split()
            async with session.request(method, url + path, data=body) as answer:
                found.append((answer.status, await answer.text()))
    return found


def by_aiohttp(url: str) -> Found:
    """The same in a loop of its own."""
    return asyncio.run(asked_by_aiohttp(url))


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a balancer is, with a backend behind it."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(tmp_path / "log")))
        site = stack.enter_context(Site(tmp_path, int(origin.line()), twist=request.param))
        yield f"http://{HOST}:{site.port}"


@pytest.mark.system
@pytest.mark.parametrize("client", [by_requests, by_httpx, by_aiohttp])
def test_a_session(url: str, tmp_path: Path, client: Callable[[str], Found]) -> None:
    """Downloads, HEAD, uploads with a length and in chunks, and DELETE come back right, and reach the backend once."""
    with ThreadPoolExecutor() as threads:  # the reactor of the tests may be a loop of asyncio itself
        found = threads.submit(client, url).result()
    assert found == [(200, "True"), (200, "one"), (200, ""), (200, SUM), (200, SUM), (200, "three")]
    paths = [f"GET /pour/{POURED}", "GET /one", "HEAD /two", "POST /drink", "POST /drink", "DELETE /three"]
    assert (tmp_path / "log").read_text().splitlines() == paths
