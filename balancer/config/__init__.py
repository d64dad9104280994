"""The nouns a user writes in a config module, and the loader that reads one; refuses to know Twisted.

Every noun is frozen and looks at itself as it is made. What is wrong is one line that names the object, the field,
what was given and what was expected. Durations are seconds.
"""

from balancer.config.access_log import AccessLog
from balancer.config.acme import ACME
from balancer.config.agent import Agent
from balancer.config.backends import Backend
from balancer.config.document import Config
from balancer.config.ejection import Ejection, FailureShare, SuccessRate
from balancer.config.endpoints import Endpoint
from balancer.config.health import Health
from balancer.config.http_listener import HTTPListener
from balancer.config.listeners import Listener
from balancer.config.loading import load
from balancer.config.pools import Pool
from balancer.config.retry import Retry
from balancer.config.routed import Routed
from balancer.config.routes import Route
from balancer.config.slow_start import SlowStart
from balancer.config.tcp_listener import TCPListener
from balancer.config.tls import TLS
from balancer.config.udp_listener import UDPListener
from balancer.config.upstream_tls import UpstreamTLS

__all__ = [
    "ACME",
    "TLS",
    "AccessLog",
    "Agent",
    "Backend",
    "Config",
    "Ejection",
    "Endpoint",
    "FailureShare",
    "HTTPListener",
    "Health",
    "Listener",
    "Pool",
    "Retry",
    "Route",
    "Routed",
    "SlowStart",
    "SuccessRate",
    "TCPListener",
    "UDPListener",
    "UpstreamTLS",
    "load",
]
