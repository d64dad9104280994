"""The balancer under measurement, with its default features on: a template whose ports in braces are filled in.

`run.py` and `ours.toml` both use it. The names of the ports are what those programs agree on.
"""

from balancer import TLS, Backend, Config, Health, HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.plugins.matchers import Path

BACKENDS = [Backend("127.0.0.1:{backend1}"), Backend("127.0.0.1:{backend2}")]

web = Pool("web", backends=BACKENDS, algorithm=RoundRobin(), health=Health(TCPCheck(), every=2))
talk = Pool("talk", backends=["127.0.0.1:{backend_ws}"])
relay = Pool("relay", backends=BACKENDS, algorithm=RoundRobin(), health=Health(TCPCheck(), every=2))
bulk = Pool("bulk", backends=["127.0.0.1:{backend_iperf}"])
datagrams = Pool("datagrams", backends=["udp:127.0.0.1:{backend_udp}"])

routes = [Route(Path("/ws"), talk), Route(pool=web)]

config = Config(
    listeners=[
        HTTPListener("tcp:{port_h1}:interface=127.0.0.1", routes=routes),
        HTTPListener("tcp:{port_tls}:interface=127.0.0.1", tls=TLS("{pem}"), routes=routes),
        TCPListener("tcp:{port_l4}:interface=127.0.0.1", pool=relay),
        TCPListener("tcp:{port_bulk}:interface=127.0.0.1", pool=bulk),
        UDPListener("udp:{port_udp}:interface=127.0.0.1", pool=datagrams),
    ],
)
