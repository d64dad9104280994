"""The check of PostgreSQL against a real one: logged in to in every way, and told apart by its role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from balancer.interfaces import Report
from balancer.net.tls.dialing import Secure
from balancer.net.tls.upstream_contexts import Terms, connecting
from balancer.plugins.health import PostgresCheck
from tests.net.authority import Authority
from tests.ports import HOST
from tests.system.databases import USER, database, standby
from tests.system.examining import found
from tests.system.programs import said

PRIMARY = Report(tags=frozenset({"primary"}), detail="primary")
STANDBY = Report(tags=frozenset({"standby"}), detail="standby")
WAYS: Final = {"by_scram": "scram-sha-256", "by_md5": "md5", "by_word": "password"}
"""Roles, and the way by which each is let in."""
SECRET = "s3cr\u00e9t \u2168"


async def test_every_way_to_log_in(reactor: Any, program: Callable[[str], str]) -> None:
    """Roles are let in by SCRAM and by MD5, and by the password itself over TLS alone; whom it refuses it tells so."""
    rules = [f"host all {role} {HOST}/32 {way}" for role, way in WAYS.items()]
    with database(program, Authority().leaf("db.example"), rules=rules) as port:
        psql = [program("psql"), "-h", HOST, "-p", str(port), "-U", USER, "-X", "-q"]
        for role, way in WAYS.items():
            kept = "md5" if way == "md5" else "scram-sha-256"
            said(
                *psql, "-c", f"set password_encryption='{kept}'", "-c", f"create role {role} login password '{SECRET}'"
            )
        for role in ("by_scram", "by_md5"):
            check = PostgresCheck(user=role, password=SECRET, database="postgres")
            assert await found(reactor, check, port) == PRIMARY
            wrong = await found(reactor, PostgresCheck(user=role, password="wrong"), port)
            assert wrong == f"'FATAL 28P01: password authentication failed for user \"{role}\"'"
            assert await found(reactor, PostgresCheck(user=role), port) == f"it asks '{role}' for a password; give one"
        plain = PostgresCheck(user="by_word", password=SECRET, database="postgres")
        assert str(await found(reactor, plain, port)).startswith("it asks for the password in the clear; ")
        secure = Secure(connecting(Terms(verify=False)), clock=reactor, asks=True)
        assert await found(reactor, plain, port, secure=secure) == PRIMARY
        assert await found(reactor, PostgresCheck(), port) == Report()


async def test_what_it_says_of_itself(reactor: Any, program: Callable[[str], str]) -> None:
    """Primary and standby are told apart, queries are asked, and what is wrong with them is the evidence."""
    with database(program) as port, standby(program, port) as following:
        assert await found(reactor, PostgresCheck(user=USER), port) == PRIMARY
        assert await found(reactor, PostgresCheck(user=USER), following) == STANDBY
        for query, evidence in (
            ("select true", ""),
            ("select 'x', 1 union select 'y', 2", ""),
            ("select 1 > 2", "query: expected a value that is not false, got 'f'"),
            ("select null", "query: expected a value that is not false, got nothing"),
            ("select", "query: expected a value that is not false, got nothing"),
            ("select 1 where 1 > 2", "query: expected a value that is not false, got nothing"),
            ("selec", "'ERROR 42601: syntax error at or near \"selec\"'"),
            ("create table t()", "'ERROR 25006: cannot execute CREATE TABLE in a read-only transaction'"),
        ):
            told = await found(reactor, PostgresCheck(user=USER, query=query), following)
            assert told == (evidence or STANDBY)
        many = PostgresCheck(user=USER, query="select repeat('x', 1000000)")
        assert str(await found(reactor, many, port)).startswith("expected an answer of PostgreSQL, got 'D")
        unknown = await found(reactor, PostgresCheck(user=USER, database="nowhere"), port)
        assert unknown == "'FATAL 3D000: database \"nowhere\" does not exist'"
