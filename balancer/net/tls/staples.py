"""OCSP answers to send along with certificates, from files beside them; refuses to ask anybody for one."""

from __future__ import annotations

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import Hash
from cryptography.x509 import ocsp

from balancer.net.tls.files import Unreadable, beside, content
from balancer.net.tls.pairs import Pair


@attrs.frozen
class Staple:
    """An answer in DER, as it came from the file at `path`. It holds from `begins` to `ends`, seconds since 1970."""

    path: str
    data: bytes
    begins: float
    ends: float

    def holds(self, now: float) -> bool:
        """Whether it is of any use to a client."""
        return self.begins <= now < self.ends


def read_staple(pair: Pair) -> Staple | None:
    """The answer beside the file of a certificate, if there is one.

    Raises `Unreadable` for one that no client would take: for another certificate, or one that is not good, or for
    which no newer one was promised. Its signature is for clients to check.
    """
    for path in filter(None, map(beside, pair.paths)):
        data = content(path)
        try:
            return _checked(pair, path, data, _answer(data))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Unreadable(f"{path}: {error}; it is not sent") from error
    return None


def _answer(data: bytes) -> ocsp.OCSPResponse:
    """Raises `ValueError`."""
    try:
        return ocsp.load_der_ocsp_response(data)
    except ValueError as error:
        raise ValueError("is no OCSP answer in DER, as openssl ocsp -respout writes it") from error


def _checked(pair: Pair, path: str, data: bytes, answer: ocsp.OCSPResponse) -> Staple:
    """Raises `ValueError` with what is wrong."""
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"is no answer but {answer.response_status.name}")
    digest = Hash(answer.hash_algorithm)
    digest.update(pair.certificate.issuer.public_bytes())
    if (answer.serial_number, answer.issuer_name_hash) != (pair.certificate.serial_number, digest.finalize()):
        raise ValueError(f"is about another certificate than that in {pair.paths[0]}")
    if answer.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise ValueError(f"says that the certificate is {answer.certificate_status.name}")
    if answer.next_update_utc is None:
        raise ValueError("does not say until when it holds")
    return Staple(path, data, answer.this_update_utc.timestamp(), answer.next_update_utc.timestamp())
