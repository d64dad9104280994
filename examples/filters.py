"""The filters that come with the balancer: prefixes, redirects, fields of requests and answers, a fixed answer.

Run it with `twist balancer --config examples/filters.py`, then `curl http://127.0.0.1:8080/v1/headers`,
`curl -i http://127.0.0.1:8080/docs`, `curl -i http://127.0.0.1:8080/status` and
`curl http://127.0.0.1:8080/users/7/headers`.
"""

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackends
from balancer.plugins.filters import Redirect, RequestHeaders, Respond, ResponseHeaders, RewritePath, StripPrefix
from balancer.plugins.matchers import Path

site = Pool("site", backends=[Backend("127.0.0.1:9001", name="b1"), Backend("127.0.0.1:9002", name="b2")])
api = Pool("api", backends=[Backend("127.0.0.1:9003", name="b3")])

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(
                Path("/v1"),
                api,
                filters=[
                    StripPrefix("/v1"),
                    RequestHeaders(set={"x-api": "v1", "x-asked-for": "{host}{path}"}, remove=["cookie"]),
                    ResponseHeaders(set={"cache-control": "no-store"}, remove=["server"]),
                ],
            ),
            Route(
                Path(template="/users/{user}/headers"),
                api,
                filters=[RequestHeaders(set={"x-user": "{user}"}), RewritePath("^/users/[^/]+", "")],
            ),
            Route(Path("/docs"), site, filters=[Redirect(scheme="https", host="docs.example.com")]),
            Route(Path("/status", exact=True), site, filters=[Respond(200, "well\n")]),
            Route(pool=site),
        ],
    ),
    companions=[DemoBackends()],
)
