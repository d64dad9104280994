"""Filters about TLS: what browsers are told, and what backends are."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from balancer.core.messages import Fields, RequestHead, ResponseHead
from balancer.core.secured import ClientCertificate
from balancer.errors import ConfigError
from balancer.interfaces import Kind
from balancer.plugins.filters import HSTS, ClientCertificateHeaders
from balancer.testing import FakeSession

SHOWN = ClientCertificate(
    "CN=Jörg",
    "CN=Root",
    "2a",
    ("DNS:a.example", "URI:spiffe://a/b,c"),
    "00ff",
    0.0,
    1.0,
    verified=True,
    encoded=b"leaf",
    chain=(b"one", b"two"),
)
UNVERIFIED = attrs.evolve(SHOWN, verified=False, error="it has expired", chain=())
FORGED: Fields = (
    ("x-client-certificate-verified", "yes"),
    ("x-client-certificate-anything", "x"),
    ("x.client.certificate-subject", "x"),
    ("client-cert", ":bGVhZg==:"),
    ("client-cert-chain", "x"),
)
KEPT: Fields = (("accept", "*/*"), ("x-client", "x"))


def forwarded(one: Any, certificate: Any, fields: Fields = FORGED + KEPT) -> Fields:
    """The fields of a request behind the filter, of a client that showed such a certificate."""
    head = RequestHead("GET", "/", "a", fields=fields)
    made: RequestHead = one.request(head, FakeSession(kind=Kind.HTTP, certificate=certificate, request=head))
    return made.fields


def answered(one: HSTS, scheme: str, *fields: tuple[str, str]) -> Fields:
    """The fields of an answer to a request that came so."""
    request = RequestHead("GET", "/", "a", scheme)
    made: Any = one.response(ResponseHead(200, fields=fields), FakeSession(kind=Kind.HTTP, request=request))
    return tuple(made.fields)


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (HSTS(), "max-age=31536000"),
        (HSTS(0), "max-age=0"),
        (HSTS(300, include_subdomains=True), "max-age=300; includeSubDomains"),
        (HSTS(63072000, include_subdomains=True, preload=True), "max-age=63072000; includeSubDomains; preload"),
    ],
)
def test_hsts_is_said_over_tls(one: HSTS, value: str) -> None:
    """Over TLS the field is there once, as the filter has it, and else not at all, whatever the backend says."""
    theirs = ("strict-transport-security", "max-age=1")
    for said in ((), (theirs,), (theirs, theirs)):
        assert answered(one, "https", *said) == (("strict-transport-security", value),)
        assert answered(one, "http", *said) == ()


def test_a_certificate_in_plain_fields() -> None:
    """A backend is told of a verified certificate in words that fit into fields, and nothing that a client made up."""
    told = (
        ("x-client-certificate-verified", "yes"),
        ("x-client-certificate-fingerprint", "00ff"),
        ("x-client-certificate-subject", "CN=J\\C3\\B6rg"),
        ("x-client-certificate-issuer", "CN=Root"),
        ("x-client-certificate-serial", "2a"),
        ("x-client-certificate-names", "DNS:a.example, URI:spiffe://a/b%2Cc"),
    )
    assert forwarded(ClientCertificateHeaders(), SHOWN) == KEPT + told


def test_one_that_is_not_verified_says_nothing_of_itself() -> None:
    """Of a certificate that nobody vouches for a backend is told why, and what alone is true: its fingerprint."""
    told = (("x-client-certificate-verified", "no: it has expired"), ("x-client-certificate-fingerprint", "00ff"))
    assert forwarded(ClientCertificateHeaders(), UNVERIFIED) == KEPT + told
    assert forwarded(ClientCertificateHeaders(form="rfc9440"), UNVERIFIED) == KEPT


def test_what_is_empty_is_left_out() -> None:
    """A certificate without a subject or alternative names has no such fields."""
    bare = attrs.evolve(SHOWN, subject="", names=(), chain=())
    names = [name for name, _ in forwarded(ClientCertificateHeaders(), bare, ())]
    assert not {"x-client-certificate-subject", "x-client-certificate-names"} & set(names)
    assert forwarded(ClientCertificateHeaders(form="rfc9440"), bare, ()) == (("client-cert", ":bGVhZg==:"),)


def test_a_certificate_as_rfc_9440_has_it() -> None:
    """The other form is the certificate itself, and the chain by which it was verified."""
    told = (("client-cert", ":bGVhZg==:"), ("client-cert-chain", ":b25l:, :dHdv:"))
    assert forwarded(ClientCertificateHeaders(form="rfc9440"), SHOWN) == KEPT + told


@pytest.mark.parametrize("one", [ClientCertificateHeaders(), ClientCertificateHeaders(form="rfc9440")])
def test_nobody_else_tells_of_a_certificate(one: ClientCertificateHeaders) -> None:
    """Without a certificate there are no such fields; a request that had none is passed on as it is."""
    assert forwarded(one, None) == KEPT
    head = RequestHead("GET", "/", "a", fields=KEPT)
    assert one.request(head, FakeSession(kind=Kind.HTTP, request=head)) is head


def test_a_prefix_of_ones_own() -> None:
    """The fields, and those that are removed, have the prefix that is given."""
    one = ClientCertificateHeaders(prefix="X-SSL-Client-")
    fields = forwarded(one, UNVERIFIED, (("x-ssl-client-verified", "yes"), ("x-ssl-client-cn", "root")))
    assert fields == (("x-ssl-client-verified", "no: it has expired"), ("x-ssl-client-fingerprint", "00ff"))


@pytest.mark.parametrize(
    ("make", "given", "mistakes"),
    [
        (
            HSTS,
            {"max_age": -1},
            ["max_age: -1 is not a whole number of seconds from 0; give one such as 31536000, which is a year"],
        ),
        (
            HSTS,
            {"preload": True},
            ["preload: is for hosts with include_subdomains=True and a max_age of 31536000 or more; give both"],
        ),
        (
            HSTS,
            {"max_age": "x", "include_subdomains": 1, "preload": True},
            [
                "max_age: 'x' is not a whole number of seconds from 0; give one such as 31536000, which is a year",
                "include_subdomains: 1 is not a choice; give True or False",
                "preload: is for hosts with include_subdomains=True and a max_age of 31536000 or more; give both",
            ],
        ),
        (
            ClientCertificateHeaders,
            {"prefix": "X_Client"},
            [
                (
                    "prefix: 'X_Client' begins no name of a field; "
                    "write letters, digits and hyphens, as 'X-Client-Certificate-'"
                )
            ],
        ),
        (
            ClientCertificateHeaders,
            {"prefix": "X-Mine-", "form": "rfc9440"},
            ["prefix: would be ignored, for form='rfc9440' has names of its own; leave it out"],
        ),
        (
            ClientCertificateHeaders,
            {"form": "xfcc"},
            ["form: 'xfcc' is not a choice; give 'plain' or 'rfc9440'"],
        ),
    ],
)
def test_mistakes_are_told(make: Any, given: dict[str, Any], mistakes: list[str]) -> None:
    """What is wrong with a filter is told when it is made."""
    with pytest.raises(ConfigError) as caught:
        make(**given)
    assert list(caught.value.mistakes) == [f"{make.__name__}: {line}" for line in mistakes]
