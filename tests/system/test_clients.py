"""The quickstart as a process of its own, under clients of other makes: no error, and a backend may die meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Event

import aiohttp
import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Process
from tests.system.programs import PATIENCE

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.py"
PORTS = ("8080", "8081", "8082", "9000", "9001", "9002", "9003", "9101", "9102", "9103")
REQUESTS = 10_000
CONNECTIONS = 10

Answers = Counter[tuple[int, str]]
"""Status and body of answers, and how often each came."""

ALL = {(200, f"hello from b{number}\n") for number in (1, 2, 3)}


def moved(text: str, ports: dict[str, str]) -> str:
    """The quickstart on other ports."""
    for port, other in ports.items():
        text = text.replace(port, other)
    demos = ", ".join(f'DemoBackend("b{n}", http={ports[f"900{n}"]}, echo={ports[f"910{n}"]})' for n in (1, 2, 3))
    text = text.replace("DemoBackends(hints", f"DemoBackends([{demos}], control={ports['9000']}, hints")
    return text.replace("import DemoBackends", "import DemoBackend, DemoBackends")


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[tuple[Process, int]]:
    """The quickstart, running, and its port for HTTP."""
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    config = tmp_path / "conf.py"
    config.write_text(moved(QUICKSTART.read_text(), ports))
    with Process("--config", str(config)) as process:
        process.says("HTTP on tcp:")
        yield process, int(ports["8080"])


def ask(connection: HTTPConnection, line: str = "GET /") -> tuple[int, str]:
    """Status and body of the answer to one request, on a connection that is kept."""
    method, target = line.split()
    connection.request(method, target)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def connected(port: int) -> HTTPConnection:
    """A client of Python's own."""
    return HTTPConnection(HOST, port, timeout=PATIENCE)


def test_the_standard_library(quickstart: tuple[Process, int]) -> None:
    """Ten thousand requests over one connection are all answered, by all three backends in turn."""
    client = connected(quickstart[1])
    answers = Answers(ask(client) for _ in range(REQUESTS))
    client.close()
    assert set(answers) == ALL
    assert max(answers.values()) - min(answers.values()) <= REQUESTS // 100


async def flood(port: int) -> Answers:
    """Ten thousand requests over a few connections at once."""

    async def one(session: aiohttp.ClientSession) -> Answers:
        answers = Answers()
        for _ in range(REQUESTS // CONNECTIONS):
            async with session.get(f"http://{HOST}:{port}/") as answer:
                answers[answer.status, await answer.text()] += 1
        return answers

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        return sum(await asyncio.gather(*[one(session) for _ in range(CONNECTIONS)]), Answers())


def test_aiohttp(quickstart: tuple[Process, int]) -> None:
    """Ten thousand requests over ten connections at once are all answered, by all three backends."""
    with ThreadPoolExecutor() as threads:  # the reactor of the tests may be a loop of asyncio itself
        answers = threads.submit(asyncio.run, flood(quickstart[1])).result()
    assert set(answers) == ALL
    assert answers.total() == REQUESTS


def asking(port: int, over: Event) -> Answers:
    """The answers to one request after the other, until it is over."""
    client, answers = connected(port), Answers()
    while not over.is_set():
        answers[ask(client)] += 1
    client.close()
    return answers


def test_a_backend_dies_and_returns(quickstart: tuple[Process, int]) -> None:
    """While a backend is stopped every request is answered by the others; started again, it is back in the rota."""
    process, port = quickstart
    client, over, b1 = connected(port), Event(), (200, "hello from b1\n")
    some: Callable[[], set[tuple[int, str]]] = lambda: {ask(client) for _ in range(30)}  # noqa: E731  short
    with ThreadPoolExecutor() as threads:
        meanwhile = threads.submit(asking, port, over)
        try:
            assert ask(client, "POST /demo/b1/stop") == (200, "b1 stopped\n")
            process.says("backend 'b1' is down")
            assert b1 not in some()
            assert ask(client, "POST /demo/b1/start") == (200, "b1 started\n")
            process.says("backend 'b1' is up")
            assert any(ask(client) == b1 for _ in range(300))
        finally:
            over.set()
    client.close()
    assert set(meanwhile.result()) <= ALL
