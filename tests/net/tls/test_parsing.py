"""Certificates and revocation lists out of blocks: sound ones as they are, and of all others one line."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from balancer.net.tls.files import Block, Unreadable
from balancer.net.tls.parsing import certificate_in, list_in
from tests.net.authority import Authority

AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.leaf("a.example", "192.0.2.1", "spiffe://a/b").certificate
REVOKED = x509.load_pem_x509_crl(AUTHORITY.crl(AUTHORITY))
KINDS: dict[str, tuple[Callable[[Block], Any], Any]] = {
    "CERTIFICATE": (certificate_in, CERTIFICATE),
    "X509 CRL": (list_in, REVOKED),
}


def block(label: str, data: bytes) -> Block:
    """A block of a file."""
    head, tail = (f"-----{word} {label}-----\n".encode() for word in ("BEGIN", "END"))
    return Block("a.pem", label, head + b64encode(data) + b"\n" + tail)


@pytest.mark.parametrize("label", KINDS)
def test_what_is_sound(label: str) -> None:
    """What is sound is what it was."""
    read, sound = KINDS[label]
    assert read(block(label, sound.public_bytes(Encoding.DER))) == sound


@given(st.sampled_from(list(KINDS)), st.data())
def test_whatever_is_broken(label: str, data: st.DataObject) -> None:
    """However a sound one is broken, it is still one, or there is a line that names the file, and nothing else."""
    read, sound = KINDS[label]
    encoded = bytearray(sound.public_bytes(Encoding.DER))
    places = st.tuples(st.integers(0, len(encoded) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=4)):
        encoded[place] = value
    told = ""
    try:
        assert type(read(block(label, bytes(encoded)))) is type(sound)
    except Unreadable as error:
        told = str(error)
    assert told == "" or told.startswith("a.pem: a ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", "7 is not a valid X509 version"),
        (b"Test Authority", b"\xffest Authority", "invalid utf8string"),
    ],
)
def test_what_is_wrong_is_told(old: bytes, new: bytes, why: str) -> None:
    """The line says what is wrong, in the words of whoever noticed: Python's library, or OpenSSL."""
    encoded = CERTIFICATE.public_bytes(Encoding.DER).replace(old, new)
    with pytest.raises(Unreadable) as caught:
        certificate_in(block("CERTIFICATE", encoded))
    assert str(caught.value) == f"a.pem: a certificate in it is malformed ({why}); get it anew"
