"""The control socket of a balancer on real sockets: opened or told why not, and answering."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol

from balancer.assembly import Assembly
from balancer.control import Control
from balancer.errors import StartError
from tests.net.wires import Wire


async def test_it_answers(reactor: Any, tmp_path: Path) -> None:
    """A command over the socket is carried out and answered in a line, and a line too long in one as well."""
    assembly = Assembly(reactor, Random(1))
    control = Control(assembly, str(tmp_path / "control"))
    control.open()
    wire: Wire = await connectProtocol(UNIXClientEndpoint(reactor, str(tmp_path / "control")), Wire())
    wire.say(b'{"do": "events"}\n' + b"x" * 100000)
    await wire.until(lambda wire: wire.finished or bool(wire.ending))
    answers = [json.loads(line) for line in bytes(wire.heard).splitlines()]
    assert answers[0] == {"ok": True, "events": []}
    assert answers[1]["ok"] is False
    control.close()
    wire.transport.abortConnection()
    await wire.end()
    assembly.alarm.stop()


def test_a_path_that_cannot_be_had(reactor: Any, tmp_path: Path) -> None:
    """A path that is taken is told in one line, with what to do; and a second close does no harm."""
    assembly = Assembly(reactor, Random(1))
    first, second = (Control(assembly, str(tmp_path / "control")) for _ in range(2))
    first.open()
    with pytest.raises(StartError) as caught:
        second.open()
    path = f"unix:{tmp_path}/control"
    assert str(caught.value) == (
        f"Config: control: '{path}': cannot listen: Address already in use; stop what has it, or choose another"
    )
    second.close()
    first.close()
    assert not (tmp_path / "control").exists()
    assembly.alarm.stop()
