"""PostgreSQL as its clients see it first, in memory."""

from __future__ import annotations

from base64 import b64decode, b64encode
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Report
from balancer.plugins.health import PostgresCheck
from tests.plugins.examined import Examination, FakeTarget

GOODBYE = b"X\0\0\0\x04"


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of the server's."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def asks(method: int, rest: bytes = b"") -> bytes:
    """The server asks for a proof, or with 0 for none."""
    return message(b"R", method.to_bytes(4, "big") + rest)


def error(code: bytes, text: bytes) -> bytes:
    """The server refuses."""
    return message(b"E", b"SFATAL\0VFATAL\0C%s\0M%s\0Fpostmaster.c\0\0" % (code, text))


def row(value: bytes | None) -> bytes:
    """What a query answers."""
    length = -1 if value is None else len(value)
    data = message(b"D", b"\0\x01" + length.to_bytes(4, "big", signed=True) + (value or b""))
    return message(b"T", b"\0\x01pg\0") + data + message(b"C", b"SELECT 1\0") + READY


READY = message(b"Z", b"I")
IN = asks(0) + message(b"S", b"server_version\x0015\0") + message(b"K", bytes(8)) + message(b"N", b"\0") + READY
NO_ROWS = message(b"T", b"\0\0") + message(b"C", b"SELECT 0\0") + READY
FULL = PostgresCheck(user="me", database="app", password="s3cret", query="select ok()")


def proofs(examined: Examination) -> list[bytes]:
    """What we have said since the startup, message by message."""
    said = examined.target.transport.value()
    said = said[int.from_bytes(said[:4], "big") :]
    found = []
    while said:
        end = 1 + int.from_bytes(said[1:5], "big")
        found.append(said[:1] + said[5:end])
        said = said[end:]
    return found


def test_provides_the_interface() -> None:
    """It is a health check, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, FULL)
    assert IPlugin.providedBy(PostgresCheck)
    assert IHealthCheckPlugin.providedBy(PostgresCheck)


def test_says_who_it_is() -> None:
    """The startup message names user, database and us."""
    assert Examination(FULL).target.transport.value() == (
        b"\0\0\0\x38\0\x03\0\0user\0me\0database\0app\0application_name\0balancer\0\0"
    )
    assert Examination(PostgresCheck()).target.transport.value() == (
        b"\0\0\0\x31\0\x03\0\0user\0balancer\0application_name\0balancer\0\0"
    )


@pytest.mark.parametrize(("value", "role"), [(b"t", "standby"), (b"f", "primary")])
@given(cuts=st.lists(st.integers(1, 200), max_size=6))
def test_tells_its_role(value: bytes, role: str, cuts: list[int]) -> None:
    """Whether it is in recovery is the tag, however the answers were cut; then leave is taken."""
    examined, said = Examination(PostgresCheck(user="me")), IN + row(value)
    for start, stop in pairwise([0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]):
        assert examined.outcome == []
        examined.says(said[start:stop])
    assert examined.outcome == [Report(tags=frozenset({role}), detail=role)]
    assert proofs(examined) == [b"Qselect pg_is_in_recovery()\0", b"X"]
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize(("value", "healthy"), [(b"t", True), (b"0", True), (b"", True), (b"f", False), (None, False)])
def test_a_query(value: bytes | None, healthy: bool) -> None:
    """A query of the user's must answer something that is neither false nor null."""
    examined = Examination(PostgresCheck(user="me", query="select ok()")).says(IN, row(b"f"), row(value))
    assert proofs(examined)[1:] == [b"Qselect ok()\0", b"X"]
    if healthy:
        assert examined.outcome[0].tags == {"primary"}
    else:
        assert examined.evidence.startswith("query: expected a value that is not false, got ")


@pytest.mark.parametrize("answer", [NO_ROWS, message(b"I") + READY, message(b"D", b"\0\0") + READY])
def test_a_query_without_a_value(answer: bytes) -> None:
    """A query that answers nothing is no sign of health."""
    examined = Examination(PostgresCheck(user="me", query="select")).says(IN, row(b"f"), answer)
    assert examined.evidence == "query: expected a value that is not false, got nothing"


def test_a_query_that_fails() -> None:
    """The server's error is the evidence."""
    examined = Examination(PostgresCheck(user="me", query="selec")).says(
        IN, row(b"f"), error(b"42601", b"syntax error")
    )
    assert examined.evidence == "'FATAL 42601: syntax error'"
    assert proofs(examined)[-1] == b"X"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (asks(10, b"SCRAM-SHA-256\0\0"), []),
        (asks(3), []),
        (message(b"v", bytes(8)) + asks(5, b"salt"), []),
        (asks(0), [b"X"]),
        (error(b"28000", b'role "balancer" does not exist'), []),
        (error(b"28P01", b"no"), []),
        (error(b"3D000", b"no such database"), []),
    ],
)
def test_without_a_user(said: bytes, left: list[bytes]) -> None:
    """A server that asks who we are, or does not know us, is alive."""
    examined = Examination(PostgresCheck()).says(said)
    assert examined.outcome == [None]
    assert proofs(examined) == left


@pytest.mark.parametrize("user", [None, "me"])
@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (error(b"57P03", b"the database system is starting up"), "'FATAL 57P03: the database system is starting up'"),
        (error(b"53300", b"too many clients"), "'FATAL 53300: too many clients'"),
        (message(b"E", b"\xff"), "' : '"),
        (b"HTTP/1.1 400 Bad Request\r\n", "expected an answer of PostgreSQL, got 'HTTP/'"),
        (b"R\0\0\0\x03", r"expected an answer of PostgreSQL, got 'R\x00\x00\x00\x03'"),
        (b"R\x7f\0\0\0", r"expected an answer of PostgreSQL, got 'R\x7f\x00\x00\x00'"),
        (READY, "expected to be asked who we are, got 'ZI'"),
        (b"", "expected an answer of PostgreSQL, got nothing, then the end"),
        (asks(3)[:7], r"expected an answer of PostgreSQL, got '\x00\x00', then the end"),
        (b"x" * 2**20, "expected an answer of PostgreSQL, got 'xxxxx'"),
        (message(b"N", b"x" * 30000) * 30, "expected an answer of PostgreSQL, got "),
    ],
)
def test_what_is_not_alive(user: str | None, said: bytes, evidence: str) -> None:
    """One that is starting or full, or that is no PostgreSQL, fails the check, and that is told."""
    assert Examination(PostgresCheck(user=user)).says(said).ends().evidence.startswith(evidence)


@pytest.mark.parametrize(
    ("method", "rest", "private", "proof"),
    [
        (3, b"", True, b"ps3cret\0"),
        (5, b"salt", False, b"pmd56bd7a3484e37de97c84ac1e5e4ab9997\0"),
    ],
)
def test_proves_itself(method: int, rest: bytes, private: bool, proof: bytes) -> None:
    """A password is said as it is where nobody else hears it, and by MD5 where the server wants that."""
    examined = Examination(FULL, FakeTarget(private=private)).says(asks(method, rest))
    assert proofs(examined) == [proof]
    examined.says(IN, row(b"t"), row(b"t"))
    assert examined.outcome[0].tags == {"standby"}


def test_proves_itself_by_scram() -> None:
    """A login by SCRAM-SHA-256 has two steps, and the server has to prove itself, too."""
    examined = Examination(FULL).says(asks(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
    (first,) = proofs(examined)
    assert first.startswith(b"pSCRAM-SHA-256\0\0\0\0")
    nonce = first.partition(b",r=")[2]
    examined.says(asks(11, b"r=%s0,s=%s,i=4096" % (nonce, b64encode(b"salt"))))
    final = proofs(examined)[1]
    assert final.startswith(b"pc=biws,r=%s0,p=" % nonce)
    assert len(b64decode(final.rpartition(b",p=")[2])) == 32
    assert examined.says(asks(12, b"v=AAAA")).evidence == "it does not prove that it knows the password itself"
    assert nonce != proofs(Examination(FULL).says(asks(10, b"SCRAM-SHA-256\0\0")))[0].partition(b",r=")[2]


@pytest.mark.parametrize(
    ("check", "said", "evidence"),
    [
        (FULL, asks(3), "it asks for the password in the clear; give the pool tls=..., or use SCRAM-SHA-256"),
        (FULL, asks(7), "it asks for a proof of kind 7, which is none of SCRAM-SHA-256, MD5, password"),
        (FULL, asks(10, b"OTHER\0\0"), r"expected to be asked for SCRAM-SHA-256, got 'OTHER\x00\x00'"),
        (FULL, asks(10, b"SCRAM-SHA-256\0\0") + asks(0), "expected step 11 of SCRAM-SHA-256, got 0"),
        (FULL, asks(5, b"salt") + asks(3, b"?"), "expected to be let in, got '?'"),
        (FULL, asks(5, b"salt") + error(b"28P01", b"no"), "'FATAL 28P01: no'"),
        (FULL, message(b"R"), "expected to be asked who we are, got 'R'"),
        (PostgresCheck(user="me"), asks(5, b"salt"), "it asks 'me' for a password; give one"),
    ],
)
def test_a_login_that_fails(check: PostgresCheck, said: bytes, evidence: str) -> None:
    """What keeps us out is told, without the password, and what is no login is not taken leave of."""
    examined = Examination(check).says(said)
    assert examined.evidence == evidence
    assert b"X" not in proofs(examined)
    assert "s3cret" not in repr(check) + evidence


@given(st.sampled_from([FULL, PostgresCheck()]), st.lists(st.binary(min_size=1) | st.just(IN), max_size=5))
def test_any_bytes_come_to_a_verdict(check: Any, pieces: list[bytes]) -> None:
    """Whatever a backend sends before it closes, there is one verdict."""
    examined = Examination(check).says(*pieces).ends()
    assert examined.outcome == [None] or examined.evidence
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize(
    ("make", "mistakes"),
    [
        (lambda: PostgresCheck(user=""), ["user: '' is not a text, or empty, too long, "]),
        (lambda: PostgresCheck(user="a", password=b"s3cret"), ["password: it is not a text, "]),  # type: ignore[arg-type]  # wrong
        (lambda: PostgresCheck(password="s3cret"), ["password: it would be ignored without a user; "]),
        (
            lambda: PostgresCheck(database="a", query="b"),
            ["database: 'a' would be ignored without a user; ", "query: 'b' would be ignored without a user; "],
        ),
    ],
)
def test_refuses_settings_that_could_not_work(make: Any, mistakes: list[str]) -> None:
    """A setting that could not work is refused in one line with a remedy, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        make()
    for line, mistake in zip(caught.value.mistakes, mistakes, strict=True):
        assert line.startswith(f"PostgresCheck: {mistake}")
        assert "s3cret" not in line
