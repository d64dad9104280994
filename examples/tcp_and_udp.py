"""Layer 4 alone: TCP on 8081, UDP on 8082. Whatever is sent comes back from one of the demo backends.

Run it with `twist balancer --config examples/tcp_and_udp.py`, then `nc -N 127.0.0.1 8081` and `nc -u 127.0.0.1 8082`.
"""

from balancer import Backend, Config, Health, Pool, TCPListener, UDPListener
from balancer.demo import DemoBackends
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.health import TCPCheck

streams = Pool(
    "streams",
    backends=["127.0.0.1:9101", "127.0.0.1:9102", Backend("127.0.0.1:9103", weight=0.5)],
    algorithm=LeastConnections(),
    health=Health(TCPCheck(), every=1, rise=2, fall=3),
    connect_timeout=1,
)
datagrams = Pool(
    "datagrams",
    backends=["udp:127.0.0.1:9101", "udp:127.0.0.1:9102", "udp:127.0.0.1:9103"],
    algorithm=RoundRobin(),
)

config = Config(
    listeners=[
        TCPListener("tcp:8081:interface=127.0.0.1", pool=streams, idle=300),
        UDPListener("udp:8082:interface=127.0.0.1", pool=datagrams, idle=10, replies=1, max_flows_per_source=100),
    ],
    companions=[DemoBackends()],
)
