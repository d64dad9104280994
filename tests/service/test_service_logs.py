"""Access logs in the life of a balancer: open before anything is bound, and written to the end within a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from balancer.config import AccessLog, HTTPListener, Pool
from balancer.service import FLUSH
from balancer.testing import MemoryNetwork
from tests.net.house import FRONT, listening, request
from tests.service.test_service import Site

PATIENCE = 10
"""Seconds in which a thread must have done its work."""

MANY = 500


class Threaded(MemoryNetwork):
    """A network in memory that takes calls from other threads, and makes them when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        self.calls.put(lambda: call(*arguments))

    def finish(self, ended: Deferred[None]) -> None:
        """Make calls from other threads until that has ended."""
        while not ended.called:
            self.calls.get(timeout=PATIENCE)()
            self.pump()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is to be."""
    return tmp_path / "access.log"


@pytest.fixture
def site(path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A balancer that is to have a log, and answers nothing but 404."""
    monkeypatch.setattr("tests.service.test_service.MemoryNetwork", Threaded)
    pool = Pool("site", backends=["127.0.0.1:9001"])
    log = AccessLog(str(path), format="{target} {status} {code}")
    return Site(HTTPListener(f"tcp:{FRONT}", pool=pool, access_log=log))


def end(site: Site, ended: Deferred[None]) -> None:
    """Let the stop come to its end."""
    network: Any = site.network
    network.finish(ended)
    assert not network.getDelayedCalls()


def test_no_line_is_lost_at_a_stop(site: Site, path: Path) -> None:
    """What was asked until the end is in the file when the balancer has stopped, also what the stop itself ended."""
    site.start()
    for number in range(MANY):
        site.client(request(f"TRACE /{number}", "max-forwards: 0"))
    site.client(request("GET /last"))
    ended = site.stop()
    site.network.advance(site.config.drain)
    end(site, ended)
    lines = path.read_text().splitlines()
    assert lines == [*(f"/{number} 501 LR" for number in range(MANY)), "/last 503 KH"]


def test_a_log_that_cannot_be_opened_stops_the_start(site: Site, path: Path) -> None:
    """A log that cannot be opened is one line, and nothing is bound."""
    path.mkdir()
    site.start()
    assert site.failed[0].startswith(f"AccessLog {str(path)!r}: cannot be opened: Is a directory; ")
    assert site.ports == []
    assert site.stop().called


def test_a_start_that_fails_closes_its_logs(site: Site) -> None:
    """When a port is taken the log that was open by then is closed again."""
    site.network.listenTCP(FRONT, site.far)
    site.start()
    assert len(site.failed) == 1
    end(site, site.stop())


def test_logs_that_were_moved(site: Site, path: Path) -> None:
    """After a reopening lines go to a new file, and not one is lost or in both."""
    site.start()
    site.client(request("TRACE /1", "max-forwards: 0"))
    moved = path.with_suffix(".1")
    path.rename(moved)
    site.balancer.reopen_logs()
    site.client(request("TRACE /2", "max-forwards: 0"))
    end(site, site.stop())
    assert (moved.read_text(), path.read_text()) == ("/1 501 LR\n", "/2 501 LR\n")


def test_a_log_that_hangs_does_not_hold_up_the_stop(site: Site) -> None:
    """A disk that never takes the last lines is waited for, for a time, and then told of."""
    site.start()
    log: Any = next(iter(site.balancer._assembly.logs.values()))  # noqa: SLF001  what hangs is deep inside
    closing = Deferred[None]()
    log.close, close = lambda: closing, log.close
    with listening() as events:
        ended = site.stop()
        site.network.advance(FLUSH - 0.1)
        assert not ended.called
        site.network.advance(0.2)
        assert ended.called
    assert [event["log_format"] for event in events] == ["access logs could not be written to the end in time"]
    end(site, close())
