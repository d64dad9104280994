"""Everything at once on loopback: HTTP on 8080, TCP on 8081, UDP on 8082, with three demo backends to balance over.

Run it with `twist balancer --config examples/quickstart.py`, then try the lines that it prints.
"""

from balancer import Backend, Config, Health, HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.demo import DemoBackends
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.health import HTTPCheck, TCPCheck
from balancer.plugins.matchers import Path

web = Pool(
    "web",
    backends=[
        Backend("127.0.0.1:9001", name="b1"),
        Backend("127.0.0.1:9002", name="b2"),
        Backend("127.0.0.1:9003", name="b3"),
    ],
    algorithm=RoundRobin(),
    health=Health(HTTPCheck("/healthz"), every=0.5, rise=2, fall=3),
)
echo = Pool(
    "echo",
    backends=["127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103"],
    algorithm=RoundRobin(),
    health=Health(TCPCheck(), every=0.5, rise=2, fall=3),
)
datagrams = Pool("datagrams", backends=["udp:127.0.0.1:9101", "udp:127.0.0.1:9102", "udp:127.0.0.1:9103"])
control = Pool("control", backends=["127.0.0.1:9000"])

HINTS = """
Try:
  curl http://127.0.0.1:8080/                          who answers?
  curl -N http://127.0.0.1:8080/events                 events as they happen
  curl http://127.0.0.1:8080/headers                   what a backend is told
  curl -X POST http://127.0.0.1:8080/demo/b1/stop      kill b1; "start" revives it
  curl http://127.0.0.1:8080/demo                      who is alive?
  nc -N 127.0.0.1 8081                                 TCP echo
  nc -u 127.0.0.1 8082                                 UDP echo
Ctrl-C stops, and at once when pressed again.
"""

config = Config(
    listeners=[
        HTTPListener(
            "tcp:8080:interface=127.0.0.1",
            routes=[
                Route(Path("/demo"), control),
                Route(pool=web),
            ],
        ),
        TCPListener("tcp:8081:interface=127.0.0.1", pool=echo),
        UDPListener("udp:8082:interface=127.0.0.1", pool=datagrams),
    ],
    drain=5,
    companions=[DemoBackends(hints=HINTS.splitlines())],
)
