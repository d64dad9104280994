"""Which OCSP answers are sent along with a certificate, and why others are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from balancer.net.tls.files import Unreadable
from balancer.net.tls.pairs import Pair
from balancer.net.tls.staples import read_staple
from tests.net.authority import FUTURE, PAST, Authority

AUTHORITY = Authority()
LEAF, OTHER = AUTHORITY.leaf("a.example"), AUTHORITY.leaf("a.example")
BUSY = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)


def endless() -> bytes:
    """An answer that does not say until when it holds."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=LEAF.certificate,
        issuer=AUTHORITY.certificate,
        algorithm=SHA1(),  # noqa: S303  what RFC 5019 asks for: a name for the issuer, not a proof
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=PAST,
        next_update=None,
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, AUTHORITY.certificate)
    return builder.sign(AUTHORITY.key, SHA256()).public_bytes(Encoding.DER)


def pair(folder: Path) -> Pair:
    """The certificate, as it would be found in two files of a folder."""
    return Pair((str(folder / "cert.pem"), str(folder / "fullchain.pem")), LEAF.certificate, LEAF.key)


@pytest.mark.parametrize("name", ["cert.ocsp", "fullchain.ocsp"])
def test_an_answer_beside_the_certificate(tmp_path: Path, name: str) -> None:
    """An answer beside any file of the certificate is taken as it is, with the time for which it holds."""
    answer = AUTHORITY.ocsp(LEAF)
    (tmp_path / name).write_bytes(answer)
    staple = read_staple(pair(tmp_path))
    assert staple is not None
    assert (staple.path, staple.data) == (str(tmp_path / name), answer)
    begins, ends = PAST.timestamp(), FUTURE.timestamp()
    assert (staple.begins, staple.ends) == (begins, ends)
    assert [staple.holds(now) for now in (begins - 1, begins, ends - 1, ends)] == [False, True, True, False]


def test_none_is_none(tmp_path: Path) -> None:
    """Where there is no answer, none is sent."""
    assert read_staple(pair(tmp_path)) is None


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"no answer", "is no OCSP answer in DER, as openssl ocsp -respout writes it; it is not sent"),
        (BUSY, "is no answer but TRY_LATER"),
        (AUTHORITY.ocsp(OTHER), "is about another certificate than that in "),
        (AUTHORITY.ocsp(LEAF, revoked=True), "says that the certificate is REVOKED; it is not sent"),
        (endless(), "does not say until when it holds; it is not sent"),
    ],
)
def test_answers_that_no_client_would_take(tmp_path: Path, answer: bytes, line: str) -> None:
    """An answer that helps no client is not sent, and why is told in a line that names its file."""
    path = tmp_path / "cert.ocsp"
    path.write_bytes(answer)
    with pytest.raises(Unreadable) as caught:
        read_staple(pair(tmp_path))
    assert str(caught.value).startswith(f"{path}: {line}")
