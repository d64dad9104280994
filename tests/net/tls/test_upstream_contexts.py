"""What is made of the files that TLS with backends needs, and what is said of files that are of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from balancer.net.tls.credentials import Unusable
from balancer.net.tls.upstream_contexts import Terms, connecting
from tests.net.authority import Authority


def fault(**settings: Any) -> str:
    """What is wrong with such settings."""
    with pytest.raises(Unusable) as caught:
        connecting(Terms(**settings))
    return str(caught.value)


def test_defaults_verify() -> None:
    """Without a word certificates are verified, and by the store of the system."""
    context = connecting(Terms())
    assert context.get_verify_mode() == SSL.VERIFY_PEER
    assert connecting(Terms(verify=False)).get_verify_mode() == SSL.VERIFY_NONE


def test_files_that_are_of_no_use(tmp_path: Path) -> None:
    """Each is one line, with its name and what to do."""
    authority = Authority()
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    ca = authority.store(tmp_path)
    absent = str(tmp_path / "absent.pem")
    assert fault(ca=absent).startswith(f"{absent}: cannot be read: No such file or directory; give a file")
    assert fault(ca=str(empty)).startswith(f"{empty}: holds no PEM block")
    assert fault(ca=ca, crl=ca) == f"{ca}: holds no revocation list; give the authority's, as PEM"
    assert fault(certificate=(ca,)) == f"{ca}: holds no certificate with its key; give the files of one"
    assert fault(ciphers="NONE-SUCH") == "ciphers: OpenSSL knows none of 'NONE-SUCH'; give names that it has"


def test_certificates_of_our_own(tmp_path: Path) -> None:
    """It is the one in its files, with its key, which may be encrypted; two are too many."""
    authority = Authority().below("Between")
    first = authority.leaf("us").store(tmp_path, "first", passphrase=b"s3cret")
    second = authority.leaf("us").store_apart(tmp_path, "second")
    asked: list[str] = []

    def passphrase(path: str) -> str:
        asked.append(path)
        return "s3cret"

    connecting(Terms(certificate=(first,), passphrase=passphrase))
    assert asked == [first]
    connecting(Terms(certificate=second))
    assert "its key is encrypted; give passphrase" in fault(certificate=(first,))
    assert fault(certificate=(first, *second), passphrase=passphrase).endswith(
        "holds several certificates with their keys; give the files of one"
    )


def test_what_is_spoken() -> None:
    """Protocols, versions and ciphers are those that were asked for."""
    context = connecting(Terms(alpn=("h2", "http/1.1"), ciphers="ECDHE-RSA-AES256-GCM-SHA384", minimum="1.2"))
    ciphers = SSL.Connection(context, None).get_cipher_list()
    assert [cipher for cipher in ciphers if not cipher.startswith("TLS_")] == ["ECDHE-RSA-AES256-GCM-SHA384"]
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in SSL.Connection(connecting(Terms()), None).get_cipher_list()
