"""A fleet of model servers: conversations stay where they began, new ones go where the queue is short.

Run it with `twist balancer --config examples/model_servers.py`, then `curl http://127.0.0.1:8080/`, some times, and
`curl -H "X-Session-Id: 7" http://127.0.0.1:8080/`, some times. Listeners of this config stand for the model servers:
they tell what vLLM tells of itself at /metrics, always the same.
"""

from __future__ import annotations

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.plugins.filters import Respond
from balancer.plugins.hashing import header
from balancer.plugins.matchers import Path
from balancer.plugins.score import Affinity, Below, Score, active
from balancer.plugins.signals import Prometheus
from balancer.plugins.sticky import Sticky

models = Pool(
    "models",
    backends=[
        Backend("127.0.0.1:9201", name="m1"),
        Backend("127.0.0.1:9202", name="m2"),
        Backend("127.0.0.1:9203", name="m3"),
    ],
    algorithm=Sticky(
        header("x-session-id"),
        otherwise=Score(
            keep=[Below("cache", 0.95)],
            weigh={"queue": 2, "cache": 1, active: 2, Affinity(header("x-prompt-prefix")): 1},
        ),
        full="move",
    ),
    signals=Prometheus("/metrics", {"queue": "vllm:num_requests_waiting", "cache": "max(vllm:kv_cache_usage_perc)"}),
    response_timeout=600,
)


def model(port: int, name: str, *, waiting: int, cache: float) -> HTTPListener:
    """What stands for a model server."""
    metrics = f"vllm:num_requests_waiting {waiting}\nvllm:kv_cache_usage_perc {cache}\n"
    return HTTPListener(
        f"tcp:{port}:interface=127.0.0.1",
        routes=[
            Route(Path("/metrics"), filters=[Respond(200, metrics)]),
            Route(filters=[Respond(200, f"answered by {name}\n")]),
        ],
    )


config = Config(
    [
        HTTPListener("tcp:8080:interface=127.0.0.1", pool=models),
        model(9201, "m1", waiting=0, cache=0.3),
        model(9202, "m2", waiting=9, cache=0.6),
        model(9203, "m3", waiting=2, cache=0.97),
    ],
)
