"""Pools that go by the roles of databases follow a promotion: what is opened afterwards lands on the new primary."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import Event

from tests.ports import HOST, free_ports
from tests.system.databases import USER, database, standby
from tests.system.examples import EXAMPLES, copied
from tests.system.process import Orderly, written
from tests.system.programs import PATIENCE, Program

Find = Callable[[str], str]
PAUSE = 0.05
"""Seconds between two looks."""

REDIS = """
from balancer.plugins.combinators import Subset
from balancer.plugins.health import RedisCheck

pool = Pool(
    "writes",
    backends={backends},
    algorithm=Subset("primary", otherwise=None),
    health=Health(RedisCheck(), every=0.1, rise=1, fall=1),
    on_down="cut",
)
config = Config([TCPListener("tcp:{port}:interface=127.0.0.1", pool=pool)], drain=1)
"""


def until(true: Callable[[], bool]) -> None:
    """Wait for that, as long as there is patience."""
    for turn in count():
        if true():
            return
        assert turn * PAUSE < PATIENCE, "it has not come to that"
        Event().wait(PAUSE)


def answer(*command: str) -> str:
    """What a client says, or nothing if it cannot connect."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_postgresql(program: Find, tmp_path: Path) -> None:
    """Writes go to the primary and reads to the standby; once that is promoted both go to it, and no more elsewhere."""
    ports = copied([EXAMPLES / "database_roles.py"], tmp_path)
    first, second, writes, reads = (str(ports[own]) for own in (9301, 9302, 8081, 8082))

    def psql(port: str, query: str) -> str:
        return answer(program("psql"), "-h", HOST, "-p", port, "-U", USER, "-X", "-A", "-t", "-c", query)

    def served(port: str) -> str:
        return psql(port, "select inet_server_port()")

    with ExitStack() as living, ExitStack() as primary:
        primary.enter_context(database(program, port=int(first)))
        living.enter_context(standby(program, int(first), port=int(second)))
        assert psql(first, "create role balancer login") == "CREATE ROLE"
        front = living.enter_context(Orderly("--config", str(tmp_path / "database_roles.py")))
        front.says("TCP on tcp:")
        until(lambda: (served(writes), served(reads)) == (first, second))
        assert psql(writes, "create table written as select 1 at") == "SELECT 1"
        until(lambda: psql(reads, "select at from written") == "1")
        primary.close()
        assert psql(second, "select pg_promote()") == "t"
        until(lambda: served(writes) == second)
        assert psql(writes, "insert into written values (2)") == "INSERT 0 1"
        assert [served(port) for port in (writes, reads) * 5] == [second] * 10


def test_redis(program: Find, tmp_path: Path) -> None:
    """Writes go to the primary; when a replica is made one in its place, writes go there, and no more elsewhere."""
    first, second, writes = map(str, free_ports(3))

    def asked(port: str, *words: str) -> str:
        return answer(program("redis-cli"), "-h", HOST, "-p", port, "-e", *words)

    def store(port: str, *settings: str) -> Program:
        folder = tmp_path / port
        folder.mkdir()
        alone = ["--port", port, "--bind", HOST, "--dir", str(folder), "--save", "", "--repl-diskless-sync-delay", "0"]
        return Program(program("redis-server"), *alone, *settings)

    config = written(tmp_path, REDIS.format(backends=[f"{HOST}:{first}", f"{HOST}:{second}"], port=writes))
    with store(first) as primary, store(second, "--replicaof", f"{HOST} {first}") as replica:
        primary.says("Ready to accept connections")
        replica.says("Finished with success")
        with Orderly("--config", config) as front:
            front.says("TCP on tcp:")
            until(lambda: asked(writes, "SET", "key", "1") == "OK")
            assert f"tcp_port:{first}" in asked(writes, "INFO", "server")
            assert asked(second, "REPLICAOF", "NO", "ONE") == "OK"
            assert asked(first, "REPLICAOF", HOST, second) == "OK"
            # Both may be taken for the primary until each has been checked again, and have their turns.
            until(lambda: all(f"tcp_port:{second}" in asked(writes, "INFO", "server") for _ in range(4)))
            assert [asked(writes, "SET", "key", str(number)) for number in range(10)] == ["OK"] * 10
            assert asked(second, "GET", "key") == "9"
