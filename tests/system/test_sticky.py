"""Sticky clients of other makes: curl with its cookie jar, WebSocket, and two balancers that share only a secret."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from balancer.cli import main
from tests.system.process import HOST, Site
from tests.system.programs import PATIENCE

STICKY = """algorithm=Sticky(OwnCookie("lb", "a secret of the tests"))"""
IMPORT = "from balancer.plugins.sticky import OwnCookie, Sticky\n"


@contextmanager
def named(name: str) -> Iterator[int]:
    """A backend that says its name, over HTTP and over WebSocket, and whether it has seen the cookie; its port."""

    def answered(connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade"):
            return None
        seen = " saw it" if "lb=" in request.headers.get("Cookie", "") else ""
        return connection.respond(HTTPStatus.OK, f"{name}{seen}")

    def talk(connection: ServerConnection) -> None:
        connection.send(name)

    with create_server((HOST, 0)) as far, serve(talk, sock=far, process_request=answered) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield far.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def backends() -> Iterator[tuple[int, ...]]:
    """Three of them."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(named(name)) for name in ("b1", "b2", "b3"))


@pytest.fixture
def asked(program: Callable[[str], str], tmp_path: Path) -> Callable[..., str]:
    """What curl is answered at a port, with the cookies of that jar."""

    def ask(port: int, jar: str = "jar") -> str:
        cookies = str(tmp_path / jar)
        command = [program("curl"), "-sS", "--fail", "--max-time", "20", "-b", cookies, "-c", cookies]
        return subprocess.run([*command, f"http://{HOST}:{port}/"], capture_output=True, check=True, text=True).stdout

    return ask


def site(folder: Path, name: str, *backends: int, http: str = "") -> Site:
    """A balancer of that name before them."""
    (folder / name).mkdir()
    return Site(folder / name, *backends, pool=STICKY, http=http, imports=IMPORT)


def test_a_jar_has_one_backend(backends: tuple[int, ...], asked: Callable[..., str], tmp_path: Path) -> None:
    """Curl with a cookie jar goes to one backend, through whichever of two balancers; new jars go to all."""
    with site(tmp_path, "one", *backends) as one, site(tmp_path, "other", *reversed(backends)) as other:
        assert len({asked(process.port) for process in (one, other) * 4}) == 1
        assert {asked(one.port, f"new{number}") for number in range(6)} == {"b1", "b2", "b3"}


def test_a_websocket_goes_where_its_client_does(
    backends: tuple[int, ...], asked: Callable[..., str], tmp_path: Path
) -> None:
    """A WebSocket that brings the cookie is the backend's that gave it, and the backend does not see it."""
    with site(tmp_path, "one", *backends) as one:
        home = asked(one.port)
        (value,) = [line.split("\t")[6] for line in (tmp_path / "jar").read_text().splitlines() if "\tlb\t" in line]
        for _ in range(4):
            fields = Headers(Cookie=f"lb={value}")
            with connect(f"ws://{HOST}:{one.port}/", additional_headers=fields, proxy=None) as client:
                assert client.recv(PATIENCE) == home
                assert client.response is not None
                assert "Set-Cookie" not in client.response.headers


def test_a_backend_drains_and_keeps_its_clients(
    backends: tuple[int, ...], asked: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who belongs to a backend that an operator drains goes there still, and nobody who is new does."""
    control = f"unix:{tmp_path}/control"
    (tmp_path / "one").mkdir()
    with Site(tmp_path / "one", *backends, pool=STICKY, imports=IMPORT, config=f'control="{control}"') as one:
        home = asked(one.port)
        drained = f"{HOST}:{backends[int(home[1]) - 1]}"
        assert main(["ctl", control, "drain", drained]) == 0
        assert {asked(one.port) for _ in range(4)} == {home}
        assert home not in {asked(one.port, f"new{number}") for number in range(6)}
    capsys.readouterr()
