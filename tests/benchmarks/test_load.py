"""The load and the backends, against each other."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from benchmarks import load
from benchmarks.backends import ANSWER
from benchmarks.certificates import certificate
from benchmarks.processes import Program

HERE = Path(load.__file__).parent
CORE = min(os.sched_getaffinity(0))


class Secured(StreamRequestHandler):
    """Answers requests over TLS, one after the other."""

    settings: ssl.SSLContext

    def handle(self) -> None:
        with suppress(OSError), self.settings.wrap_socket(self.request, server_side=True) as secured:
            while secured.recv(1000):
                secured.sendall(ANSWER)


class Site(ThreadingTCPServer):
    """A site over TLS."""

    daemon_threads = True
    request_queue_size = 128


@contextmanager
def over_tls(folder: Path) -> Iterator[str]:
    """The port of a site over TLS."""
    (folder / "site.pem").write_bytes(certificate(load.NAME))
    Secured.settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Secured.settings.load_cert_chain(folder / "site.pem")
    with Site(("127.0.0.1", 0), Secured) as site:
        serving = Thread(target=site.serve_forever)
        serving.start()
        yield str(site.server_address[1])
        site.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The port of the backend for each kind of load."""
    with (
        Program([sys.executable, str(HERE / "backends.py")], CORE) as backends,
        over_tls(tmp_path_factory.mktemp("site")) as site,
    ):
        first, second, sink, echo, source = backends.line().split()
        asked = {"ask": first, "connect": second, "finish": first, "abort": second}
        secured = dict.fromkeys(("ask-tls", "shake", "resume", "abort-tls"), site)
        yield {**asked, **secured, "pour": sink, "cut": sink, "leave": source, "echo": echo, "roam": echo}


def loading(kind: str, port: str) -> Program:
    """A load of that kind against a port."""
    return Program([sys.executable, str(HERE / "load.py"), kind, port], CORE)


@pytest.mark.parametrize("kind", load.KINDS)
def test_work_is_done_and_counted(kind: str, ports: dict[str, str]) -> None:
    """Each kind of load finds its backend, and what it has done goes on rising."""
    with loading(kind, ports[kind]) as program:
        first = next(done for done in iter(lambda: int(program.ask()), None) if done)
        assert next(done for done in iter(lambda: int(program.ask()), None) if done > first)
    assert program.status == 0


def test_wrong_answer_ends_the_load(capfd: pytest.CaptureFixture[str]) -> None:
    """A load that is closed on, in place of an answer, counts nothing and says why it ended."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as closing:
        with loading("ask", str(closing.getsockname()[1])) as program:
            accepted, _ = closing.accept()
            accepted.recv(65536)
            accepted.close()
            assert program.line() == ""
        assert program.status == 1
    assert "closed in place of an answer" in capfd.readouterr().err
