"""Redis and MySQL as their clients see them first, in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Report
from balancer.plugins.health import MySQLCheck, RedisCheck
from tests.plugins.examined import Examination, in_pieces

PRIMARY = b"*3\r\n$6\r\nmaster\r\n:3129659\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9001\r\n$1\r\n1\r\n"
REPLICA = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:9000\r\n$9\r\nconnected\r\n:3167038\r\n"
PING, ROLE = b"*1\r\n$4\r\nPING\r\n", b"*1\r\n$4\r\nROLE\r\n"


def packet(number: int, payload: bytes) -> bytes:
    """A packet of MySQL's protocol."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = packet(0, b"\x0a10.11.6-MariaDB\0" + bytes(40))
OK = b"\0\0\0\x02\0\0\0"


CUTS = st.lists(st.integers(1, 120), max_size=6)


@pytest.mark.parametrize("check", [RedisCheck(), MySQLCheck()], ids=repr)
def test_provides_the_interface(check: Any) -> None:
    """Each is a health check, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, check)
    assert IPlugin.providedBy(type(check))
    assert IHealthCheckPlugin.providedBy(type(check))


@given(CUTS)
def test_redis_tells_its_role(cuts: list[int]) -> None:
    """The role is the tag, however the answers were cut; nothing but PING and ROLE is asked."""
    examined = Examination(RedisCheck())
    assert examined.target.transport.value() == PING + ROLE
    in_pieces(examined, b"+PONG\r\n*3\r\n$6\r\nmaster\r\n", cuts)
    assert examined.outcome == [Report(tags=frozenset({"primary"}), detail="primary")]
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize(("said", "role"), [(PRIMARY, "primary"), (REPLICA, "replica")])
def test_redis_may_have_to_have_a_role(said: bytes, role: Any) -> None:
    """With a role only who has it is healthy."""
    other: Any = "replica" if role == "primary" else "primary"
    assert Examination(RedisCheck(role=role)).says(b"+PONG\r\n" + said).outcome[0].tags == {role}
    assert Examination(RedisCheck(role=other)).says(b"+PONG\r\n" + said).evidence == f"it is {role}, expected {other}"


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"-NOPERM no permission\r\n", "without a role: '-NOPERM no permission'"),
        (b"*2\r\n$8\r\nsentinel\r\n*0\r\n", "'sentinel'"),
    ],
)
def test_redis_without_a_role(said: bytes, detail: str) -> None:
    """One that has no role, or does not tell, is healthy without a tag, unless there must be one."""
    assert Examination(RedisCheck()).says(b"+PONG\r\n", said).outcome == [Report(tags=frozenset(), detail=detail)]
    check = RedisCheck(role="primary")
    assert Examination(check).says(b"+PONG\r\n", said).evidence == f"it is {detail}, expected primary"


@pytest.mark.parametrize(
    ("user", "login"),
    [
        (None, b"*2\r\n$4\r\nAUTH\r\n$7\r\ns3cr\xc3\xa9t\r\n"),
        ("me", b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$7\r\ns3cr\xc3\xa9t\r\n"),
    ],
)
def test_redis_logs_in(user: str | None, login: bytes) -> None:
    """The password goes before all else, with the user if there is one, and is never shown."""
    check = RedisCheck(password="s3cr\u00e9t", user=user)
    examined = Examination(check)
    assert examined.target.transport.value() == login + PING + ROLE
    examined.says(b"+OK\r\n+PONG\r\n" + REPLICA)
    assert examined.outcome[0].tags == {"replica"}
    refused = Examination(check).says(b"-WRONGPASS invalid\r\n-NOAUTH\r\n-NOAUTH\r\n")
    assert refused.evidence == "AUTH: expected '+OK', got '-WRONGPASS invalid'"
    assert "s3cr" not in repr(check)


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (b"-LOADING Redis is loading\r\n", "PING: expected '+PONG', got '-LOADING Redis is loading'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "PING: expected '+PONG', got 'HTTP/1.1 400 Bad Request'"),
        (b"", "expected an answer to PING, got nothing, then the end"),
        (b"+PONG\r\n*", "expected an answer to ROLE, got '*', then the end"),
        (b"+PONG\r\n*3\r\n", "expected the length of a role, got nothing, then the end"),
        (b"+PONG\r\n*3\r\n$6\r\nmas", "expected a role, got 'mas', then the end"),
        (b"x" * 2**20, "expected an answer to PING, got 'xxx"),
    ],
)
def test_redis_that_is_none(said: bytes, evidence: str) -> None:
    """Whatever else comes fails the check, and is told."""
    assert Examination(RedisCheck()).says(said).ends().evidence.startswith(evidence)


@given(CUTS)
def test_mysql_greets(cuts: list[int]) -> None:
    """Without a user the greeting is enough, and nothing is said."""
    examined = in_pieces(Examination(MySQLCheck()), GREETING, cuts)
    assert examined.outcome == [None]
    assert examined.target.transport.value() == b""
    assert examined.target.transport.disconnecting


@given(CUTS)
def test_mysql_lets_in(cuts: list[int]) -> None:
    """A user logs in without a password, and takes leave."""
    examined = in_pieces(Examination(MySQLCheck(user="me")), GREETING + packet(2, OK), cuts)
    assert examined.outcome == [None]
    login, _, left = examined.target.transport.value().partition(b"mysql_native_password\0")
    assert login[:4] == packet(1, bytes(len(login) - 4 + 22))[:4]
    assert login.endswith(bytes(23) + b"me\0\0")
    assert left == b"\x01\0\0\0\x01"


@pytest.mark.parametrize(
    ("way", "proof"), [(b"mysql_native_password", b"\0\0\0\x03"), (b"caching_sha2_password", b"\x01\0\0\x03\0")]
)
def test_mysql_asks_in_another_way(way: bytes, proof: bytes) -> None:
    """A server that wants the proof in another way is told in it that there is no password."""
    examined = Examination(MySQLCheck(user="me")).says(GREETING, packet(2, b"\xfe" + way + b"\0" + bytes(21)))
    assert examined.target.transport.value().endswith(proof)
    assert examined.says(packet(4, OK)).outcome == [None]
    assert examined.target.transport.value().endswith(b"\x01\0\0\0\x01")


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (packet(0, b"\xff\x10\x04Too many connections"), "error 1040: 'Too many connections'"),
        (packet(0, b"\xff\x10\x04#08004Too many connections"), "error 1040: 'Too many connections'"),
        (packet(0, b"\x09old"), r"expected a greeting of protocol 10, got '\told'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "expected a greeting, got 'HTTP'"),
        (bytes(4), r"expected a greeting, got '\x00\x00\x00\x00'"),
        (GREETING[:9], r"expected a greeting, got '\n10.1', then the end"),
        (b"", "expected a greeting, got nothing, then the end"),
        (GREETING + packet(2, b"\xff\x15\x04#28000Access denied"), "error 1045: 'Access denied'"),
        (GREETING + packet(2, b"\x01more"), r"expected a login without a password, got '\x01more'"),
        (GREETING, "expected an answer to the login, got nothing, then the end"),
        (b"\x00\x40\x00\x00" + b"x" * 2**20, "expected a greeting of protocol 10, got 'xxx"),
    ],
)
def test_mysql_that_is_none(said: bytes, evidence: str) -> None:
    """Whatever else comes fails the check, and is told."""
    examined = Examination(MySQLCheck(user="me")).says(said).ends()
    assert examined.evidence.startswith(evidence)
    assert not examined.target.transport.value().endswith(b"\x01\0\0\0\x01")


@given(st.sampled_from([RedisCheck(password="x"), MySQLCheck(user="x")]), st.lists(st.binary(min_size=1), max_size=5))
def test_any_bytes_come_to_a_verdict(check: Any, pieces: list[bytes]) -> None:
    """Whatever a backend sends before it closes, there is one verdict."""
    examined = Examination(check).says(*pieces).ends()
    assert examined.evidence
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (lambda: RedisCheck(password=""), "RedisCheck: password: it is not a text, or empty, too long, "),
        (lambda: RedisCheck(password=b"s3cret"), "RedisCheck: password: it is not a text, or empty, too long, "),  # type: ignore[arg-type]  # wrong
        (lambda: RedisCheck(password="x", user=5), "RedisCheck: user: 5 is not a text, "),  # type: ignore[arg-type]  # wrong
        (lambda: RedisCheck(user="me"), "RedisCheck: user: 'me' would be ignored without a password; "),
        (lambda: RedisCheck(role="master"), "RedisCheck: role: 'master' is no role; "),  # type: ignore[arg-type]  # wrong
        (lambda: MySQLCheck(user="a\0b"), "MySQLCheck: user: 'a\\x00b' is not a text, "),
    ],
)
def test_refuses_settings_that_could_not_work(make: Any, mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        make()
    (line,) = caught.value.mistakes
    assert line.startswith(mistake)
    assert "s3cret" not in line
