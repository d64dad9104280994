"""Connections routed by what a client says first: TLS by server name, PostgreSQL by database; nothing is decrypted.

Run it with `twist balancer --config examples/first_bytes.py`, then `curl http://127.0.0.1:8443/`, which says no TLS and
reaches b1. The other backends return what they are sent, and so speak no TLS and no PostgreSQL to their clients.
"""

from balancer import Backend, Config, Pool, Route, TCPListener
from balancer.demo import DemoBackends
from balancer.plugins.first_bytes import HTTP1, SNI, Postgres, PostgresSSL

plain = Pool("plain", backends=[Backend("127.0.0.1:9001", name="b1")])
shop = Pool("shop", backends=[Backend("127.0.0.1:9102", name="b2")])
rest = Pool("rest", backends=[Backend("127.0.0.1:9103", name="b3")])

config = Config(
    [
        TCPListener(
            "tcp:8443:interface=127.0.0.1",
            routes=[
                Route(SNI("shop.example.com", "*.shop.example.com"), shop),
                Route(HTTP1(), plain),
                Route(pool=rest),
            ],
        ),
        TCPListener(
            "tcp:8432:interface=127.0.0.1",
            routes=[
                Route(Postgres(database="shop"), shop),
                Route(Postgres() | PostgresSSL(), rest),
            ],
            peek_timeout=10,
        ),
    ],
    companions=[DemoBackends()],
)
