"""PostgreSQL over TLS: `psql` checks whom it talks to, wherever TLS ends, and goes on in the clear nowhere."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.net.authority import Authority
from tests.net.hellos import startup
from tests.ports import free_ports
from tests.system.databases import USER, database
from tests.system.process import HOST, LEAN, Front, Process, written
from tests.system.programs import PATIENCE, said

AUTHORITY = Authority()
NAME = "db.example"
ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@attrs.frozen
class Database:
    """A balancer in front of a database, and clients of it that trust the authority alone."""

    psql: str
    port: int
    authority: str

    def place(self, **settings: str) -> str:
        """Where it is, and how to get there."""
        known = {"host": NAME, "hostaddr": HOST, "port": str(self.port), "user": USER, "dbname": USER}
        secure = {"sslmode": "verify-full", "sslrootcert": self.authority}
        return " ".join(f"{name}={value}" for name, value in {**known, **secure, **settings}.items())

    def ask(self, query: str) -> str:
        """What it answers."""
        return said(self.psql, self.place(), "-X", "-A", "-t", "-c", query).strip()

    def refused(self, **settings: str) -> str:
        """What `psql` says that gets in by no such settings."""
        command = [self.psql, self.place(**settings), "-X", "-c", "select 1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 2
        return done.stderr


@contextmanager
def opened(
    program: Callable[[str], str], folder: Path, *, tcp: str = "", pool: str = "", encrypted: bool = False
) -> Iterator[Database]:
    """A balancer with such settings in front of a database of its own, which may speak TLS."""
    authority, leaf = AUTHORITY.store(folder, "authority"), AUTHORITY.leaf(NAME)
    leaf.store(folder, "site")
    tcp, pool = tcp.format(folder=folder), pool.format(folder=folder)
    with database(program, leaf if encrypted else None) as port, Front(folder, port, tcp=tcp, pool=pool) as front:
        yield Database(program("psql"), front.port, authority)


ENDED = "tls=TLS('{folder}/site.pem'), starttls='postgres'"


@pytest.fixture
def ended(program: Callable[[str], str], tmp_path: Path) -> Iterator[Database]:
    """TLS ends at the balancer."""
    with opened(program, tmp_path, tcp=ENDED) as one:
        yield one


def test_ended_here(program: Callable[[str], str], ended: Database) -> None:
    """A client that asks for TLS and checks the certificate is answered, at length and many at once."""
    assert ended.ask(ENCRYPTED) == "f"
    assert len(ended.ask("select repeat('x', 16777216)")) == 16777216
    said(program("pgbench"), "-i", "-q", ended.place())
    done = said(program("pgbench"), "-c", "8", "-t", "100", ended.place())
    assert "processed: 800/800" in done


def test_who_does_not_ask(ended: Database) -> None:
    """A client that would go on in the clear is told by `psql` that it must not."""
    assert "FATAL:  connections must use TLS" in ended.refused(sslmode="disable")
    assert 'server certificate for "db.example"' in ended.refused(host="other.example")


def test_at_once(ended: Database) -> None:
    """A client that begins with TLS agrees on the protocol, and is answered."""
    trust = ssl.create_default_context(cafile=ended.authority)
    trust.set_alpn_protocols(["postgresql"])
    plain = socket.create_connection((HOST, ended.port), timeout=PATIENCE)
    with trust.wrap_socket(plain, server_hostname=NAME) as client:
        assert client.selected_alpn_protocol() == "postgresql"
        client.sendall(startup(b"user", USER.encode()))
        assert client.recv(1) == b"R"


def test_passed_through(program: Callable[[str], str], tmp_path: Path) -> None:
    """Where the balancer ends no TLS, the question and all that follows are for the database."""
    with opened(program, tmp_path, encrypted=True) as one:
        assert one.ask(ENCRYPTED) == "t"


def test_encrypted_anew(program: Callable[[str], str], tmp_path: Path) -> None:
    """TLS that ends at the balancer is begun anew towards the database, which is asked for it and verified."""
    backend = f"tls=UpstreamTLS(ca='{{folder}}/authority.pem', expect='{NAME}', starttls='postgres')"
    with opened(program, tmp_path, tcp=ENDED, pool=backend, encrypted=True) as one:
        assert one.ask(ENCRYPTED) == "t"
        assert len(one.ask("select repeat('x', 16777216)")) == 16777216


@pytest.mark.parametrize("passes", [True, False])
def test_by_a_route(program: Callable[[str], str], tmp_path: Path, passes: bool) -> None:
    """On a port with other protocols, a client that asks for TLS is passed on, or served by a listener of its own."""
    authority, leaf = AUTHORITY.store(tmp_path, "authority"), AUTHORITY.leaf(NAME)
    leaf.store(tmp_path, "site")
    (port,) = free_ports(1)
    serves = "pool=sql" if passes else f"serve=TCPListener(pool=sql, {ENDED.format(folder=tmp_path)})"
    with database(program, leaf if passes else None) as behind:
        text = f"""
from balancer.plugins.first_bytes import PostgresSSL
sql = Pool("sql", backends=["{HOST}:{behind}"])
routes = [Route(PostgresSSL(), {serves}), Route(refuse=True)]
config = Config(TCPListener("tcp:{port}:interface={HOST}", routes=routes), drain=1)
"""
        with Process("--config", written(tmp_path, text), twist=LEAN) as process:
            process.says("TCP on tcp:")
            one = Database(program("psql"), port, authority)
            assert one.ask(ENCRYPTED) == ("t" if passes else "f")
            assert "closed the connection" in one.refused(sslmode="disable")
