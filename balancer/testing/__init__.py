"""What the tests of a plugin or of a config need: fakes, connections and a whole network in memory, strategies.

Public, and meant for tests; the rest of the balancer imports nothing of it but the simulation. The strategies and the
conformance tests need the extra `balancer[testing]` when they are called; the rest works without.
"""

from balancer.testing.exchanges import MemoryExchange
from balancer.testing.fakes import FakeBackend, FakeSession
from balancer.testing.kit import conformance
from balancer.testing.kit.churning import churn
from balancer.testing.network import MemoryNetwork
from balancer.testing.pairs import Paired
from balancer.testing.pools import MemoryPool
from balancer.testing.routing import Routed, routed
from balancer.testing.sessions import requests, sessions
from balancer.testing.simulation import simulate
from balancer.testing.strategies import backends, snapshots, splits
from balancer.testing.targets import MemoryTarget
from balancer.testing.transports import MemoryTransport

__all__ = [
    "FakeBackend",
    "FakeSession",
    "MemoryExchange",
    "MemoryNetwork",
    "MemoryPool",
    "MemoryTarget",
    "MemoryTransport",
    "Paired",
    "Routed",
    "backends",
    "churn",
    "conformance",
    "requests",
    "routed",
    "sessions",
    "simulate",
    "snapshots",
    "splits",
]
