"""What a client is shown and agrees on in a context of ours, shaking hands in memory."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from balancer.net.tls.credentials import Credentials, Unusable
from balancer.net.tls.pairs import Pair
from balancer.net.tls.presenting import Manner, Presented, presented, prove, unpresentable
from balancer.net.tls.profiles import PROFILES, profile_of
from balancer.net.tls.staples import Staple
from balancer.net.tls.trust import Trust
from tests.net.authority import EXPIRED, NOT_YET, PAST, Authority, Leaf
from tests.net.tls.meeting import Client

ROOT = Authority("root")
LOW, OTHER = ROOT.below("low"), ROOT.below("other")
VERSIONS = [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION]
NOW = PAST.timestamp()
NOTHING = Credentials()


def pair(leaf: Leaf) -> Pair:
    """A certificate as read from a file."""
    return Pair(("a.pem",), leaf.certificate, leaf.key, leaf.chain)


ECDSA, RSA = pair(LOW.leaf("a.example")), pair(OTHER.below("lowest").leaf("a.example", kind="rsa"))


def ours(*pairs: Pair, credentials: Credentials = NOTHING, **manner: Any) -> Presented:
    """A context in which these are shown."""
    return presented(Manner(PROFILES["modern"], lambda: NOW, **manner), credentials, pairs or [ECDSA])


@pytest.mark.parametrize(
    ("version", "ciphers", "shown"),
    [
        (SSL.TLS1_3_VERSION, "", ECDSA),
        (SSL.TLS1_2_VERSION, "", ECDSA),
        (SSL.TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", ECDSA),
        (SSL.TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", RSA),
    ],
)
@pytest.mark.parametrize("pairs", [(ECDSA, RSA), (RSA, ECDSA)])
def test_each_client_is_shown_the_best_it_can_take(
    pairs: tuple[Pair, ...], version: int, ciphers: str, shown: Pair
) -> None:
    """Of two kinds of key ECDSA is shown to those who can, RSA to the others, each with its own chain and no more."""
    met = Client(version=version, ciphers=ciphers).meet(ours(*pairs))
    assert (met.shown, met.chain, met.error) == (shown.certificate, 1 + len(shown.chain), "")


def test_the_end_is_known() -> None:
    """A context knows when the first of its certificates ends."""
    short = pair(LOW.leaf("a.example", valid=(PAST, PAST + timedelta(1)), kind="rsa"))
    assert (ours(ECDSA, short).expires, ours(ECDSA).expires) == (short.ends, ECDSA.ends)


def test_no_disk_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full, or may not be written, keeps no client out."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert Client().meet(ours()).chain == 1 + len(ECDSA.chain)


def test_nothing_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no files in memory, that which OpenSSL reads a chain from is gone at once."""
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert gettempdir() == str(tmp_path)
    assert Client().meet(ours()).chain == 1 + len(ECDSA.chain)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed(version: int) -> None:
    """A session is resumed in its context, under the same name that is still known, and in no other context."""
    client, context = Client(version=version), ours()
    assert [client.meet(context).resumed for _ in range(3)] == [False, True, True]
    met = client.meet(context)
    assert (met.resumed, met.name) == (True, b"a.example")
    assert client.meet(ours()).resumed is False


def test_sessions_have_an_end() -> None:
    """A session can be resumed for as long as it is told, to the second above."""
    assert ours(lifetime=90.5).get_timeout() == 91


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["h2", "http/1.0", "http/1.1"], b"http/1.1"), (["http/1.0"], b"http/1.0"), ([], b"")]
)
def test_protocols_that_both_speak(offered: list[str], agreed: bytes) -> None:
    """The best of our protocols that the client speaks is agreed on; a client that names none is fine."""
    met = Client(alpn=[one.encode() for one in offered]).meet(ours(alpn=(b"http/1.1", b"http/1.0")))
    assert (met.alpn, met.error) == (agreed, "")


def test_no_protocol_in_common() -> None:
    """A client that speaks none of our protocols is told so, and the handshake ends; where we name none, it is fine."""
    assert "the client offers none of http/1.1" in Client(alpn=[b"h2"]).meet(ours(alpn=(b"http/1.1",))).error
    assert Client(alpn=[b"h2"]).meet(ours()).error == ""


def test_answers_that_hold_are_sent() -> None:
    """An OCSP answer is sent with the certificate that it is for, as long as it holds."""
    answer = LOW.ocsp(Leaf(ECDSA.certificate, LOW.key))
    holding, over = Staple("a", answer, NOW, NOW + 1), Staple("b", answer, NOW - 1, NOW)
    rsa = Client(version=SSL.TLS1_2_VERSION, ciphers="ECDHE+aRSA")
    for staple, sent in ((holding, [answer]), (over, [])):
        context = ours(ECDSA, RSA, credentials=Credentials(staples={ECDSA.fingerprint: staple}))
        assert Client().meet(context).staples == sent
        assert rsa.meet(context).staples == []


def asking(
    clients: Literal["optional", "required"], *lists: x509.CertificateRevocationList, trusted: Authority = ROOT
) -> SSL.Context:
    """A context in which clients are asked for certificates."""
    return ours(clients=clients, credentials=Credentials(trust=Trust((trusted.certificate,), lists)))


def crl(authority: Authority, *revoked: Leaf | Authority, **more: Any) -> x509.CertificateRevocationList:
    """A revocation list."""
    return x509.load_pem_x509_crl(authority.crl(*revoked, **more))


MINE = ROOT.leaf("me")
DEEP = LOW.leaf("me")
SERVER_ONLY = ROOT.leaf("me", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("identity", "lists", "error"),
    [
        (MINE, [], ""),
        (DEEP, [], ""),
        (MINE, [crl(ROOT, DEEP)], ""),
        (DEEP, [crl(ROOT), crl(LOW)], ""),
        (MINE, [crl(ROOT, MINE)], "it is revoked"),
        (DEEP, [crl(ROOT, LOW), crl(LOW)], "it is revoked (issuer 1 of its chain)"),
        (DEEP, [crl(ROOT)], "there is no revocation list of its issuer"),
        (MINE, [crl(ROOT, valid=EXPIRED)], "the revocation list has expired"),
        (ROOT.leaf("me", valid=EXPIRED), [], "it has expired"),
        (ROOT.leaf("me", valid=NOT_YET), [], "it is not valid yet"),
        (ROOT.leaf("me", signed_by_itself=True), [], "it is signed by itself, and not trusted"),
        (Authority("stranger").leaf("me"), [], "its issuer is not known"),
        (SERVER_ONLY, [], "it is not for this purpose"),
    ],
)
def test_certificates_of_clients(
    version: int, identity: Leaf, lists: list[x509.CertificateRevocationList], error: str
) -> None:
    """Why a client's certificate is not accepted is noted; a required one ends the handshake then, an optional not."""
    for clients in ("optional", "required"):
        met = Client(version=version, identity=identity).meet(asking(clients, *lists))
        assert met.verdict.error == error
        assert bool(met.error) is (clients == "required" and bool(error))


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_without_a_certificate(version: int) -> None:
    """A client without a certificate passes where they are optional alone."""
    assert Client(version=version).meet(asking("optional")).error == ""
    assert "peer did not return a certificate" in Client(version=version).meet(asking("required")).error


@pytest.mark.parametrize("version", VERSIONS)
def test_no_verdict_is_forgotten(version: int) -> None:
    """Where a verdict may be against a client that goes on, it is made anew each time: no session is resumed."""
    client, context = Client(version=version, identity=Authority("x").leaf("me")), asking("optional")
    met = [client.meet(context) for _ in range(3)]
    assert [one.resumed for one in met] == [False] * 3
    assert [one.verdict.error for one in met] == ["its issuer is not known"] * 3
    client, context = Client(version=version, identity=MINE), asking("required")
    assert [client.meet(context).resumed for _ in range(3)] == [False, True, True]


def test_a_chain_has_an_end() -> None:
    """A chain of more issuers than anybody needs is not accepted, which bounds the work it makes."""
    deep = ROOT
    for number in range(9):
        deep = deep.below(f"below {number}")
    met = Client(identity=deep.leaf("me")).meet(asking("required"))
    assert met.verdict.error.startswith("its chain is too long") or met.verdict.error.startswith("its issuer")


def test_secrets_are_logged_where_that_is_asked_for() -> None:
    """The secrets of connections go to the log of keys, line by line, if there is one."""
    lines: list[bytes] = []
    Client().meet(ours(keylog=lines.append))
    assert {line.split()[0] for line in lines} >= {b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0"}


def test_what_cannot_be_presented_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OpenSSL or the system does not take is told in a line for each certificate, before anybody is shown it."""
    manner = Manner(PROFILES["modern"], lambda: NOW)
    prove(manner, Credentials((ECDSA, RSA)))
    prove(manner, Credentials((pair(LOW.leaf("a.example", valid=(PAST, PAST + timedelta(1)))),)))
    weak = pair(LOW.leaf("a.example", kind="weak"))
    with pytest.raises(Unusable) as caught:
        prove(manner, Credentials((ECDSA, weak)))
    assert caught.value.faults == ("a.pem: cannot be presented: ee key too small",)
    for unknown, like in (("NONSENSE", "ECDHE+AESGCM"), ("TLS_NONSENSE", "TLS_AES_128_GCM_SHA256")):
        with pytest.raises(Unusable) as caught:
            prove(Manner(profile_of("modern", None, unknown), lambda: NOW), Credentials((ECDSA, RSA)))
        line = f"ciphers: OpenSSL offers none of {unknown!r}; give names that it has, such as {like!r}"
        assert caught.value.faults == (line,)

    def none_left(_: str) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", none_left)
    with pytest.raises(Unusable, match="cannot be presented: Too many open files"):
        prove(manner, Credentials((ECDSA,)))


def test_reasons_in_words() -> None:
    """Whatever an error says of itself, there is a line."""
    assert unpresentable(ECDSA, SSL.Error([])) == "a.pem: cannot be presented: OpenSSL does not say why"
    assert unpresentable(ECDSA, OSError("odd")) == "a.pem: cannot be presented: odd"
