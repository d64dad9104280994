"""UDP by what it says: DNS on 8053 by the name that is asked for, QUIC on 8443 by its connection ids.

Run it with `twist balancer --config examples/datagrams.py`. The demo backends send back whatever they hear, so that
`dig +tries=1 -p 8053 @127.0.0.1 www.corp.example` complains of an answer that is none, but shows that one came.
"""

from balancer import Backend, Config, Pool, Route, UDPListener
from balancer.demo import DemoBackends
from balancer.plugins.datagrams import QUIC, DNSName
from balancer.plugins.flow_keys import QUICConnectionID

inside = Pool("inside", backends=["udp:127.0.0.1:9101"])
outside = Pool("outside", backends=["udp:127.0.0.1:9102", "udp:127.0.0.1:9103"])
web = Pool(
    "web",
    backends=[Backend("udp:127.0.0.1:9101", name="b1"), Backend("udp:127.0.0.1:9102", name="b2")],
)

config = Config(
    listeners=[
        UDPListener(
            "udp:8053:interface=127.0.0.1",
            routes=[Route(DNSName("corp.example", "*.corp.example"), inside), Route(pool=outside)],
            per_packet=True,
            replies=1,
            idle=5,
        ),
        UDPListener(
            "udp:8443:interface=127.0.0.1",
            routes=[Route(QUIC(1), web)],
            key=QUICConnectionID(length=8, server_ids={"b1": b"\x01", "b2": b"\x02"}),
            idle=60,
            max_flows_per_source=100,
        ),
    ],
    companions=[DemoBackends()],
)
