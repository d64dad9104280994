"""Names of backends in a whole balancer in memory: looked up at its start, again while it runs, and no more after."""

from __future__ import annotations

from random import Random

from balancer.config import Config, Pool, TCPListener
from balancer.service import Balancer
from tests.assembly.test_names import Moving
from tests.net.house import FRONT


def test_names_are_looked_up_while_it_runs() -> None:
    """A started balancer looks names up again at their pace, and a stopped one does not and leaves no timer."""
    network, failed = Moving(), list[str]()
    config = Config([TCPListener(f"tcp:{FRONT}", pool=Pool("pool", backends=["db:9001"], resolve_every=5))])
    balancer = Balancer(config, network, random=Random(5), wall=network.seconds, start_failed=failed.append)
    balancer.startService()
    network.pump()
    assert network.asked == ["db"]
    network.advance(9)
    assert network.asked == ["db", "db"]
    balancer.stopService()
    network.advance(20)
    assert network.asked == ["db", "db"]
    assert (network.getDelayedCalls(), failed) == ([], [])
