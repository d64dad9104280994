"""Several sites behind one port, chosen by host and path; routes are tried in the order written.

Run it with `twist balancer --config examples/routes.py`, then `curl -H "Host: api.example.com" http://127.0.0.1:8080/`.
"""

from balancer import Backend, Config, Health, HTTPListener, Pool, Route
from balancer.demo import DemoBackends
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.health import HTTPCheck
from balancer.plugins.matchers import Host, Path

healthy = Health(HTTPCheck("/healthz"), every=1)
site = Pool(
    "site",
    backends=[
        Backend("127.0.0.1:9001", name="b1", weight=2),
        Backend("127.0.0.1:9002", name="b2"),
        Backend("127.0.0.1:9003", name="b3", backup=True),
    ],
    algorithm=RoundRobin(),
    health=healthy,
)
api = Pool("api", backends=[Backend("127.0.0.1:9002", name="b2")], algorithm=LeastConnections(), health=healthy)
events = Pool("events", backends=[Backend("127.0.0.1:9003", name="b3")], health=healthy, response_timeout=300)

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(Host("api.example.com") | Path("/headers"), api),
            Route(Path("/events", exact=True), events),
            Route(~Host("*.internal.example.com"), site),
        ],
    ),
    companions=[DemoBackends()],
)
