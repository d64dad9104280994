"""Clients of many makes over TLS: each verifies the certificate and gets what it asked for."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from random import Random

import aiohttp
import httpx
import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection

from tests.system.process import HOST, LEAN, STOCK
from tests.system.programs import PATIENCE, Program, said
from tests.system.secured import NAME, SecureSite, Trust
from tests.system.served import served

ORIGIN = Path(__file__).with_name("origin.py")
UPLOAD = Random(5).randbytes(3 << 20)
SUM = hashlib.sha256(UPLOAD).hexdigest()
POURED = 2
"""MiB of a download."""


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """An authority."""
    return Trust(tmp_path)


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def url(request: pytest.FixtureRequest, tmp_path: Path, trust: Trust) -> Iterator[str]:
    """Where a site is."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(tmp_path / "log")))
        site = stack.enter_context(SecureSite(tmp_path, trust, int(origin.line()), twist=request.param))
        yield f"https://{HOST}:{site.port}"


def upload() -> Iterator[bytes]:
    """The upload in pieces."""
    for at in range(0, len(UPLOAD), 100_000):
        yield UPLOAD[at : at + 100_000]


def by_requests(url: str, trust: Trust) -> list[str]:
    """What requests gets."""
    with requests.Session() as session:
        session.trust_env, session.verify = False, trust.ca
        poured = session.get(f"{url}/pour/{POURED}", timeout=PATIENCE)
        answers = [session.get(f"{url}/one", timeout=PATIENCE)]
        answers += [session.post(f"{url}/drink", data=data, timeout=PATIENCE) for data in (UPLOAD, upload())]
    return [str(hashlib.sha256(poured.content).hexdigest() == poured.headers["x-sum"]), *(one.text for one in answers)]


def by_httpx(url: str, trust: Trust) -> list[str]:
    """What httpx gets."""
    with httpx.Client(timeout=PATIENCE, trust_env=False, verify=trust.settings()) as client:
        poured = client.get(f"{url}/pour/{POURED}?length")
        answers = [client.get(f"{url}/one")]
        answers += [client.post(f"{url}/drink", content=data) for data in (UPLOAD, upload())]
    return [str(hashlib.sha256(poured.content).hexdigest() == poured.headers["x-sum"]), *(one.text for one in answers)]


async def asked_by_aiohttp(url: str, trust: Trust) -> list[str]:
    """What aiohttp gets."""
    connector = aiohttp.TCPConnector(ssl=trust.settings())
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        async with session.get(f"{url}/pour/{POURED}") as poured:
            found = [str(hashlib.sha256(await poured.read()).hexdigest() == poured.headers["x-sum"])]
        async with session.get(f"{url}/one") as answer:
            found.append(await answer.text())
        for _ in range(2):
            async with session.post(f"{url}/drink", data=BytesIO(UPLOAD)) as answer:
                found.append(await answer.text())
    return found


def by_aiohttp(url: str, trust: Trust) -> list[str]:
    """The same in a loop of its own."""
    return asyncio.run(asked_by_aiohttp(url, trust))


@pytest.mark.system
@pytest.mark.parametrize("client", [by_requests, by_httpx, by_aiohttp])
def test_a_session(url: str, trust: Trust, client: Callable[[str, Trust], list[str]]) -> None:
    """A download, a word and two uploads come back right."""
    with ThreadPoolExecutor() as threads:  # the reactor of the tests may be a loop of asyncio itself
        assert threads.submit(client, url, trust).result() == ["True", "one", SUM, SUM]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(url: str, trust: Trust, program: Callable[[str], str], tmp_path: Path, version: str) -> None:
    """The certificate is verified by its name, uploads arrive, and a connection is kept, in both versions."""
    (tmp_path / "body").write_bytes(UPLOAD)
    where = url.replace(HOST, NAME)
    command = [program("curl"), "--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*"]
    command += ["--cacert", trust.ca, "--resolve", f"{NAME}:{url.rpartition(':')[2]}:{HOST}"]
    command += [f"--tlsv{version}", "--tls-max", version, "--write-out", "[%{num_connects} %{ssl_verify_result}]"]
    assert said(*command, f"{where}/one", f"{where}/two") == "one[1 0]two[0 0]"
    told = said(*command, "--data-binary", f"@{tmp_path / 'body'}", f"{where}/drink")
    assert told == f"{SUM}[1 0]"


def echo(connection: ServerConnection) -> None:
    """Say again what is said."""
    try:
        for message in connection:
            connection.send(message)
    except ConnectionClosed:
        return


@contextmanager
def talking(folder: Path, trust: Trust) -> Iterator[int]:
    """The port of a site over TLS before a backend that echoes WebSockets in the clear."""
    with served(folder, echo, max_size=None, listener=f"tls=TLS({trust.tls})") as (_, port):
        yield port


@pytest.mark.system
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_websockets(tmp_path: Path, trust: Trust, version: ssl.TLSVersion) -> None:
    """A WebSocket over TLS carries text and megabytes, and closes with a code and a reason."""
    settings = trust.settings(version=version)
    with (
        talking(tmp_path, trust) as port,
        connect(f"wss://{HOST}:{port}/", ssl=settings, max_size=None, proxy=None, open_timeout=PATIENCE) as client,
    ):
        for message in ("ünïcödé", UPLOAD):
            client.send(message)
            assert client.recv(PATIENCE) == message
        client.close(3001, "done")
        assert (client.close_code, client.close_reason) == (3001, "done")
