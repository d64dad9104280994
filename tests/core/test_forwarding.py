"""What backends are told of who asks: the same story in every field, and a stranger's word in none."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.claims import claim_in, elements_of
from balancer.core.forwarding import Forwarding, Trusted, bare, element
from balancer.core.http1 import RequestDecoder
from balancer.core.messages import Fields, RequestHead

CLIENT, PROXY = ("192.0.2.1", 4711), ("10.0.0.1", 80)
PLAINLY: Fields = (
    ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "a:81"),
    ("x-forwarded-port", "8080"),
)  # fmt: skip
TRUSTED = Trusted(["10.0.0.0/8", "unix"])
USUAL = Forwarding(port=8080, trusted=TRUSTED)


def told(
    *fields: tuple[str, str], forwarding: Forwarding = USUAL, client: tuple[str, int] = PROXY, authority: str = "a:81"
) -> dict[str, str]:
    """What a backend is told of a request with these fields, each at most once."""
    seen = forwarding.for_client(client).forward(RequestHead("GET", "/", authority, fields=fields)).fields
    assert len(dict(seen)) == len(seen)
    return dict(seen)


def test_a_request_is_passed_on_with_who_asked() -> None:
    """Address, scheme, host and port come behind the fields that travel on, and all else of the head is kept."""
    fields = (("b", "c"), ("connection", "keep-alive"))
    head = RequestHead("PUT", "/p", "a:81", fields=fields, version="1.0", length=5, expects_continue=True)
    forwarder = Forwarding(port=8080).for_client(CLIENT)
    expected = RequestHead(
        "PUT", "/p", "a:81", "http", fields=(("b", "c"), *PLAINLY), version="1.0", length=5, expects_continue=True
    )
    assert forwarder.forward(head) == expected
    assert forwarder.client == CLIENT


@pytest.mark.parametrize("client", [CLIENT, PROXY])
def test_the_scheme_is_that_of_the_connection(client: tuple[str, int]) -> None:
    """Over TLS the head and its fields say so, of a trusted peer that claims nothing as well."""
    forwarder = Forwarding(trusted=TRUSTED, forwarded=True).for_client(client, 8443, "https")
    head = forwarder.forward(RequestHead("GET", "/", "a"))
    assert (head.scheme, head.get("x-forwarded-proto"), head.get("x-forwarded-port")) == ("https", "https", "8443")
    assert (head.get("forwarded") or "").endswith("host=a;proto=https")


def test_each_request_of_a_connection_tells_its_own_host() -> None:
    """What is made once for a connection is made anew when the authority changes, or the version for Via."""
    forwarder = Forwarding(via="edge").for_client(CLIENT)
    heads = [RequestHead("GET", "/", host, version=version) for host in "aab" for version in ("1.1", "1.0")]
    seen = [forwarder.forward(head) for head in heads]
    assert [(head.get("x-forwarded-host"), head.get("via")) for head in seen] == [
        (head.authority, f"{head.version} edge") for head in heads
    ]


def test_a_client_that_connects_again_is_known() -> None:
    """What is told of one connection is told of the next that is the same in all that matters, and of no other."""
    forwarding = Forwarding(via="edge")
    ways = list(product(["192.0.2.1", "192.0.2.2", "::1"], [80, 443], ["http", "https"], ["a", "b c"], ["1.0", "1.1"]))
    for port in range(4):  # of the client, which is told to nobody
        for host, called, scheme, authority, version in ways:
            head = RequestHead("GET", "/", authority, version=version)
            fields = forwarding.for_client((host, port), called, scheme).forward(head).fields
            assert fields == (
                ("x-forwarded-for", host),
                ("x-forwarded-proto", scheme),
                ("x-forwarded-host", authority),
                ("x-forwarded-port", str(called)),
                ("via", f"{version} edge"),
            )
    assert len(forwarding.known) == len(ways)


@pytest.mark.parametrize("client", [CLIENT, PROXY])
@pytest.mark.parametrize("fields", [(), (("x-request-id", "a b"), ("x-forwarded-for", "b")), (("x-request-id", "a"),)])
def test_the_lines_to_send_are_those_of_the_fields(client: tuple[str, int], fields: Fields) -> None:
    """What is put on the wire as it is known says the same as the head."""
    forwarding = Forwarding(port=8080, via="a", forwarded=True, trusted=TRUSTED, request_ids=Random(1))
    head = forwarding.for_client(client).forward(RequestHead("GET", "/", "a", fields=fields))
    assert head.lines == "".join(f"{name}: {value}\r\n" for name, value in head.fields)


def test_what_was_read_once_is_known() -> None:
    """Requests with the same fields have them looked at once, but for those whose Max-Forwards counts."""
    decoder = RequestDecoder()

    def read(start: str) -> RequestHead:
        (head, _) = decoder.receive(f"{start} / HTTP/1.1\r\nhost: a\r\nmax-forwards: 5\r\nte: x\r\n\r\n".encode())
        decoder.next()
        assert isinstance(head, RequestHead)
        return head

    forwarder = Forwarding().for_client(CLIENT)
    read("GET")
    first, second, third = (forwarder.forward(read(method)).fields for method in ("GET", "PUT", "OPTIONS"))
    assert first == second
    assert first[0] is second[0]
    assert (first[0][1], third[0][1]) == ("5", "4")


def test_what_is_not_known_is_not_told() -> None:
    """Over a unix socket there is no address and no port, and an old client may name no host."""
    assert told(forwarding=Forwarding(), client=("", 0), authority="") == {"x-forwarded-proto": "http"}
    assert told(forwarding=Forwarding(trusted=TRUSTED), client=("", 0), authority="") == {"x-forwarded-proto": "http"}


def test_the_port_that_a_connection_knows_counts_first() -> None:
    """A PROXY header, or the socket of a listener that was bound elsewhere, knows the port best."""
    head = RequestHead("GET", "/", "a")
    assert USUAL.for_client(CLIENT, 443).forward(head).get("x-forwarded-port") == "443"


@pytest.mark.parametrize("trusted", [None, TRUSTED])
@pytest.mark.parametrize(
    "claim",
    [
        "x-forwarded-for", "X-Forwarded-Proto", "x_forwarded_host", "x.forwarded.port", "forwarded", "x-real-ip",
        "x-forwarded-server",
    ],
)  # fmt: skip
def test_a_stranger_is_not_believed(trusted: Trusted | None, claim: str) -> None:
    """Whatever a client that is not trusted claims, by any spelling, is replaced by what is known."""
    forwarding = Forwarding(port=8080, trusted=trusted)
    assert told((claim.lower(), "198.51.100.1"), forwarding=forwarding, client=CLIENT) == dict(PLAINLY)


def test_the_list_of_a_trusted_proxy_is_continued() -> None:
    """Its own address goes behind what it says, and the client of the request is whoever is believed."""
    head = RequestHead(
        "GET", "/", "a", fields=(("x-forwarded-for", "6.6.6.6, 192.0.2.1"), ("x-forwarded-for", "10.1.1.1"))
    )
    forwarder = USUAL.for_client(PROXY)
    assert forwarder.forward(head).get_all("x-forwarded-for") == ["6.6.6.6, 192.0.2.1, 10.1.1.1, 10.0.0.1"]
    assert forwarder.client == ("192.0.2.1", 0)
    forwarder.forward(RequestHead("GET", "/", "a"))
    assert forwarder.client == PROXY


def test_a_proxy_over_a_unix_socket() -> None:
    """It is trusted if the setting says so; it has no address to add."""
    said = ("x-forwarded-for", "192.0.2.1")
    assert told(said, client=("", 0))["x-forwarded-for"] == "192.0.2.1"
    assert "x-forwarded-for" not in told(said, forwarding=Forwarding(trusted=Trusted(["10.0.0.1"])), client=("", 0))
    assert PROXY[0] not in Trusted(["unix"])


def test_a_trusted_proxy_that_says_nothing_is_the_client() -> None:
    """Trust alone invents nothing."""
    assert told() == {**dict(PLAINLY), "x-forwarded-for": "10.0.0.1"}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"proto": "https"}, {"proto": "https", "host": "a:81", "port": "81"}),
        ({"proto": "https", "host": "b"}, {"proto": "https", "host": "b", "port": "443"}),
        ({"host": "b"}, {"proto": "http", "host": "b", "port": "80"}),
        ({"proto": "wss", "host": "b"}, {"proto": "wss", "host": "b", "port": "8080"}),
        ({"host": "[::1]:99"}, {"proto": "http", "host": "[::1]:99", "port": "99"}),
        ({"proto": "https", "port": "7"}, {"proto": "https", "host": "a:81", "port": "7"}),
        ({"port": "7"}, {"proto": "http", "host": "a:81", "port": "7"}),
        ({"proto": ""}, {"proto": "http", "host": "a:81", "port": "8080"}),
    ],
)
def test_what_a_trusted_proxy_says_of_the_request_stands(claims: dict[str, str], expected: dict[str, str]) -> None:
    """Scheme, host and port are the proxy's if it tells them, and the port fits to these when it does not."""
    seen = told(*[(f"x-forwarded-{name}", value) for name, value in claims.items()])
    assert {name: seen[f"x-forwarded-{name}"] for name in expected} == expected


@pytest.mark.parametrize("name", ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"])
def test_of_two_claims_of_a_trusted_proxy_neither_counts(name: str) -> None:
    """A proxy that puts its word behind that of a stranger does not make backends believe the stranger."""
    assert told((name, "https"), (name, "http")) == {**dict(PLAINLY), "x-forwarded-for": PROXY[0]}


def test_no_port_is_invented() -> None:
    """Where neither scheme nor host nor listener tell one, none is told."""
    assert "x-forwarded-port" not in told(
        ("x-forwarded-proto", "wss"), forwarding=Forwarding(trusted=TRUSTED), authority=""
    )


@pytest.mark.parametrize(("proto", "scheme"), [("https", "https"), ("HTTPS", "https"), ("wss", "http"), ("", "http")])
def test_the_scheme_that_a_proxy_tells_is_that_of_the_request(proto: str, scheme: str) -> None:
    """So that a redirect to https ends at a proxy that takes TLS off; what is no scheme of HTTP is not ours to use."""
    head = RequestHead("GET", "/", "a", fields=(("x-forwarded-proto", proto),))
    assert USUAL.for_client(PROXY).forward(head).scheme == scheme
    assert USUAL.for_client(CLIENT).forward(head).scheme == "http"


def test_a_proxy_that_speaks_forwarded_is_understood() -> None:
    """The other fields then tell the same as Forwarded, which goes on as it came."""
    said = 'for=6.6.6.6, for="[2001:db8::1]";proto=https;host=b, for=10.1.1.1'
    assert told(("forwarded", said)) == {
        "forwarded": said,
        "x-forwarded-for": "2001:db8::1, 10.1.1.1, 10.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "b",
        "x-forwarded-port": "443",
    }


def test_forwarded_is_sent_if_it_is_wanted() -> None:
    """It tells what the other fields do; of a trusted proxy that speaks the other way, what that one claims first."""
    forwarding = Forwarding(port=8080, trusted=TRUSTED, forwarded=True)
    assert told(forwarding=forwarding, client=CLIENT)["forwarded"] == 'for=192.0.2.1;host="a:81";proto=http'
    said = (("x-forwarded-for", "::1, 10.1.1.1"), ("x-forwarded-proto", "https"))
    assert told(*said, forwarding=forwarding, authority="b")["forwarded"] == (
        'for="[::1]";proto=https, for=10.1.1.1, for=10.0.0.1;host=b;proto=http'
    )
    assert told(forwarding=forwarding, authority="b")["forwarded"] == "for=10.0.0.1;host=b;proto=http"
    assert told(forwarding=forwarding, client=("", 0), authority="")["forwarded"] == "for=unknown;proto=http"


def test_forwarded_of_a_trusted_proxy_is_continued() -> None:
    """Our element comes behind its own."""
    forwarder = Forwarding(trusted=TRUSTED, forwarded=True).for_client(PROXY)
    head = forwarder.forward(RequestHead("GET", "/", "a", fields=(("forwarded", "for=192.0.2.1"),)))
    assert head.get_all("forwarded") == ["for=192.0.2.1", "for=10.0.0.1;host=a;proto=http"]


def test_via_is_continued() -> None:
    """Our name goes behind those that the request has passed already, with the version it came by."""
    for client in (CLIENT, PROXY):
        head = RequestHead("GET", "/", "a", fields=(("via", "1.0 fred"),))
        forwarder = Forwarding(trusted=TRUSTED, via="edge").for_client(client)
        assert forwarder.forward(head).get_all("via") == ["1.0 fred", "1.1 edge"]


def test_a_request_is_named() -> None:
    """Without a name of its own it is given one, the same for the same seed and another for the next."""
    forwarder = Forwarding(request_ids=Random(3)).for_client(CLIENT)
    names = [str(forwarder.forward(RequestHead("GET", "/", "a")).get("x-request-id")) for _ in range(2)]
    again = Random(3)
    assert names == [f"{again.getrandbits(128):032x}" for _ in range(2)]


@pytest.mark.parametrize("name", ["x", "0191-ab.CD~_+/=:@", "a" * 128])
def test_the_name_that_a_client_gave_is_kept(name: str) -> None:
    """One that any log can hold."""
    assert told(("x-request-id", name), forwarding=Forwarding(request_ids=Random(3)))["x-request-id"] == name


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a;b", 'a"b', "a\\b", "a\tb", "\xe4", "a" * 129])
def test_a_name_that_would_break_a_log_is_replaced(name: str) -> None:
    """Nobody writes into logs what is no plain word; and with two names, neither counts."""
    ids = Forwarding(request_ids=Random(3))
    assert len(told(("x-request-id", name), forwarding=ids)["x-request-id"]) == 32
    assert len(told(("x-request-id", "a"), ("x-request-id", "a"), forwarding=ids)["x-request-id"]) == 32


def test_a_name_is_the_clients_affair_unless_it_is_asked_for() -> None:
    """Without the setting it goes on as it came, and none is made."""
    assert told(("x-request-id", "a b"))["x-request-id"] == "a b"
    assert "x-request-id" not in told()


@pytest.mark.parametrize(
    ("host", "plainly"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_addresses_are_told_plainly(host: str, plainly: str) -> None:
    """An IPv4 client of a socket for both is one of IPv4, and a zone is nobody else's."""
    assert bare(host) == plainly


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=20)


@given(TEXT, TEXT)
def test_an_element_reads_back(host: str, scheme: str) -> None:
    """Whatever a proxy claimed to be the host, what is written of it is one element that says the same."""
    known = {name: value for name, value in (("host", host), ("proto", scheme)) if value}
    assert elements_of(element("2001:db8::1", host, scheme)) == [{"for": "[2001:db8::1]", **known}]


@given(st.lists(st.tuples(st.sampled_from(["x-forwarded-for", "forwarded", "x-forwarded-proto"]), TEXT), max_size=4))
def test_the_next_hop_comes_to_the_same_client(fields: list[tuple[str, str]]) -> None:
    """A backend that trusts us and our proxies believes what we believe, whatever the fields held."""
    forwarder = USUAL.for_client(PROXY)
    head = forwarder.forward(
        RequestHead("GET", "/", "a", fields=tuple((name, value.strip()) for name, value in fields))
    )
    way = claim_in(head.fields, TRUSTED).way
    assert way[0][0] == forwarder.client[0]
