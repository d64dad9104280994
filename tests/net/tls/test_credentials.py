"""All that a listener's TLS is made of: read at once, told in full where it is wrong, and remarked on in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer.net.tls.credentials import DAY, Credentials, Sources, Unusable, read
from balancer.net.tls.pairs import Pair
from tests.net.authority import FUTURE, PAST, Authority, Leaf

AUTHORITY = Authority()
SHORT = (PAST, PAST + timedelta(days=90))
KEYLESS = "no key for the certificate of b.example, the key in nameless.pem is for another one; give its key as well"
NOW = PAST.timestamp()


def pair(leaf: Leaf, path: str = "a.pem") -> Pair:
    """A certificate as read from a file."""
    return Pair((path,), leaf.certificate, leaf.key, leaf.chain)


def faults(sources: Sources) -> list[str]:
    """What is wrong with what is there."""
    with pytest.raises(Unusable) as caught:
        read(sources)
    return list(caught.value.faults)


def test_all_is_read(tmp_path: Path) -> None:
    """Certificates, OCSP answers, authorities and revocation lists are read at once."""
    one, two = AUTHORITY.leaf("a.example"), AUTHORITY.leaf("192.0.2.1")
    paths = one.store(tmp_path, "one"), two.store(tmp_path, "two")
    (tmp_path / "one.ocsp").write_bytes(AUTHORITY.ocsp(one))
    (tmp_path / "crl").write_bytes(AUTHORITY.crl())
    authority = AUTHORITY.store(tmp_path)
    known = read(Sources(paths, None, (authority,), (str(tmp_path / "crl"),), "a.example"))
    assert [known.certificate for known in known.pairs] == [one.certificate, two.certificate]
    assert [staple.path for staple in known.staples.values()] == [str(tmp_path / "one.ocsp")]
    assert known.trust is not None
    assert (len(known.trust.authorities), len(known.trust.lists)) == (1, 1)
    assert list(known.remarks(NOW)) == []


def test_a_useless_answer_spoils_nothing(tmp_path: Path) -> None:
    """An OCSP answer that is of no use is left out, and remarked on."""
    path = AUTHORITY.leaf("a.example").store(tmp_path)
    (tmp_path / "site.ocsp").write_bytes(b"")
    known = read(Sources((path,)))
    assert len(known.pairs) == 1
    assert [line.startswith(f"{tmp_path / 'site.ocsp'}: ") for line in known.remarks(NOW)] == [True]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Each fault of each file is told, not the first alone."""
    nameless = AUTHORITY.leaf(subject="a.example").store(tmp_path, "nameless")
    (tmp_path / "other.crt").write_bytes(AUTHORITY.leaf("b.example").pem)
    gone = str(tmp_path / "gone.pem")
    told = faults(Sources((nameless, str(tmp_path / "other.crt"), gone), None, (gone,), (), "c.example"))
    assert [line.replace(f"{tmp_path}/", "") for line in told] == [
        "gone.pem: cannot be read: No such file or directory; give a file that the balancer may read",
        f"other.crt: there is {KEYLESS}",
        "nameless.pem: the certificate names no host (subjectAltName); make one that does",
        "default: no certificate is for 'c.example'; give a name that one is for",
        "gone.pem: cannot be read: No such file or directory; give a file that the balancer may read",
    ]


def test_where_there_is_no_certificate(tmp_path: Path) -> None:
    """Files without any certificate of ours are a fault; files that are to come later may be missing."""
    authority, folder = AUTHORITY.store(tmp_path), tmp_path / "empty"
    folder.mkdir()
    itself = Leaf(AUTHORITY.certificate, AUTHORITY.key).store(tmp_path, "nameless")
    for path in (authority, itself):
        line = f"{path}: no certificate there names a host (subjectAltName) and has its key; put both there"
        assert faults(Sources((path,))) == [line]
    assert faults(Sources((str(folder),)))[0].startswith(f"{folder}: holds no file whose name ends in ")
    later = str(tmp_path / "later.pem")
    assert read(Sources(later=(later,))).pairs == ()
    AUTHORITY.leaf("a.example").store(tmp_path, "later")
    assert [pair.names for pair in read(Sources(later=(later,))).pairs] == [("a.example",)]


def test_of_two_for_a_name_the_better_one_is_shown() -> None:
    """For each name and kind of key the certificate is shown that is valid now, and for longer."""
    valid, longer = pair(AUTHORITY.leaf("a.example", valid=SHORT)), pair(AUTHORITY.leaf("a.example", "b.example"))
    coming = pair(AUTHORITY.leaf("a.example", valid=(PAST + timedelta(days=30), FUTURE)))
    rsa = pair(AUTHORITY.leaf("a.example", kind="rsa"))
    for order in ((valid, longer, coming, rsa), (rsa, coming, longer, valid)):
        assert Credentials(order).by_name(NOW) == {
            "a.example": {"ECDSA": longer, "RSA": rsa},
            "b.example": {"ECDSA": longer},
        }
    assert Credentials((coming, valid)).by_name(NOW)["a.example"]["ECDSA"] is valid
    assert Credentials((coming, valid)).by_name(NOW + 31 * DAY)["a.example"]["ECDSA"] is coming


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (-1, "is valid only from 2020-01-01; set the clock, or put one there that is valid"),
        (0, None),
        (75.9, None),
        (76.1, "expires on 2020-03-31, in 13 days; renew it"),
        (89.9, "expires on 2020-03-31, in 0 days; renew it"),
        (90, "expired on 2020-03-31; renew it"),
    ],
)
def test_dates_are_remarked_on(days: float, line: str | None) -> None:
    """A certificate is remarked on while it is not valid, and from 14 days before it expires."""
    leaf = AUTHORITY.leaf("a.example", "b.example", "c.example", "192.0.2.1", valid=SHORT)
    remarks = list(Credentials((pair(leaf),)).remarks(NOW + days * DAY))
    assert remarks == ([] if line is None else [f"a.pem: the certificate of a.example, b.example, c.example {line}"])


def test_an_answer_that_is_over_is_remarked_on(tmp_path: Path) -> None:
    """An OCSP answer that does not hold now is remarked on."""
    leaf = AUTHORITY.leaf("a.example")
    path = leaf.store(tmp_path)
    (tmp_path / "site.ocsp").write_bytes(AUTHORITY.ocsp(leaf, valid=SHORT))
    known = read(Sources((path,)))
    assert list(known.remarks(NOW + 90 * DAY)) == [
        f"{tmp_path / 'site.ocsp'}: holds from 2020-01-01 to 2020-03-31; it is not sent; renew it"
    ]


def test_a_revocation_list_that_is_over_is_remarked_on(tmp_path: Path) -> None:
    """A revocation list that is over is remarked on, for then no client's certificate is accepted."""
    path, authority = AUTHORITY.leaf("a.example").store(tmp_path), AUTHORITY.store(tmp_path)
    (tmp_path / "crl").write_bytes(AUTHORITY.crl(valid=SHORT))
    known = read(Sources((path,), None, (authority,), (str(tmp_path / "crl"),)))
    assert list(known.remarks(NOW)) == []
    assert list(known.remarks(NOW + 90 * DAY)) == [
        "the revocation list of CN=Test Authority ended on 2020-03-31, so that nobody passes; renew it"
    ]


def test_a_change_of_any_file_is_seen(tmp_path: Path) -> None:
    """The look of all files changes with each of them."""
    (tmp_path / "crl").write_bytes(AUTHORITY.crl())
    path, authority = AUTHORITY.leaf("a.example").store(tmp_path), AUTHORITY.store(tmp_path)
    sources = Sources((path,), None, (authority,), (str(tmp_path / "crl"),))
    looks = {sources.look(), sources.look()}
    AUTHORITY.leaf("a.example").store(tmp_path)
    looks.add(sources.look())
    Authority("another").store(tmp_path)
    looks.add(sources.look())
    (tmp_path / "crl").write_bytes(AUTHORITY.crl() * 2)
    looks.add(sources.look())
    assert len(looks) == 4
