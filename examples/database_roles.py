"""One port for writes and one for reads, by what the databases say of themselves, after a promotion too.

It needs a PostgreSQL at 127.0.0.1:9301 and a standby of it at 127.0.0.1:9302, and in them a role for the health check:
`create role balancer login`. Run it with `twist balancer --config examples/database_roles.py`, then write by
`psql -h 127.0.0.1 -p 8081` and read by `psql -h 127.0.0.1 -p 8082`; try `select pg_promote()` on the standby.
"""

from __future__ import annotations

from balancer import Config, Health, Pool, TCPListener
from balancer.plugins.algorithms import LeastConnections
from balancer.plugins.combinators import Subset
from balancer.plugins.health import PostgresCheck

databases = ["127.0.0.1:9301", "127.0.0.1:9302"]
roles = Health(PostgresCheck(user="balancer", database="postgres"), every=1, rise=1, fall=2)

primary = Subset("primary", otherwise=None)  # while there is none sessions are refused: a standby takes no writes

writes = Pool("writes", backends=databases, algorithm=primary, health=roles, on_down="cut")
reads = Pool(
    "reads", backends=databases, algorithm=Subset("standby", LeastConnections(), otherwise=primary), health=roles
)

config = Config(
    [
        TCPListener("tcp:8081:interface=127.0.0.1", pool=writes),
        TCPListener("tcp:8082:interface=127.0.0.1", pool=reads),
    ]
)
