"""What trusted proxies claim: read from our end, believed link by link, and never past what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.claims import Claim, claim_in, elements_of, node_of
from balancer.core.sources import Sources

PROXIES = Sources(["10.0.0.0/8", "2001:db8::/32"])
CLIENT = ("192.0.2.1", 0)


def by_list(*values: str) -> Claim:
    """What fields X-Forwarded-For of these values claim."""
    return claim_in(tuple(("x-forwarded-for", value) for value in values), PROXIES)


def by_forwarded(*values: str) -> Claim:
    """What fields Forwarded of these values claim."""
    return claim_in(tuple(("forwarded", value) for value in values), PROXIES)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("192.0.2.1", CLIENT), ("192.0.2.1:80", ("192.0.2.1", 80)), ("[2001:DB8::1]", ("2001:db8::1", 0)),
        ("[2001:db8::1]:65535", ("2001:db8::1", 65535)), ("2001:0db8::1", ("2001:db8::1", 0)),
        ("::ffff:192.0.2.1", CLIENT), ("[::ffff:c000:201]", CLIENT), ("1::2", ("1::2", 0)),
    ],
)  # fmt: skip
def test_addresses(text: str, node: tuple[str, int]) -> None:
    """An address is read with its port, in its usual spelling, and an IPv4 address always as such."""
    assert node_of(text) == node


@pytest.mark.parametrize(
    "text",
    [
        "", "unknown", "_hidden", "localhost", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1:", "192.0.2.1:65536",
        "192.0.2.1:x", "192.0.2.1 ", "[192.0.2.1", "2001:db8::1]:80", "[2001:db8::1]80", "fe80::1%eth0", "[fe80::1%1]",
        "1.2.3.4, 5.6.7.8", "192.0.2.1:80:80", "\u0661.1.1.1", "1" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Everything else is nobody, the zone of some other machine included."""
    assert node_of(text) is None


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (["192.0.2.1"], ["192.0.2.1"]),
        (["203.0.113.9, 192.0.2.1"], ["192.0.2.1"]),
        (["192.0.2.1, 10.0.0.2,10.0.0.1"], ["192.0.2.1", "10.0.0.2", "10.0.0.1"]),
        (["192.0.2.1", "10.0.0.2", "10.0.0.1"], ["192.0.2.1", "10.0.0.2", "10.0.0.1"]),
        (["10.0.0.3, 10.0.0.2"], ["10.0.0.3", "10.0.0.2"]),
        (["192.0.2.1, evil, 10.0.0.1"], ["10.0.0.1"]),
        (["192.0.2.1, , 10.0.0.1"], ["10.0.0.1"]),
        (["192.0.2.1, 10.0.0.1,"], []),
        (["unknown"], []),
        (["192.0.2.1:4711, [2001:db8::2]:80"], ["192.0.2.1", "2001:db8::2"]),
        ([], []),
    ],
)  # fmt: skip
def test_the_list_is_walked_from_its_end(values: list[str], way: list[str]) -> None:
    """Trusted addresses are skipped, the first that is not trusted is the client, and what is malformed ends it."""
    assert [address for address, _ in by_list(*values).way] == way


def test_a_walk_is_bounded() -> None:
    """Of a list that goes on and on, no more than 32 entries are looked at."""
    assert len(by_list(", ".join(["10.0.0.1"] * 9999)).way) == 32
    assert len(by_forwarded(", ".join(["for=10.0.0.1"] * 999)).way) == 32


def test_the_port_of_a_client_is_known_if_it_is_told() -> None:
    """Some proxies tell it."""
    assert by_list("192.0.2.1:4711").way == (("192.0.2.1", 4711),)


@pytest.mark.parametrize(
    ("line", "elements"),
    [
        ("for=192.0.2.1", [{"for": "192.0.2.1"}]),
        ('For="[2001:db8:cafe::17]:4711"', [{"for": "[2001:db8:cafe::17]:4711"}]),
        ("for=192.0.2.60; proto=http; by=203.0.113.43", [{"for": "192.0.2.60", "proto": "http", "by": "203.0.113.43"}]),
        ("for=192.0.2.43 , for=_b", [{"for": "192.0.2.43"}, {"for": "_b"}]),
        ('host="a\\"b\\\\;,c";for=d', [{"host": 'a"b\\;,c', "for": "d"}]),
        (",;for=a;,", [{}, {"for": "a"}, {}]),
        ("", [{}]),
    ],
)
def test_elements(line: str, elements: list[dict[str, str]]) -> None:
    """The grammar of RFC 7239, with spaces around separators, quoted strings and empty elements."""
    assert elements_of(line) == elements


@pytest.mark.parametrize(
    "line", ["for", "for=", "=a", "for=a for=b", 'for="a', 'for="a"b', "for=[2001:db8::1]", "for=a;For=b", "for = a"]
)
def test_what_is_no_element(line: str) -> None:
    """A line that is not of the grammar, or says a thing twice, is malformed as a whole."""
    assert elements_of(line) is None


def test_forwarded_is_walked_the_same_way() -> None:
    """The element that names the client says how it asked; what came before it is not believed."""
    line = 'for=1.1.1.1;proto=x, for=192.0.2.1;proto=https;host="a:8443", for="[2001:db8::2]";proto=http'
    assert by_forwarded(line) == Claim((CLIENT, ("2001:db8::2", 0)), scheme="https", host="a:8443")
    assert by_forwarded("for=192.0.2.1;proto=https", "for=10.0.0.1") == Claim((CLIENT, ("10.0.0.1", 0)), scheme="https")


def test_whoever_hides_the_client_may_still_say_how_it_asked() -> None:
    """An element without an address ends the walk, and is itself from somebody trusted."""
    assert by_forwarded("for=192.0.2.1;proto=a, for=unknown;proto=https, for=10.0.0.1") == Claim(
        (("10.0.0.1", 0),), scheme="https"
    )


@pytest.mark.parametrize("line", ['for="192.0.2.1', 'for=1.1.1.1, for="', "for=192.0.2.1;for=1.1.1.1"])
def test_a_client_cannot_quote_its_way_past_a_proxy(line: str) -> None:
    """What a client left open makes the line of a proxy that continued it malformed, and so not believed."""
    assert by_forwarded(f'{line}, for="[2001:db8::9]"') == Claim()
    assert by_forwarded(line, "for=10.0.0.1;proto=https") == Claim((("10.0.0.1", 0),), scheme="https")


def test_the_older_list_counts_first() -> None:
    """With both, X-Forwarded-For tells the way, and each of the others what it alone says."""
    fields = (
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.2;proto=https"),
        ("x-forwarded-host", "h"),
    )
    assert claim_in(fields, PROXIES) == Claim((CLIENT,), host="h")


def test_what_is_said_twice_is_not_said() -> None:
    """Two fields where there should be one are believed neither way."""
    twice = (("x-forwarded-proto", "http"), ("x-forwarded-proto", "https"))
    assert claim_in(twice, PROXIES).scheme == ""


@given(st.text('for=,;:.[]"\\ 10_ax', max_size=40), st.booleans())
def test_no_value_is_too_strange(value: str, newer: bool) -> None:
    """Whatever a field holds, what is read is a way of addresses, each but the first of a trusted proxy."""
    claim = (by_forwarded if newer else by_list)(value)
    assert all(node_of(address) == (address, 0) for address, _ in claim.way)
    assert all(address in PROXIES for address, _ in claim.way[1:])
