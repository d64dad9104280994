"""Whom a peer's certificate must come from, and what is told of files that say nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.net.tls.files import Unreadable
from balancer.net.tls.trust import read_trust
from tests.net.authority import Authority

ONE, TWO = Authority("one"), Authority("two")
BROKEN = b"-----BEGIN {0}-----\nMIIB\n-----END {0}-----\n"


def test_all_there_is(tmp_path: Path) -> None:
    """Certificates and lists of all files and folders are trusted, each certificate once."""
    (tmp_path / "more").mkdir()
    (tmp_path / "crl").mkdir()
    files = [ONE.store(tmp_path), TWO.store(tmp_path / "more"), ONE.store(tmp_path / "more", "again")]
    (tmp_path / "crl" / "one.crl").write_bytes(ONE.crl())
    (tmp_path / "two.pem").write_bytes(TWO.crl() + ONE.crl())
    trust = read_trust([files[0], str(tmp_path / "more")], [str(tmp_path / "crl"), str(tmp_path / "two.pem")])
    assert set(trust.authorities) == {ONE.certificate, TWO.certificate}
    assert len(trust.authorities) == 2
    assert [one.issuer.rfc4514_string() for one in trust.lists] == ["CN=one", "CN=two", "CN=one"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "holds no PEM block; "),
        (ONE.crl(), "holds no certificate; give the authority's own, as PEM"),
        (BROKEN.replace(b"{0}", b"CERTIFICATE"), "a certificate in it is malformed ("),
    ],
)
def test_wrong_authorities(tmp_path: Path, content: bytes, line: str) -> None:
    """A file without an authority in it is told in a line that names it."""
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        read_trust([str(path)])
    assert str(caught.value).startswith(f"{path}: {line}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (ONE.pem, "holds no revocation list; give the authority's, as PEM"),
        (BROKEN.replace(b"{0}", b"X509 CRL"), "a revocation list in it is malformed ("),
    ],
)
def test_wrong_lists(tmp_path: Path, content: bytes, line: str) -> None:
    """A file without a revocation list in it is told in a line that names it."""
    path = tmp_path / "crl.pem"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        read_trust([ONE.store(tmp_path)], [str(path)])
    assert str(caught.value).startswith(f"{path}: {line}")
