"""What the tests of a plugin or of a config need: fakes, connections and a whole network in memory, strategies.

Public, and meant for tests only: nothing else of the balancer imports it. The strategies need the extra
`balancer[testing]`; the rest works without.
"""

from balancer.testing.fakes import FakeBackend, FakeSession
from balancer.testing.network import MemoryNetwork
from balancer.testing.pairs import Paired
from balancer.testing.strategies import backends, splits
from balancer.testing.transports import MemoryTransport

__all__ = ["FakeBackend", "FakeSession", "MemoryNetwork", "MemoryTransport", "Paired", "backends", "splits"]
