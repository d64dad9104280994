"""The balancer as it is soaked: a template whose ports in braces are filled in.

What ends by time ends soon, yet not for a peer that is a few seconds late, as happens where all cores are busy.
"""

from balancer import TLS, Backend, Config, Health, HTTPListener, Pool, TCPListener, UDPListener
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.health import HTTPCheck, TCPCheck

BACKENDS = [Backend("127.0.0.1:{backend1}"), Backend("127.0.0.1:{backend2}")]

web = Pool(
    "web",
    backends=BACKENDS,
    algorithm=LeastConnections(),
    health=Health(HTTPCheck("/"), every=1, timeout=10),
    keepalive_timeout=1,
)
relay = Pool("relay", backends=BACKENDS, algorithm=RoundRobin(), health=Health(TCPCheck(), every=1, timeout=10))
bulk = Pool("bulk", backends=["127.0.0.1:{backend_iperf}"])
source = Pool("source", backends=["127.0.0.1:{backend_source}"])
datagrams = Pool("datagrams", backends=["udp:127.0.0.1:{backend_udp}"])

config = Config(
    listeners=[
        HTTPListener("tcp:{port_h1}:interface=127.0.0.1", pool=web, idle=20, half_closed=20),
        HTTPListener("tcp:{port_tls}:interface=127.0.0.1", tls=TLS("{pem}"), pool=web, idle=20, half_closed=20),
        TCPListener("tcp:{port_l4}:interface=127.0.0.1", pool=relay, idle=20, linger=20),
        TCPListener("tcp:{port_bulk}:interface=127.0.0.1", pool=bulk, idle=20, linger=20),
        TCPListener("tcp:{port_source}:interface=127.0.0.1", pool=source, idle=20, linger=20),
        UDPListener("udp:{port_udp}:interface=127.0.0.1", pool=datagrams, idle=1),
    ],
    drain=2,
    control="unix:{dir}/control.sock",
)
