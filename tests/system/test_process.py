"""The real process: what it says, how it stops, and the status it leaves behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Process, is_free, written
from tests.system.programs import PATIENCE

RELAY = """
config = Config(
    [TCPListener("tcp:{front}:interface=127.0.0.1", pool=Pool("p", backends=["127.0.0.1:{back}"]))], drain={drain}
)
"""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Relay:
    """A process that relays to a backend of ours, and the three sockets of one live session through it."""

    def __init__(self, folder: Path, *, drain: float, twist: tuple[str, ...] = ()) -> None:
        self._listening = socket.create_server((HOST, 0))
        (self.front,) = free_ports(1)
        text = RELAY.format(front=self.front, back=self._listening.getsockname()[1], drain=drain)
        self.process = Process("--config", written(folder, text), twist=twist)
        self.sockets = [self._listening]

    def __enter__(self) -> Self:
        self.process.says("TCP on tcp:")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.__exit__()
        for one in self.sockets:
            one.close()

    def session(self) -> socket.socket:
        """A client whose echo through the balancer has arrived."""
        client = socket.create_connection((HOST, self.front), timeout=PATIENCE)
        backend, _ = self._listening.accept()
        self.sockets += [client, backend]
        client.sendall(b"hello")
        backend.sendall(backend.recv(5))
        assert client.recv(5) == b"hello"
        return client


@pytest.mark.parametrize("twist", [(), ("--reactor=default",), ("--reactor=asyncio",), ("--reactor=select",)])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_an_idle_balancer(tmp_path: Path, number: signal.Signals, twist: tuple[str, ...]) -> None:
    """SIGTERM or SIGINT ends a balancer without sessions at once, with status 0, on any reactor."""
    with Relay(tmp_path, drain=60, twist=twist) as relay:
        relay.process.signal(number)
        status, err = relay.process.end()
    assert status == 0
    assert "Traceback" not in relay.process.out + err
    assert is_free(relay.front)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("twist", [(), ("--reactor=default",), ("--reactor=asyncio",), ("--reactor=select",)])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_the_start(tmp_path: Path, number: signal.Signals, twist: tuple[str, ...], held: bool) -> None:
    """A signal while the config loads, or while the reactor starts, ends the process in order, and nothing is bound."""
    text = f"""
import os, signal
if {held}:
    signal.pthread_sigmask(signal.SIG_BLOCK, [{number}])
os.kill(os.getpid(), {number})
config = Config([TCPListener("tcp:0", pool=Pool("p", backends=["127.0.0.1:9"]))])
"""
    with Process("--config", written(tmp_path, text), twist=twist) as process:
        assert process.end() == (0, "balancer: ended before it had started\n")
    assert ("Starting reactor" in process.out) is held
    assert "TCP on" not in process.out


def test_a_hangup_ends_nothing(tmp_path: Path) -> None:
    """SIGHUP has nothing to do where there is no TLS, and a session goes on."""
    with Relay(tmp_path, drain=60) as relay:
        client = relay.session()
        relay.process.signal(signal.SIGHUP)
        relay.process.says("nothing to read anew: there are no certificates")
        client.sendall(b"still here")
        assert relay.sockets[-1].recv(10) == b"still here"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_lets_sessions_finish(tmp_path: Path, number: signal.Signals) -> None:
    """After the signal nobody new is let in, a live session goes on, and its end is the balancer's, with status 0."""
    with Relay(tmp_path, drain=60) as relay:
        client = relay.session()
        relay.process.signal(number)
        relay.process.says(f"(TCP Port {relay.front} Closed)")
        with pytest.raises(ConnectionError), socket.create_connection((HOST, relay.front), timeout=PATIENCE) as late:
            late.recv(1)
        client.sendall(b"still here")
        assert relay.sockets[-1].recv(10) == b"still here"
        client.close()
        relay.sockets[-1].close()
        assert relay.process.end()[0] == 0


def test_the_drain_time_ends_sessions(tmp_path: Path) -> None:
    """Sessions that do not finish within the drain time are cut, and the status is 0."""
    with Relay(tmp_path, drain=0.2) as relay:
        client = relay.session()
        relay.process.signal(signal.SIGTERM)
        assert relay.process.end()[0] == 0
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert "sessions that are still alive are ended" in relay.process.out


def test_the_drain_time_answers_requests(tmp_path: Path) -> None:
    """A request that is still without an answer after the drain time gets one of ours, whole, and then the close."""
    (front,) = free_ports(1)
    text = """
pool = Pool("p", backends=["127.0.0.1:{back}"])
config = Config([HTTPListener("tcp:{front}:interface=127.0.0.1", pool=pool)], drain=0.2)
"""
    with (
        socket.create_server((HOST, 0)) as backend,
        Process("--config", written(tmp_path, text.format(front=front, back=backend.getsockname()[1]))) as process,
    ):
        process.says("HTTP on tcp:")
        with socket.create_connection((HOST, front), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: site\r\n\r\n")
            waiting, _ = backend.accept()
            process.signal(signal.SIGTERM)
            answer = client.makefile("rb").read()
        waiting.close()
        assert process.end()[0] == 0
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"503 Service Unavailable: draining\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_sessions_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """A second signal does not wait for the drain time, and the status is 0 all the same."""
    with Relay(tmp_path, drain=3600) as relay:
        client = relay.session()
        relay.process.signal(number)
        relay.process.says("draining")
        relay.process.signal(number)
        assert relay.process.end()[0] == 0
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def refused(folder: Path, text: str) -> tuple[int, list[str]]:
    """The status and the lines on standard error of a process that cannot run with that config."""
    with Process("--config", written(folder, text)) as process:
        status, err = process.end()
    return status, err.splitlines()


def test_a_busy_port(tmp_path: Path) -> None:
    """A port that is taken ends the start with status 1, one line that says what to do, and nothing bound."""
    (first,) = free_ports(1)
    with socket.create_server((HOST, 0)) as holder:
        taken = holder.getsockname()[1]
        text = f"""
pool = Pool("p", backends=["127.0.0.1:9"])
config = Config([TCPListener("tcp:%d:interface=127.0.0.1" % port, pool=pool) for port in ({first}, {taken})])
"""
        status, lines = refused(tmp_path, text)
    assert status == 1
    (line,) = lines
    assert line.startswith(f"balancer: TCPListener 'tcp:{taken}:interface=127.0.0.1': cannot listen: Address already")
    assert line.endswith("; stop what has it, or choose another")
    assert is_free(first)


def test_a_wrong_config(tmp_path: Path) -> None:
    """A wrong config ends with status 64 and a line for each mistake, and without usage."""
    status, lines = refused(tmp_path, 'config = Config([TCPListener("tcp:x", pool=Pool("p", backends=["nowhere"]))])\n')
    assert status == 64
    assert len(lines) == 2
    assert all("; " in line for line in lines)


def test_an_unknown_host(tmp_path: Path) -> None:
    """A backend whose host is unknown ends the start with status 1 and one line."""
    status, lines = refused(
        tmp_path, 'config = Config([TCPListener("tcp:0", pool=Pool("p", backends=["nobody.invalid:80"]))])\n'
    )
    assert status == 1
    assert len(lines) == 1
    assert "unknown host 'nobody.invalid'" in lines[0]


def test_a_companion_that_fails(tmp_path: Path) -> None:
    """A companion that fails to start, late, ends the start with status 1 and one line."""
    text = """
from twisted.application.service import Service
from twisted.internet import defer

class Late(Service):
    def startService(self):
        failing = defer.Deferred()
        self.reactor.callLater(0, failing.errback, OSError("no database"))
        return failing
    def with_reactor(self, reactor):
        self.reactor = reactor
    def __repr__(self):
        return "Late()"

config = Config([TCPListener("tcp:0", pool=Pool("p", backends=["127.0.0.1:9"]))], companions=[Late()])
"""
    status, lines = refused(tmp_path, text)
    assert status == 1
    assert lines == ["balancer: companion Late() did not start: OSError: no database"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `twist` to its end."""
    command = [sys.executable, "-m", "twisted", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_without_a_config() -> None:
    """Without --config the status is 64 and the last line says what to write."""
    ended = run("balancer")
    assert ended.returncode == 64
    assert "--config is missing; write: twist balancer --config conf.py" in ended.stdout + ended.stderr


def test_help() -> None:
    """`twist balancer --help` tells the options, the signals and the statuses, with status 0."""
    ended = run("balancer", "--help")
    assert ended.returncode == 0
    for word in ("balancer --config", "SIGTERM", "64"):
        assert word in ended.stdout
    assert not re.search(r"\w  +\w", ended.stdout.partition("Balances")[2])


WITHOUT_PRIVILEGE = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
for privilege in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, privilege, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "twisted", *sys.argv[1:]])
"""
"""Runs `twist` so that permissions bind root as well; others have nothing to give up, and the calls do nothing."""


def test_a_missing_permission(tmp_path: Path) -> None:
    """A folder that may not be written to ends the start with status 1, one line that says so, and nothing bound."""
    (first,) = free_ports(1)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    text = f"""
pool = Pool("p", backends=["127.0.0.1:9"])
config = Config([TCPListener(one, pool=pool) for one in ("tcp:{first}:interface=127.0.0.1", "unix:closed/socket")])
"""
    command = [sys.executable, "-c", WITHOUT_PRIVILEGE, "balancer", "--config", written(tmp_path, text)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("balancer: TCPListener 'unix:closed/socket': cannot listen: ")
    assert "Permission denied" in line
    assert is_free(first)
    assert list(closed.iterdir()) == []


NEVER_FOUND = """
import threading

class Silence:
    asked = 0

    def with_reactor(self, reactor):
        self.known, reactor.nameResolver._getaddrinfo = reactor.nameResolver._getaddrinfo, self.look_up

    def look_up(self, *arguments):
        self.asked += 1
        if self.asked > 1:
            print("the lookup hangs", flush=True)
            threading.Event().wait(60)
        return self.known(*arguments)

    def startService(self):
        pass

    stopService = startService

config = Config(
    [TCPListener("tcp:{port}:interface=127.0.0.1", pool=Pool("p", backends=["localhost:9"], resolve_every=1))],
    companions=Silence(),
)
"""


@pytest.mark.parametrize("twist", [(), ("--reactor=default",), ("--reactor=asyncio",)])
def test_a_lookup_that_hangs_does_not_keep_the_process(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """A stop does not wait for a system that told of a name once and then says nothing more about it."""
    (port,) = free_ports(1)
    with Process("--config", written(tmp_path, NEVER_FOUND.format(port=port)), twist=twist) as process:
        process.says("the lookup hangs")
        process.signal(signal.SIGTERM)
        status, err = process.end()
    assert status == 0
    assert "Traceback" not in process.out + err
