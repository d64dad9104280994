"""Matchers on the client's certificate."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from zope.interface.verify import verifyObject

from balancer.core.secured import ClientCertificate as Shown
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, Kind
from balancer.plugins.matchers import ClientCertificate
from balancer.testing import FakeSession

SHOWN = Shown(
    "CN=billing,O=Example",
    "CN=Root",
    "2a",
    ("DNS:A.agents.example", "URI:spiffe://example/ns/prod/billing", "IP:192.0.2.7"),
    "0f" * 32,
    0.0,
    1.0,
    verified=True,
)
UNVERIFIED = attrs.evolve(SHOWN, verified=False, error="it has expired")


def matches(one: ClientCertificate, certificate: Shown | None, kind: Kind = Kind.HTTP) -> bool:
    """Whether it matches a session of a client that showed that."""
    return one.matches(FakeSession(kind=kind, certificate=certificate))


def test_provides_the_interface() -> None:
    """It is a matcher of connections and requests that looks at no first bytes."""
    one = ClientCertificate()
    assert verifyObject(IMatcher, one)
    assert (one.peek, one.kinds) == (0, frozenset({Kind.TCP, Kind.HTTP}))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, True),
        ({"subject": "CN=billing,O=Example"}, True),
        ({"subject": ["CN=other", "CN=billing,O=Example"]}, True),
        ({"subject": "CN=billing"}, False),
        ({"issuer": "CN=Root"}, True),
        ({"issuer": "CN=root"}, False),
        ({"names": "URI:spiffe://example/ns/prod/*"}, True),
        ({"names": ["DNS:x.example", "DNS:a.Agents.example"]}, True),
        ({"names": "DNS:*.agents.example"}, True),
        ({"names": "URI:spiffe://example/NS/*"}, False),
        ({"names": "DNS:192.0.2.7"}, False),
        ({"fingerprint": ":".join(["0F"] * 32)}, True),
        ({"fingerprint": ["0e" * 32]}, False),
        ({"names": "IP:192.0.2.7", "issuer": "CN=Other"}, False),
        ({"names": "IP:192.0.2.7", "issuer": "CN=Root"}, True),
    ],
)
def test_what_matches(given: dict[str, Any], found: bool) -> None:
    """All that is given must hold, of several values any."""
    for kind in (Kind.HTTP, Kind.TCP):
        assert matches(ClientCertificate(**given), SHOWN, kind) is found
    assert not matches(ClientCertificate(**given), None)
    assert not matches(ClientCertificate(**given), UNVERIFIED)
    assert matches(ClientCertificate(**given, verified=None), UNVERIFIED) is found


def test_what_was_not_verified() -> None:
    """One that was not verified matches only where that is asked for."""
    assert matches(ClientCertificate(verified=False), UNVERIFIED)
    assert not matches(ClientCertificate(verified=False), SHOWN)
    assert not matches(ClientCertificate(names="DNS:x", verified=False), attrs.evolve(UNVERIFIED, names=()))


@pytest.mark.parametrize(
    ("given", "mistakes"),
    [
        ({"verified": "yes"}, ["verified: 'yes' is not a choice; give True, False, or None for either"]),
        (
            {"subject": "billing", "issuer": 5},
            [
                (
                    "subject: 'billing' is no distinguished name; "
                    "write it as RFC 4514 has it, such as 'CN=billing,O=Example'"
                ),
                "issuer: 5 is no distinguished name; write it as RFC 4514 has it, such as 'CN=billing,O=Example'",
            ],
        ),
        (
            {"names": "a.example"},
            [
                (
                    "names: 'a.example' says no kind of name; "
                    "write it as 'DNS:a.example', 'URI:spiffe://a/b', 'email:a@b.example' or 'IP:192.0.2.1'"
                )
            ],
        ),
        (
            {"names": [3]},
            [
                (
                    "names: 3 says no kind of name; "
                    "write it as 'DNS:a.example', 'URI:spiffe://a/b', 'email:a@b.example' or 'IP:192.0.2.1'"
                )
            ],
        ),
        (
            {"fingerprint": ["00", 7]},
            [
                "fingerprint: '00' is not SHA-256; write 64 hexadecimal digits",
                "fingerprint: 7 is not SHA-256; write 64 hexadecimal digits",
            ],
        ),
    ],
)
def test_mistakes_are_told(given: dict[str, Any], mistakes: list[str]) -> None:
    """What is wrong with a matcher is told when it is made."""
    with pytest.raises(ConfigError) as caught:
        ClientCertificate(**given)
    assert list(caught.value.mistakes) == [f"ClientCertificate: {line}" for line in mistakes]
