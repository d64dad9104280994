"""All four at work: `twist balancer --config conf.py`, then `curl -i http://127.0.0.1:8080/`."""

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackends

from balancer_tenants import LargeBody, LeastOf, ServedBy

site = Pool(
    "site",
    backends=[Backend("127.0.0.1:9001", name="b1"), Backend("127.0.0.1:9002", name="b2")],
    algorithm=LeastOf(2),
)
uploads = Pool("uploads", backends=[Backend("127.0.0.1:9003", name="b3")])

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(LargeBody(1000), uploads, filters=ServedBy("uploads")),
            Route(pool=site, filters=ServedBy("site")),
        ],
    ),
    companions=[DemoBackends()],
)
