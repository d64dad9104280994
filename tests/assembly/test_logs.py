"""Access logs as parts: one for each path, in the formats of those who write to it, and all open or no start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from balancer.assembly.logs import access, open_logs
from balancer.config import AccessLog, HTTPListener, Pool
from balancer.errors import StartError
from tests.assembly.parts import assembled
from tests.core.test_access import PLAIN
from tests.net.house import listening

POOL = Pool("pool", backends=["127.0.0.1:9001"])


def test_listeners_share_a_log() -> None:
    """Listeners with the same path have one log between them, each in its format; no path, no log."""
    one, two = AccessLog("/x.log", format="{status}"), AccessLog("/x.log", format="{method}")
    assembly = assembled(
        HTTPListener("tcp:80", pool=POOL, access_log=one),
        HTTPListener("tcp:81", pool=POOL, access_log=two),
        HTTPListener("tcp:82", pool=POOL),
    )
    assert list(assembly.logs) == ["/x.log"]
    lines: list[str] = []
    log: Any = assembly.logs["/x.log"]
    log.add = lines.append
    for settings in (one, two):
        access(assembly, settings).write(PLAIN)
    assert lines == ["200", "GET"]


def test_what_is_told_of_tls() -> None:
    """JSON tells of TLS where a listener speaks it, and a format of one's own wherever it names something of that."""
    assembly = assembled(HTTPListener("tcp:80", pool=POOL))
    assert not access(assembly, AccessLog("/x")).tls
    assert access(assembly, AccessLog("/x"), tls=True).tls
    assert access(assembly, AccessLog("/x", format="{status} {cipher}")).tls


def test_the_clock_is_the_one_on_the_wall() -> None:
    """Lines are stamped by the balancer's wall clock."""
    assembly = assembled(HTTPListener("tcp:80", pool=POOL))
    assembly.wall = lambda: 86400.5
    assert access(assembly, AccessLog("-")).stamps.now()[0] == "1970-01-02T00:00:00.500Z"


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    """The one line says which log it is, why, and what to do."""
    path = str(tmp_path / "nowhere" / "x.log")
    assembly = assembled(HTTPListener("tcp:80", pool=POOL, access_log=AccessLog(path)))
    with pytest.raises(StartError) as caught:
        open_logs(assembly.logs)
    remedy = "give the path of a file that the balancer may write"
    assert str(caught.value) == f"AccessLog {path!r}: cannot be opened: No such file or directory; {remedy}"


def test_what_a_log_tells_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a log drops is told to the operator."""
    monkeypatch.setattr("balancer.net.access_log.MOST", 10)
    assembly = assembled(HTTPListener("tcp:80", pool=POOL, access_log=AccessLog("/x.log")))
    log = assembly.logs["/x.log"]
    with listening() as events:
        log.add("a line of more than ten")
        log.flush()
    said = "access log /x.log: lines are dropped, for more of them come than are written, 1 so far"
    assert [event["line"] for event in events] == [said]
    assert log.counters()["dropped"] == 1
