"""Header law: what ends at the balancer, and what it alone may say."""

import pytest

from balancer.core.headers import (
    for_downstream,
    may_travel,
    passed_on,
    trailers_for_downstream,
    trailers_for_upstream,
)
from balancer.core.messages import Fields, RequestHead, ResponseHead


def sent(*fields: tuple[str, str], trusted: bool = False, length: int | None = 0) -> Fields:
    """The fields a backend sees of a request."""
    return passed_on(RequestHead("GET", "/", "a", fields=fields, length=length), trusted=trusted)


def answered(*fields: tuple[str, str], length: int | None = 0) -> Fields:
    """The fields a client sees of an answer."""
    return for_downstream(ResponseHead(200, fields=fields, length=length)).fields


@pytest.mark.parametrize(
    "name",
    [
        "connection", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
        "te", "trailer", "transfer-encoding", "upgrade", "under_score", "x_forwarded_for", "x.forwarded.for",
        "x-forwarded.for", "x-forwarded-for", "x-forwarded-port", "x-forwarded-anything", "forwarded", "x-real-ip",
        "x.real.ip", "x~forwarded~for", "x-forwarded`proto", "x.request.id", "content.length", "transfer+encoding",
        "proxy-authentication-info", "client-cert", "client-cert-chain", "x-client-certificate-verified",
        "x.client.certificate.names", "client.cert",
    ],
)  # fmt: skip
def test_fields_of_the_client_connection_and_its_claims_end_here(name: str) -> None:
    """No hop-by-hop field, ambiguous name or claim of identity from an untrusted peer reaches a backend."""
    assert sent(("accept", "x"), (name, "x"), ("x-own", "y")) == (("accept", "x"), ("x-own", "y"))


def test_a_request_of_plain_fields_stays_as_it_is() -> None:
    """Where nothing is to be removed, the fields are the same object."""
    plain = (("accept", "x"), ("cookie", "y"), ("via", "1.1 z"))
    assert sent(*plain) == plain
    head = RequestHead("OPTIONS", "/", fields=plain)
    assert passed_on(head) is plain


def test_what_a_trusted_peer_claims_stands() -> None:
    """From a trusted peer every claim travels on, but no other spelling of one."""
    claims: Fields = (
        ("x-forwarded-for", "b"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=b"),
        ("x-real-ip", "c"),
    )
    claims += (("client-cert", ":eA==:"), ("x-client-certificate-verified", "yes"))
    assert sent(*claims, trusted=True) == claims
    assert sent(("x.forwarded.for", "b"), ("x_real_ip", "b"), ("transfer.encoding", "x"), trusted=True) == ()


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1", "0"), ("10", "9"), ("0007", "6"), ("9999", "9998"), ("10001", "9999"), ("9" * 5000, "9999"),
        ("", ""), ("-1", "-1"), ("1.5", "1.5"), ("\u00b2", "\u00b2"), ("1, 2", "1, 2"),
    ],
)  # fmt: skip
def test_a_request_goes_as_far_as_its_client_lets_it(method: str, before: str, after: str) -> None:
    """OPTIONS and TRACE are sent on with one forward fewer; what is no number is none (RFC 9110 7.6.2)."""
    head = RequestHead(method, "/", fields=(("a", "5"), ("max-forwards", before)))
    assert may_travel(head)
    assert passed_on(head) == (("a", "5"), ("max-forwards", after))
    get = RequestHead("GET", "/", fields=(("max-forwards", before),))
    assert passed_on(get) == (("max-forwards", before),)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize("zero", ["0", "000"])
def test_a_request_without_a_forward_left_stays_here(method: str, zero: str) -> None:
    """An OPTIONS or TRACE with Max-Forwards 0 must not be sent on, and never becomes one with less (RFC 9110 7.6.2)."""
    head = RequestHead(method, "/", fields=(("max-forwards", "5"), ("max-forwards", zero)))
    assert not may_travel(head)
    assert passed_on(head) == (("max-forwards", "4"), ("max-forwards", "0"))
    assert may_travel(RequestHead("GET", "/", fields=head.fields))
    assert may_travel(RequestHead(method, "/", fields=(("accept", "0"),)))


@pytest.mark.parametrize("options", [(("connection", "X, close"),), (("connection", "close"), ("connection", "y,\tx"))])
def test_fields_named_by_connection_end_here(options: Fields) -> None:
    """What Connection names belongs to the connection, in requests and answers (RFC 9110 7.6.1)."""
    assert sent(("x", "1"), *options, ("z", "2")) == (("z", "2"),)
    assert answered(("x", "1"), *options, ("z", "2")) == (("z", "2"),)


def test_connection_cannot_name_what_backends_rely_on() -> None:
    """A client must not make the balancer drop what says who asked and how much follows."""
    names = "host, content-length, expect, via, forwarded, x-real-ip, x-forwarded-for, x-forwarded-proto"
    names += ", client-cert, x-client-certificate-names"
    fields: Fields = (("expect", "100-continue"), ("via", "v"), ("forwarded", "f"), ("x-forwarded-proto", "p"))
    fields += (("client-cert", "c"), ("x-client-certificate-names", "n"))
    assert sent(*fields, ("connection", names), trusted=True) == fields
    assert answered(("content-length", "5"), ("connection", names)) == (("content-length", "5"),)


@pytest.mark.parametrize("value", ["trailers", "gzip, Trailers"])
def test_the_wish_for_trailers_travels_on(value: str) -> None:
    """`te: trailers` stays, alone and with the option it needs (RFC 9110 10.1.4); codings are the client's own."""
    assert sent(("te", value), ("connection", "te")) == (("connection", "te"), ("te", "trailers"))
    assert sent(("te", "gzip;q=1"), ("connection", "te")) == ()


def test_trailers_are_announced_as_far_as_they_travel_on() -> None:
    """Trailer is told anew, and only of a body that has room for trailers (RFC 9110 6.6.2)."""
    announced = ("trailer", "X-Sum, Content-Length,, grpc-status")
    assert sent(announced, length=None) == (("trailer", "x-sum, grpc-status"),)
    assert answered(announced, length=None) == (("trailer", "x-sum, grpc-status"),)
    assert sent(announced, length=5) == ()
    assert answered(("trailer", "host"), length=None) == ()


@pytest.mark.parametrize("name", ["alt-svc", "connection", "keep-alive", "proxy-authenticate", "te", "upgrade"])
def test_fields_of_the_backend_connection_end_here(name: str) -> None:
    """No hop-by-hop field reaches a client, nor one that leads it past the balancer."""
    assert answered(("a", "b"), (name, "trailers"), ("a_b", "c")) == (("a", "b"), ("a_b", "c"))


def test_the_rest_of_an_answer_stays_as_it_is() -> None:
    """An answer with nothing to remove is equal; of another all but the fields is kept."""
    plain = ResponseHead(404, "x", fields=(("a", "b"),), length=7)
    assert for_downstream(plain) == plain
    more = ResponseHead(404, "x", fields=(("a", "b"), ("upgrade", "c")), length=7)
    assert for_downstream(more) == plain
    assert for_downstream(more) is for_downstream(more)


def test_trailers_that_mean_nothing_before_a_body_travel_on() -> None:
    """What frames, routes, authenticates, belongs to a connection or claims identity may not (RFC 9110 6.5.1)."""
    fine = (("grpc-status", "0"), ("my-key", "x"), ("x-sum", "y"))
    names = (
        "content-length transfer-encoding host authorization set-cookie te upgrade alt-svc x-forwarded-for x_real.ip"
        " x-request-id"
    )
    bad = tuple((name, "x") for name in names.split())
    for travelling in (trailers_for_upstream, trailers_for_downstream):
        assert travelling(fine) is fine
        assert travelling((*bad, *fine)) == fine
        assert travelling((*fine, ("connection", "x-sum"))) == fine[:2]


def test_trailers_with_an_underscore_reach_no_backend() -> None:
    """What is ambiguous in a head is so behind a body; it is neither sent nor announced, and answers may have it."""
    odd = (("x_user", "x"), ("x-sum", "y"))
    assert trailers_for_upstream(odd) == odd[1:]
    assert trailers_for_downstream(odd) is odd
    announced = ("trailer", "x_user, x-sum")
    assert sent(announced, length=None) == (("trailer", "x-sum"),)
    assert answered(announced, length=None) == (announced,)
