"""What the tests of a plugin or of a config need: fakes, connections and a whole network in memory, strategies.

Public, and meant for tests; the rest of the balancer imports nothing of it but the simulation. The strategies need the
extra `balancer[testing]`; the rest works without.
"""

from balancer.testing.fakes import FakeBackend, FakeSession
from balancer.testing.network import MemoryNetwork
from balancer.testing.pairs import Paired
from balancer.testing.routing import Routed, routed
from balancer.testing.simulation import simulate
from balancer.testing.strategies import backends, splits
from balancer.testing.transports import MemoryTransport

__all__ = [
    "FakeBackend",
    "FakeSession",
    "MemoryNetwork",
    "MemoryTransport",
    "Paired",
    "Routed",
    "backends",
    "routed",
    "simulate",
    "splits",
]
