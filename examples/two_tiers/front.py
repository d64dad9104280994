"""The first of two tiers: passes TLS on by the name that clients ask for, undecrypted, and tells who they are.

Run it with `twist balancer --config front.py`, beside the two processes of `site.py`.
"""

from balancer import Config, Pool, Route, TCPListener
from balancer.plugins.first_bytes import SNI

shop = Pool("shop", backends=["127.0.0.1:8444"])
api = Pool("api", backends=["127.0.0.1:8445"])

config = Config(
    TCPListener(
        "tcp:8443:interface=127.0.0.1",
        routes=[
            Route(SNI("shop.example.com"), shop),
            Route(SNI("api.example.com"), api),
            Route(refuse=True),
        ],
        send_proxy="v2",
    )
)
