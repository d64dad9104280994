"""Each check of a protocol finds its real server well, or says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from balancer.interfaces import Kind, Report
from balancer.plugins.health import (
    DNSCheck,
    Expect,
    MQTTCheck,
    MySQLCheck,
    RedisCheck,
    Script,
    Send,
    SendExpect,
    SMTPCheck,
    TLSCheck,
)
from tests.net.authority import PAST, Authority
from tests.ports import HOST, free_ports
from tests.system.databases import given, unprivileged
from tests.system.examining import found
from tests.system.programs import Program, said

Find = Callable[[str], str]
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def port() -> int:
    """One that is free."""
    return free_ports(1)[0]


def redis(program: Find, folder: Path, port: int, *settings: str) -> Program:
    """A store of its own."""
    alone = ["--port", str(port), "--bind", HOST, "--dir", str(folder), "--save", "", "--repl-diskless-sync-delay", "0"]
    return Program(program("redis-server"), *alone, *settings)


async def test_redis(reactor: Any, program: Find, tmp_path: Path, port: int) -> None:
    """Primaries and replicas are told apart, users logged in, and what Redis says against it is the evidence."""
    (follower,) = free_ports(1)
    users = ["--requirepass", "s3cret", "--user", "probe", "on", ">other", "+ping"]
    follows = ["--replicaof", f"{HOST} {port}", "--masterauth", "s3cret"]
    with redis(program, tmp_path, port, *users) as store, redis(program, tmp_path, follower, *follows) as replica:
        store.says("Ready to accept connections")
        replica.says("Finished with success")
        primary = Report(tags=frozenset({"primary"}), detail="primary")
        assert await found(reactor, RedisCheck(password="s3cret", role="primary"), port) == primary
        assert await found(reactor, RedisCheck(role="replica"), follower) == Report(
            tags=frozenset({"replica"}), detail="replica"
        )
        assert await found(reactor, RedisCheck(role="primary"), follower) == "it is replica, expected primary"
        told = await found(reactor, RedisCheck(user="probe", password="other"), port)
        assert isinstance(told, Report)
        assert told.tags == frozenset()
        assert told.detail.startswith("without a role: \"-NOPERM this user has no permissions to run the 'role'")
        assert await found(reactor, RedisCheck(), port) == (
            "PING: expected '+PONG', got '-NOAUTH Authentication required.'"
        )
        wrong = await found(reactor, RedisCheck(password="wrong"), port)
        assert str(wrong).startswith("AUTH: expected '+OK', got '-WRONGPASS ")
        script = SendExpect([Send("PING\r\n"), Expect(re.compile(r"^\+PONG\r\n")), Send("QUIT\r\n")])
        assert await found(reactor, script, follower) == Report()
    refused = await found(reactor, RedisCheck(), port)
    assert refused == f"{HOST}:{port}: Connection refused"


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder of those whom root may not be."""
    with TemporaryDirectory(prefix="mariadb-") as folder:
        given(folder)
        yield Path(folder)


async def test_mysql(reactor: Any, program: Find, unprivileged_folder: Path, port: int) -> None:
    """A greeting will do, a user without a password is let in, and whom the server refuses it tells so."""
    home, sql = f"--datadir={unprivileged_folder / 'data'}", unprivileged_folder / "init.sql"
    sql.write_text("create user probe@'127.0.0.1';\n")
    said(*unprivileged(), program("mariadb-install-db"), "--no-defaults", home, "--skip-test-db")
    alone = ["--no-defaults", home, f"--bind-address={HOST}", f"--port={port}", f"--init-file={sql}"]
    quick = [f"--socket={unprivileged_folder / 'socket'}", "--skip-name-resolve"]
    with Program(*unprivileged(), program("mariadbd"), *alone, *quick) as server:
        server.says("ready for connections")
        assert await found(reactor, MySQLCheck(), port) == Report()
        assert await found(reactor, MySQLCheck(user="probe"), port) == Report()
        denied = await found(reactor, MySQLCheck(user="nobody"), port)
        assert str(denied).startswith("error 1045: \"Access denied for user 'nobody'@")
    assert await found(reactor, MySQLCheck(), port) == f"{HOST}:{port}: Connection refused"


async def test_smtp(reactor: Any, program: Find, port: int) -> None:
    """A mail server greets us and lets us go, and one that turns everybody away is not well."""
    command = [program("msmtpd"), f"--interface={HOST}", f"--port={port}", "--command=cat"]
    with Program(*command):
        await reached(reactor, SMTPCheck(helo="lb.example.com"), port)
        assert await found(reactor, SMTPCheck(helo="lb.example.com"), port) == Report()
        script = SendExpect([Expect("220 "), Send("NOOP\r\n"), Expect("354 "), Send("QUIT\r\n")])
        assert str(await found(reactor, script, port)).startswith("step 3: expected '354 ', got ")


async def test_mqtt(reactor: Any, program: Find, tmp_path: Path, port: int) -> None:
    """A broker lets us in by either version, with the right password, and says why it does not."""
    passwords, config = tmp_path / "passwords", tmp_path / "mosquitto.conf"
    said(program("mosquitto_passwd"), "-b", "-c", str(passwords), "probe", "s3cret")
    passwords.chmod(0o644)
    config.write_text(f"listener {port} {HOST}\nallow_anonymous false\npassword_file {passwords}\nuser root\n")
    with Program(program("mosquitto"), "-c", str(config)) as broker:
        broker.says("running")
        for version in (4, 5):
            check: Any = MQTTCheck(version=version, user="probe", password="s3cret")
            assert await found(reactor, check, port) == Report()
            wrong: Any = MQTTCheck(version=version, user="probe", password="wrong")
            assert str(await found(reactor, wrong, port)).startswith("it refuses: it does not let us in (code 0x")
        broker.says("disconnected")
    assert "protocol error" not in broker.out


async def test_dns(reactor: Any, program: Find, tmp_path: Path, port: int) -> None:
    """A name is looked up over UDP and over TCP, and compared with what is expected."""
    where = [f"--port={port}", f"--listen-address={HOST}", "--bind-interfaces", f"--pid-file={tmp_path / 'pid'}"]
    alone = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/example/"]
    records = [
        "--host-record=a.example,192.0.2.1,2001:db8::1",
        "--txt-record=a.example,one two",
        "--mx-host=a.example,m.example,5",
    ]
    with Program(program("dnsmasq"), *alone, *where, *records) as server:
        server.says("started")
        for kinds in ((Kind.UDP,), (Kind.TCP,)):
            for type_, text in (("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("TXT", "one two"), ("MX", "m.example")):
                check = DNSCheck("a.example", type_, expect=text)
                assert await found(reactor, check, port, kinds=kinds) == Report(detail=repr(text))
            wrong = await found(reactor, DNSCheck("a.example", expect="192.0.2.2"), port, kinds=kinds)
            assert wrong == "a.example A: expected '192.0.2.2', got '192.0.2.1'"
            assert await found(reactor, DNSCheck("b.example"), port, kinds=kinds) == "b.example A: NXDOMAIN"
    for kinds in ((Kind.UDP,), (Kind.TCP,)):
        refused = await found(reactor, DNSCheck("a.example"), port, kinds=kinds)
        assert str(refused).startswith(f"{HOST}:{port}: Connection ")


async def test_tls(reactor: Any, program: Find, tmp_path: Path, port: int) -> None:
    """The certificate that OpenSSL's server shows is verified, and its days are counted."""
    authority = Authority()
    leaf = authority.leaf("a.example", valid=(PAST, NOW + timedelta(days=30)))
    certificate, key = leaf.store_apart(tmp_path)
    ca = authority.store(tmp_path)
    command = [program("openssl"), "s_server", "-accept", f"{HOST}:{port}", "-cert", certificate, "-key", key]
    with Program(*command) as server:
        server.says("ACCEPT")
        left = "its certificate ends in 30.0 days, at 2026-12-21 00:00 UTC"
        for check, result in (
            (TLSCheck(name="a.example", ca=ca), Report(detail=left)),
            (TLSCheck(31, name="a.example", ca=ca), f"{left}; 31 or more are wanted"),
            (TLSCheck(name="b.example", ca=ca), "its certificate is not for b.example"),
            (TLSCheck(name="a.example"), "its certificate is not accepted: its issuer is not known"),
            (TLSCheck(verify=False), Report(detail=left)),
        ):
            assert await found(reactor, check, port, wall=NOW.timestamp) == result


async def test_a_program(reactor: Any, program: Find, tmp_path: Path, port: int) -> None:
    """A client of the service's own is a check, by its exit status."""
    command = [program("redis-cli"), "-h", HOST, "-p", str(port), "-e", "PING"]
    with redis(program, tmp_path, port) as store:
        store.says("Ready to accept connections")
        assert await found(reactor, Script(command), port) == Report(detail="'PONG'")
        shell = Script(["sh", "-c", 'redis-cli -h "$BALANCER_HOST" -p "$BALANCER_PORT" -e PING'])
        assert await found(reactor, shell, port) == Report(detail="'PONG'")
    assert str(await found(reactor, Script(command), port)).startswith("status 1, and said 'Could not connect to Redis")


async def reached(reactor: Any, check: Any, port: int) -> None:
    """Wait until a server answers that does not say when it is there."""
    while not isinstance(await found(reactor, check, port), Report):
        pass
