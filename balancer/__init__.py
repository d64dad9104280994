"""A layer 4 and layer 7 load balancer that is programmed in Python: the names that a config module imports.

Nothing here imports Twisted or touches a reactor, so that a config module can be loaded and tested anywhere.
"""

from balancer.config import (
    ACME,
    TLS,
    AccessLog,
    Agent,
    Backend,
    Config,
    Ejection,
    FailureShare,
    Health,
    HTTPListener,
    Pool,
    Retry,
    Route,
    SlowStart,
    SuccessRate,
    TCPListener,
    UDPListener,
    UpstreamTLS,
)

__all__ = [
    "ACME",
    "TLS",
    "AccessLog",
    "Agent",
    "Backend",
    "Config",
    "Ejection",
    "FailureShare",
    "HTTPListener",
    "Health",
    "Pool",
    "Retry",
    "Route",
    "SlowStart",
    "SuccessRate",
    "TCPListener",
    "UDPListener",
    "UpstreamTLS",
]

__version__ = "0.1.0"
