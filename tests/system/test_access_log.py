"""The access log of the real process: a line for every request, through rotations, a full disk and the stop."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, LEAN, STOCK, Process
from tests.system.programs import PATIENCE

CLIENTS, REQUESTS = 4, 500

CONFIG = """
from balancer import AccessLog, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackend, DemoBackends
from balancer.plugins.matchers import Path

site = Pool("site", backends=["{host}:{back}"])
log = AccessLog("{path}", format="{form}")
config = Config(
    [HTTPListener("tcp:{front}:interface={host}", routes=[Route(Path("/"), site)], access_log=log)],
    companions=DemoBackends([DemoBackend("b1", http={back}, echo={echo})], control={control}),
    drain=1,
)
"""


class Logging(Process):
    """A balancer that logs to `path`, with one backend; it serves at `port`."""

    def __init__(self, folder: Path, path: Path | str, twist: tuple[str, ...], form: str = "json") -> None:
        self.port, back, echo, control = free_ports(4)
        text = CONFIG.format(host=HOST, path=path, form=form, front=self.port, back=back, echo=echo, control=control)
        (folder / "conf.py").write_text(text)
        super().__init__("--config", str(folder / "conf.py"), twist=twist)

    def stop(self) -> str:
        """Stop it; return what it said on standard output."""
        self.signal(signal.SIGTERM)
        status, err = self.end()
        assert status == 0, f"{self.out}\n{err}"
        return self.out


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def twist(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The reactors."""
    return request.param  # type: ignore[no-any-return]  # pytest does not say what it is


def ask(port: int, client: int, count: int = REQUESTS) -> int:
    """Ask so often on one connection, each time for something else; return how many answers came."""
    connection = HTTPConnection(HOST, port, timeout=PATIENCE)
    answers = 0
    for number in range(count):
        connection.request("GET", f"/?{client}-{number}", headers={"User-Agent": f'"{client}"'})
        answer = connection.getresponse()
        answer.read()
        answers += answer.status == 200
    connection.close()
    return answers


def targets(*paths: Path) -> list[str]:
    """The targets of all lines of JSON in these files."""
    return [json.loads(line)["target"] for path in paths for line in path.read_text().splitlines()]


def expected() -> list[str]:
    """The targets that clients asked for."""
    return sorted(f"/?{client}-{number}" for client in range(CLIENTS) for number in range(REQUESTS))


def test_no_line_is_lost(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """While logs are rotated again and again and at the end the process is stopped, each request has its one line."""
    path, stopped = tmp_path / "x.log", Event()
    moved: list[Path] = []

    with Logging(tmp_path, path, twist) as balancer:
        balancer.says("HTTP on tcp:")

        def rotate() -> None:
            while not stopped.wait(0.05):
                moved.append(path.with_suffix(f".{len(moved)}"))
                path.rename(moved[-1])
                balancer.signal(signal.SIGUSR1)
                while not path.exists():
                    stopped.wait(0.001)

        rotating = Thread(target=rotate)
        rotating.start()
        with ThreadPoolExecutor(CLIENTS) as clients:
            answers = sum(clients.map(lambda client: ask(balancer.port, client), range(CLIENTS)))
        stopped.set()
        rotating.join(PATIENCE)
        balancer.stop()
    assert answers == CLIENTS * REQUESTS
    assert sorted(targets(*moved, path)) == expected()
    assert len(moved) > 1


def test_standard_output(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """A log on standard output has its lines among what the balancer says, each of them whole."""
    with Logging(tmp_path, "-", twist, "combined") as balancer:
        balancer.says("HTTP on tcp:")
        assert ask(balancer.port, 7, 3) == 3
        out = balancer.stop()
    lines = [line for line in out.splitlines() if line.startswith("127.0.0.1 - - [")]
    assert [line.split('"')[1] for line in lines] == [f"GET /?7-{number} HTTP/1.1" for number in range(3)]
    assert all(line.endswith(r'"-" "\x227\x22"') for line in lines)


def test_a_full_disk(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """A log that can never be written holds up neither traffic nor the stop, and is told of."""
    with Logging(tmp_path, "/dev/full", twist) as balancer:
        balancer.says("HTTP on tcp:")
        assert ask(balancer.port, 1) == REQUESTS
        out = balancer.stop()
    assert "access log /dev/full: No space left on device, 1 so far" in out


def test_a_log_that_cannot_be_opened(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """The process says in one line which log cannot be opened, and ends with status 1."""
    with Logging(tmp_path, tmp_path, twist) as balancer:
        status, err = balancer.end()
    assert status == 1
    assert f"balancer: AccessLog {str(tmp_path)!r}: cannot be opened: Is a directory; " in err
