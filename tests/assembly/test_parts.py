"""What the parts of one balancer share."""

from __future__ import annotations

from balancer.config import Ejection, HTTPListener, Pool, TCPListener
from balancer.net.listeners import StreamListener
from balancer.testing import MemoryNetwork
from tests.assembly.parts import assembled


def test_the_parts_share_what_is_bounded() -> None:
    """Sessions and pipes are bounded for all listeners together, and every deadline is on one clock."""
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    assembly = assembled(TCPListener("tcp:80", pool=pool), HTTPListener("tcp:81", pool=pool))
    rooms = [listener.sessions.room for _, listener in assembly.listeners if isinstance(listener, StreamListener)]
    assert rooms == [assembly.room, assembly.room]
    assert (assembly.room.taken, assembly.pipes.lent, len(assembly.deadlines)) == (0, 0, 0)


def test_sessions_are_watched_from_the_start_to_the_stop() -> None:
    """Who ejects begins as everything is started, and ends as it is stopped, with nothing left to come."""
    pool = Pool("pool", backends=["127.0.0.1:9001", "127.0.0.1:9002"], ejection=Ejection())
    network = MemoryNetwork()
    assembly = assembled(TCPListener("tcp:80", pool=pool), network=network)
    assembly.start()
    assert assembly.pools[pool].watch is assembly.outliers[pool]
    assembly.stop()
    assert assembly.pools[pool].watch is None
    assert not network.getDelayedCalls()
