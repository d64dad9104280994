"""What versions and ciphers are spoken under each profile."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from balancer.net.tls.profiles import PROFILES, Profile, profile_of
from tests.net.authority import Authority
from tests.net.tls.meeting import Client

LEAF = Authority().leaf("a.example", kind="rsa")
OLD = "ECDHE-RSA-AES128-SHA"
NEW = "ECDHE-RSA-AES128-GCM-SHA256"


def ours(profile: Profile) -> SSL.Context:
    """A context that holds to it."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    profile.instruct(context)
    context.use_certificate(LEAF.certificate)
    context.use_privatekey(LEAF.key)
    return context


@pytest.mark.parametrize(
    ("name", "ciphers", "agreed"),
    [
        ("modern", NEW, NEW),
        ("modern", OLD, None),
        ("modern", "AES128-GCM-SHA256", None),
        ("compatible", OLD, OLD),
        ("compatible", f"{OLD}:{NEW}", NEW),
        ("compatible", "AES128-SHA", None),
        ("strict", NEW, None),
    ],
)
def test_clients_of_tls_1_2(name: str, ciphers: str, agreed: str | None) -> None:
    """A client of TLS 1.2 agrees on what the profile has, and on nothing that lets sessions be decrypted later."""
    context = ours(PROFILES[name])
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    assert Client(version=SSL.TLS1_2_VERSION, ciphers=ciphers).meet(context).cipher == agreed


@pytest.mark.parametrize("name", PROFILES)
def test_clients_of_tls_1_3(name: str) -> None:
    """Every profile has TLS 1.3."""
    assert Client().meet(ours(PROFILES[name])).version == "TLSv1.3"


@pytest.mark.parametrize("name", PROFILES)
def test_nothing_before_tls_1_2(name: str) -> None:
    """No profile has TLS 1.1."""
    client = Client(version=SSL.TLS1_1_VERSION, ciphers="ALL:@SECLEVEL=0")
    assert "protocol" in client.meet(ours(PROFILES[name])).error


def test_changes_to_a_profile() -> None:
    """A minimum and ciphers take the place of the profile's, those of TLS 1.3 by themselves."""
    assert profile_of("modern", None, None) == PROFILES["modern"]
    changed = profile_of("modern", "1.3", "TLS_AES_256_GCM_SHA384:ECDHE+AESGCM:ECDHE+CHACHA20")
    assert changed == Profile("1.3", ("ECDHE+AESGCM", "ECDHE+CHACHA20"), ("TLS_AES_256_GCM_SHA384",))
    assert profile_of("strict", None, "TLS_AES_256_GCM_SHA384").ciphers == PROFILES["strict"].ciphers


def test_ciphers_that_openssl_does_not_know() -> None:
    """Ciphers of which OpenSSL knows none are told by it."""
    with pytest.raises(SSL.Error):
        ours(profile_of("modern", None, "ECDHE+NONSENSE"))
