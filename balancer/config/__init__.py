"""The nouns a user writes in a config module, and the loader that reads one; refuses to know Twisted.

Every noun is frozen and looks at itself as it is made. What is wrong is one line that names the object, the field,
what was given and what was expected. Durations are seconds.
"""

from balancer.config.document import Config
from balancer.config.endpoints import Endpoint
from balancer.config.listeners import HTTPListener, Listener, Route, TCPListener, UDPListener
from balancer.config.loading import load
from balancer.config.pools import Backend, Health, Pool

__all__ = [
    "Backend",
    "Config",
    "Endpoint",
    "HTTPListener",
    "Health",
    "Listener",
    "Pool",
    "Route",
    "TCPListener",
    "UDPListener",
    "load",
]
