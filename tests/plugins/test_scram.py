"""The client's side of SCRAM-SHA-256, by the example of RFC 7677 and by what a server might get wrong."""

from __future__ import annotations

import pytest

from balancer.errors import CheckFailed
from balancer.plugins.scram import ROUNDS, Scram

NONCE = b"rOprNGfwEbeRWgbNEkqO"
BOTH = NONCE + b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = b"r=" + BOTH + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=" + BOTH + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
PROOF = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_example_of_the_standard() -> None:
    """Both sides' proofs are those of RFC 7677, section 3."""
    scram = Scram("pencil", NONCE, b"user")
    assert scram.first() == b"n,,n=user,r=" + NONCE
    assert scram.final(FIRST) == FINAL
    scram.verify(PROOF)


def test_leaves_the_user_to_others() -> None:
    """Without a user the name is empty."""
    assert Scram("pencil", NONCE).first() == b"n,,n=,r=" + NONCE


@pytest.mark.parametrize("proof", [b"", b"v=", PROOF[:-2] + b"5=", b"e=invalid-proof"])
def test_a_server_that_does_not_know_the_password(proof: bytes) -> None:
    """A server has to prove itself, too."""
    scram = Scram("pencil", NONCE, b"user")
    scram.final(FIRST)
    with pytest.raises(CheckFailed, match="does not prove"):
        scram.verify(proof)


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (b"", "makes no sense"),
        (b"r=x", "makes no sense"),
        (FIRST.replace(b"i=4096", b"i=many"), "makes no sense"),
        (FIRST.replace(b"==", b"=!"), "makes no sense"),
        (FIRST.replace(b"==", b""), "makes no sense"),
        (FIRST.replace(BOTH, b"another"), "is not for us"),
        (FIRST.replace(b"4096", b"0"), "asks for 0 rounds; 100000 at most"),
        (FIRST.replace(b"4096", b"%d" % (ROUNDS + 1)), "asks for 100001 rounds"),
    ],
)
def test_an_answer_that_makes_no_sense(answer: bytes, evidence: str) -> None:
    """What cannot be an answer to us, or would keep us busy, is refused."""
    with pytest.raises(CheckFailed, match=evidence):
        Scram("pencil", NONCE).final(answer)


def test_passwords_that_are_written_in_two_ways() -> None:
    """Spaces of any width, letters of any form and soft hyphens make no difference (SASLprep)."""
    plain, fancy = Scram("a IX b", NONCE), Scram("a\u00ad\u00a0\u2168\u3000b", NONCE)
    assert plain.final(FIRST) == fancy.final(FIRST)
    assert Scram("A ix b", NONCE).final(FIRST) != plain.final(FIRST)
