"""The control socket in the life of a balancer: there from the start to the very end, or no start at all."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from balancer.testing import MemoryNetwork
from tests.net.house import request
from tests.service.test_service import DRAIN, Site


class Doors(MemoryNetwork):
    """A network in memory that notes what is to be read beside it."""

    readers: frozenset[Any] = frozenset()

    def addReader(self, reader: Any) -> None:
        self.readers |= {reader}

    def removeReader(self, reader: Any) -> None:
        self.readers -= {reader}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is to be."""
    return tmp_path / "control"


@pytest.fixture
def site(path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A balancer that is to have a control socket."""
    monkeypatch.setattr("tests.service.test_service.MemoryNetwork", Doors)
    return Site(control=f"unix:{path}")


def test_it_is_there_until_the_end(site: Site, path: Path) -> None:
    """It is open once the balancer has started, during a drain as well, and gone with the last session."""
    site.start()
    assert path.is_socket()
    client = site.client(request(), 8081)
    stopped = site.stop()
    site.network.advance(DRAIN - 1)
    assert path.is_socket()
    client.cut()
    assert stopped.called
    assert not path.exists()
    assert not site.network.getDelayedCalls()


def test_a_start_that_fails_leaves_none(site: Site, path: Path) -> None:
    """When a port is taken the control socket goes as well."""
    holder = site.network.listenTCP(8081, site.far)
    site.start()
    assert len(site.failed) == 1
    site.stop()
    assert not path.exists()
    holder.stopListening()


def test_without_it_nothing_starts(site: Site, path: Path) -> None:
    """When the control socket cannot be had nothing is bound, and what is there is left alone."""
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen()
        site.start()
        assert site.failed[0].startswith(f"Config: control: 'unix:{path}': cannot listen: Address already in use; ")
        assert not site.ports
        site.stop()
        assert path.is_socket()


def test_how_backends_were_at_the_start(site: Site) -> None:
    """What a backend was when the balancer started is the first that is told of it."""
    site.start()
    control: Any = site.balancer._control  # noqa: SLF001  asked over no socket
    said: list[bytes] = []
    control._door._desk.answer(b'{"do": "events"}', said.append)  # noqa: SLF001  the same
    events = json.loads(said[0])["events"]
    assert [(event["backend"], event["what"], event["why"]) for event in events] == [("127.0.0.1:9001", "up", "start")]
    site.stop()
