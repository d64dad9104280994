"""How a client of PostgreSQL asks for TLS: what it is answered, and who may not go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.starttls import OPENINGS, PostgresOpening, Step
from balancer.errors import StartTLSRefused
from balancer.testing import splits

TLS = b"\0\0\0\x08\x04\xd2\x16\x2f"
GSS = b"\0\0\0\x08\x04\xd2\x16\x30"
CANCEL = b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes(8)
STARTUP = b"\0\0\0\x12\0\3\0\0user\0ann\0\0"
HELLO = b"\x16\x03\x01\0\x05hello"


def refusal(*pieces: bytes) -> StartTLSRefused:
    """Why a client is refused that says this."""
    opening = PostgresOpening()
    for piece in pieces[:-1]:
        opening.feed(piece)
    with pytest.raises(StartTLSRefused) as caught:
        opening.feed(pieces[-1])
    return caught.value


@given(splits(TLS))
def test_a_question_for_tls(cut: list[bytes]) -> None:
    """However the question is cut, it has its answer with the last byte, and TLS begins behind that."""
    opening = PostgresOpening()
    steps = [opening.feed(piece) for piece in cut]
    assert steps[-1] == Step(b"S", tls=b"")
    assert all(step == Step() for step in steps[:-1])


def test_a_question_for_gssapi_comes_first() -> None:
    """A client that would rather have GSSAPI is told that there is none, and may then ask for TLS."""
    opening = PostgresOpening()
    assert [opening.feed(GSS), opening.feed(TLS)] == [Step(b"N"), Step(b"S", tls=b"")]
    assert "twice" in str(refusal(GSS, GSS))


def test_tls_at_once() -> None:
    """A client that begins with TLS keeps every byte that it has sent."""
    assert PostgresOpening().feed(HELLO) == Step(tls=HELLO)
    assert PostgresOpening().feed(HELLO[:1]) == Step(tls=HELLO[:1])


@pytest.mark.parametrize("question", [TLS, GSS])
def test_what_comes_before_the_answer(question: bytes) -> None:
    """Who sends on before it is answered is cut without a word: that may be somebody else in the middle."""
    for behind in (b"\x16", STARTUP):
        error = refusal(question + behind)
        assert ("attack" in str(error), error.answer) == (True, b"")
    assert "attack" in str(refusal(question[:3] + b"\x09" + question[4:]))


@pytest.mark.parametrize(("said", "asks"), [(STARTUP, "start a session"), (CANCEL, "cancel a query")])
def test_in_the_clear(said: bytes, asks: str) -> None:
    """Who does not ask for TLS is told that it must, as an error that its user gets to see."""
    for pieces in ((said,), (said[:5], said[5:]), (GSS, said)):
        error = refusal(*pieces)
        assert str(error) == f"it wants to {asks} without TLS"
        kind, size, *fields = error.answer[:1], int.from_bytes(error.answer[1:5]), *error.answer[5:].split(b"\0")
        assert (kind, size + 1) == (b"E", len(error.answer))
        assert fields[:4] == [b"SFATAL", b"VFATAL", b"C28000", b"Mconnections must use TLS"]
        assert fields[-2:] == [b"", b""]


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n", b"\0\1", b"\0\0\0\x08\0\2\0\0", b"\0\0\xff\xff\0\3\0\0", b"\0\0\0\x04\0\3\0\0", bytes(8)],
)
def test_other_protocols(said: bytes) -> None:
    """What is no message of PostgreSQL, or of an old version or size that it has not, is refused without an answer."""
    assert refusal(said).answer == b""


def test_tls_after_a_question_for_gssapi() -> None:
    """A client that has asked goes on asking; TLS without a question is then an error."""
    assert refusal(GSS, HELLO).answer == b""


@given(st.binary(min_size=8))
def test_whatever_comes_decides(said: bytes) -> None:
    """Eight bytes decide, and anything but the two questions and TLS is refused."""
    try:
        step = PostgresOpening().feed(said)
    except StartTLSRefused:
        return
    assert said.startswith(b"\x16") or said in {TLS, GSS}
    assert step.tls is not None or step.answer == b"N"


def test_by_name() -> None:
    """A listener names the protocol that its clients begin with."""
    assert isinstance(OPENINGS["postgres"](), PostgresOpening)
