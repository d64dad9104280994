"""Several sites behind one port, chosen by host, path and more; routes are tried in the order written.

Run it with `twist balancer --config examples/routes.py`, then `curl -H "Host: api.example.com" http://127.0.0.1:8080/`
and `curl -H "Cookie: beta=on" http://127.0.0.1:8080/`.
"""

from balancer import Backend, Config, Health, HTTPListener, Pool, Route
from balancer.demo import DemoBackends
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.health import HTTPCheck
from balancer.plugins.matchers import ClientIP, Cookie, Header, Host, Path, Percent

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
beta = Pool("beta", backends=[Backend("127.0.0.1:9003", name="b3")], health=healthy)

public = ~Host("*.internal.example.com")

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(Host("api.example.com") | Path("/headers"), api),
            Route(Path("/events", exact=True) | Path(template="/users/{user}/events"), events, name="events"),
            Route(public & (Header("x-env", "beta") | Cookie("beta", "on") | Percent(5, salt="beta")), beta),
            Route(public | ClientIP("10.0.0.0/8"), site, name="site"),
        ],
    ),
    companions=[DemoBackends()],
)
