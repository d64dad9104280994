"""The control of a real process: a backend is drained under traffic, and `balancer ctl` shows and does what it says."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from signal import SIGKILL, SIGTERM
from threading import Thread
from typing import Any

import pytest

from balancer.cli import main
from tests.ports import free_ports
from tests.system.process import HOST, Process, written
from tests.system.programs import PATIENCE

CONFIG = """
from balancer import Health
from balancer.plugins.health import TCPCheck
pool = Pool("site", backends=[Backend("127.0.0.1:{b1}", name="b1"), Backend("127.0.0.1:{b2}", name="b2")]{pool})
config = Config(
    [
        TCPListener("tcp:{tcp}:interface=127.0.0.1", pool=pool),
        HTTPListener("tcp:{http}:interface=127.0.0.1", pool=pool),
    ],
    control="unix:{control}",
    drain=60,
)
"""


Asked = SimpleQueue[tuple[socket.socket, "Echo"]]


class Echo:
    """A backend that says its name and returns what it is told; with `asked` it is mute, and puts there who asks it."""

    def __init__(self, name: str, asked: Asked | None) -> None:
        self.name, self.calls, self._asked = name, list[socket.socket](), asked
        self._listening = socket.create_server((HOST, 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                call, _ = self._listening.accept()
            except OSError:
                return
            self.calls.append(call)
            self._threads.append(Thread(target=self._serve, args=(call,), daemon=True))
            self._threads[-1].start()

    def _serve(self, call: socket.socket) -> None:
        try:
            if self._asked is not None:
                if call.recv(1024):
                    self._asked.put((call, self))
                return
            call.sendall(self.name.encode())
            while data := call.recv(1024):
                call.sendall(data)
            call.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def stop(self) -> None:
        """Accept no more; what is connected stays so."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def close(self) -> None:
        """End all there is."""
        self._listening.close()
        for call in self.calls:
            call.close()


class Site:
    """A process in front of two backends, and its clients."""

    def __init__(
        self, folder: Path, stack: ExitStack, *, pool: str = "", twist: tuple[str, ...] = (), mute: bool = False
    ) -> None:
        self.asked: Asked = SimpleQueue()
        self.echoes = [Echo(name, self.asked if mute else None) for name in ("b1", "b2")]
        for echo in self.echoes:
            stack.callback(echo.close)
        self.tcp, self.http = free_ports(2)
        self.control = folder / "control"
        self.text = CONFIG.format(
            tcp=self.tcp,
            http=self.http,
            control=self.control,
            pool=pool,
            **{echo.name: echo.port for echo in self.echoes},
        )
        self._folder, self._stack, self._twist = folder, stack, twist
        self.start()

    def start(self) -> None:
        """Run it."""
        self.process = self._stack.enter_context(
            Process("--config", written(self._folder, self.text), twist=self._twist)
        )
        self.process.says("HTTP on tcp:")

    def client(self) -> tuple[socket.socket, str]:
        """A client that has been welcomed, and by whom."""
        client = self._stack.enter_context(socket.create_connection((HOST, self.tcp), timeout=PATIENCE))
        return client, client.recv(2).decode()

    def ctl(self, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
        """What `balancer ctl` prints, taken apart."""
        assert main(["ctl", str(self.control), *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be closed at the end."""
    with ExitStack() as stack:
        yield stack


def echoed(client: socket.socket) -> bool:
    """Whether the client still has its backend."""
    client.sendall(b"still here")
    return client.recv(10) == b"still here"


@pytest.mark.parametrize("twist", [(), ("--reactor=asyncio",), ("--reactor=balancer",)])
def test_a_drain_under_traffic(
    tmp_path: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str], twist: tuple[str, ...]
) -> None:
    """From the answer on a drained backend gets no session and loses none; undrained it gets its share again."""
    site = Site(tmp_path, stack, twist=twist)
    assert stat.S_IMODE(site.control.lstat().st_mode) == 0o600
    before = [site.client() for _ in range(20)]
    assert {name for _, name in before} == {"b1", "b2"}
    answer = site.ctl(capsys, "drain", "b1")
    assert (answer["state"], answer["active"], answer["eligible"]) == ("draining", 10, 1)
    assert {site.client()[1] for _ in range(20)} == {"b2"}
    assert all(echoed(client) for client, _ in before)
    shown = site.ctl(capsys, "connections")["connections"]
    assert [one["backend"] for one in shown].count("b1") == 10
    assert all(one["received_bytes"] == 10 for one in shown if one["backend"] == "b1")
    site.ctl(capsys, "undrain", "b1")
    assert {site.client()[1] for _ in range(4)} == {"b1", "b2"}
    events = site.ctl(capsys, "events", "b1")["events"]
    assert [event["what"] for event in events] == ["up", "draining", "undrained"]
    assert all(event["at"] > 1_700_000_000 for event in events)


def test_ctl_for_people(tmp_path: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command prints short lines that name what was asked for."""
    site = Site(tmp_path, stack)
    site.client()
    control = f"unix:{site.control}"
    for words, text in {
        "weight b1 0": "site/b1: up, weight 0, ",
        "counters": f"tcp:{site.tcp}:interface=127.0.0.1  TCP   1         1       0 B       2 B   -",
        "connections": "BACKEND  AGE",
        "events b1": "site/b1  weight 0  control",
    }.items():
        assert main(["ctl", control, *words.split()]) == 0
        assert text in capsys.readouterr().out
    assert main(["ctl", control, "drain", "b3"]) == 1
    assert capsys.readouterr().err == f"balancer: {site.control}: no backend is named 'b3'; there is b1, b2\n"


def test_after_a_crash(tmp_path: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str]) -> None:
    """The socket of a process that was killed is replaced by the next, and that of one that stops is removed."""
    site = Site(tmp_path, stack)
    site.process.signal(SIGKILL)
    site.process.end()
    assert site.control.is_socket()
    assert main(["ctl", str(site.control), "counters"]) == 69
    site.start()
    assert site.ctl(capsys, "counters")["process"]["sessions"] == 0
    site.process.signal(SIGTERM)
    assert site.process.end()[0] == 0
    assert not site.control.exists()


def test_it_answers_during_a_drain(tmp_path: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str]) -> None:
    """While the balancer waits for its last session its control tells of it."""
    site = Site(tmp_path, stack)
    client, _ = site.client()
    site.process.signal(SIGTERM)
    site.process.says("draining")
    assert len(site.ctl(capsys, "connections")["connections"]) == 1
    client.close()
    assert site.process.end()[0] == 0


FATES = {
    "cut": ', health=Health(TCPCheck(), every=0.1, fall=1), on_down="cut"',
    "after": ", health=Health(TCPCheck(), every=0.1, fall=1), on_down=0.5",
    "keep": ", health=Health(TCPCheck(), every=0.1, fall=1)",
}


@pytest.mark.parametrize("fate", FATES)
def test_the_fate_of_relays(tmp_path: Path, stack: ExitStack, fate: str) -> None:
    """When a backend stops listening its relays are reset at once, after a while, or never, and no others are."""
    site = Site(tmp_path, stack, pool=FATES[fate])
    clients = {name: client for client, name in (site.client() for _ in range(2))}
    site.echoes[0].stop()
    site.process.says("backend 'b1' is down")
    if fate == "keep":
        assert echoed(clients["b1"])
    else:
        with pytest.raises(ConnectionResetError):
            clients["b1"].recv(1)
    assert echoed(clients["b2"])


@pytest.mark.parametrize("fate", FATES)
def test_the_fate_of_exchanges(tmp_path: Path, stack: ExitStack, fate: str) -> None:
    """When a backend stops listening what it has not answered gets a 502 at once, after a while, or never."""
    site = Site(tmp_path, stack, pool=FATES[fate], mute=True)
    client = stack.enter_context(socket.create_connection((HOST, site.http), timeout=PATIENCE))
    client.sendall(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    call, echo = site.asked.get(timeout=PATIENCE)
    echo.stop()
    site.process.says(f"backend {echo.name!r} is down")
    if fate == "keep":
        call.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    answer = client.makefile("rb").read()
    assert answer.endswith(b"hi" if fate == "keep" else b"502 Bad Gateway: backend-down\n")
