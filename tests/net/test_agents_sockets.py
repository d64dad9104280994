"""An agent on a real socket, asked again and again by a real clock."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from balancer.core.agent_line import AgentLine
from balancer.core.backend import Backend
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.turns import Turns
from balancer.net.agents import AgentProbe
from balancer.net.check_target import Target
from balancer.net.checks import Checks
from balancer.net.probing import Terms
from balancer.plugins.algorithms import RoundRobin
from tests.net.wires import Backends


async def test_asked_again_and_again(reactor: Any) -> None:
    """Each question is a connection of its own that is closed, what is answered is heeded, and a stop is the end."""
    agents = Backends()
    port = reactor.listenTCP(0, agents, interface="127.0.0.1")
    place = ("127.0.0.1", port.getHost().port)
    backend = Backend("b", "as written", place, seconds=reactor.seconds)
    algorithm: Any = RoundRobin()
    ports = Ports(Random(1), reactor.seconds, lambda call: reactor.callLater(0, call), lambda *_: None)
    heeded: Deferred[str] = Deferred()

    def heed(_backend: Backend, what: str, _line: AgentLine) -> None:
        checks.stop()
        heeded.callback(what)

    probe = AgentProbe(
        Pool("pool", [backend], algorithm, ports=ports),
        backend,
        every=0.05,
        send=b"b1\n",
        aim=lambda backend: Target(reactor, backend, 5),
        heeded=heed,
        unheard=lambda _: None,
    )
    checks = Checks({backend: probe}, Terms(reactor, Random(1), Turns(1), 5, 0.1))
    checks.start()
    for said in (b"ready\n", b"drain 50%\n"):
        wire = await agents.calls.get()
        await wire.until(lambda wire: wire.heard == b"b1\n")
        wire.say(said)
        await wire.until(lambda wire: wire.finished or bool(wire.ending))
        wire.transport.abortConnection()
        await wire.end()
    assert await heeded == "draining; weight 0.5"
    assert (backend.state, backend.weight) == ("draining", 0.5)
    await port.stopListening()
