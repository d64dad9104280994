"""What can be asked, and how it is taken apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.http1 import RequestDecoder
from balancer.core.messages import RequestHead
from balancer.errors import ConfigError, RequestRefused
from balancer.explain import question
from balancer.explain.question import CLIENT
from balancer.interfaces import Kind


def test_a_request() -> None:
    """A request has a method, a scheme, a host with a port, a path and fields, and somebody who asks."""
    one = question(
        "POST https://App.example.com:8443/v1/x?y=1", headers=["Cookie: a=b", ("X-One", "1")], client="10.1.2.3"
    )
    assert (one.kind, one.scheme, one.method, one.target) == (Kind.HTTP, "https", "POST", "/v1/x?y=1")
    assert (one.authority, one.wanted_port, one.server_name) == ("App.example.com:8443", 8443, "app.example.com")
    assert (one.fields, one.client) == ((("cookie", "a=b"), ("x-one", "1")), ("10.1.2.3", 50000))
    assert one.wire == (b"POST /v1/x?y=1 HTTP/1.1\r\nhost: App.example.com:8443\r\ncookie: a=b\r\nx-one: 1\r\n\r\n")


def test_what_may_be_left_out() -> None:
    """Without a method it is a GET, without a path that of the root, without a port the scheme's own."""
    one = question("http://[::1]?a=b")
    assert (one.method, one.target, one.authority, one.wanted_port) == ("GET", "/?a=b", "[::1]", 80)
    assert (one.server_name, one.client) == (None, CLIENT)
    assert question("https://a.example").wanted_port == 443
    assert b"host: b.example\r\n" in question("http://a.example", headers=["Host: b.example"]).wire
    assert b"a.example" not in question("http://a.example", headers=["Host: b.example"]).wire


def test_a_connection_and_a_datagram() -> None:
    """A connection and a datagram have a port, and what is said first; a server name may be asked for."""
    one = question("tcp://:5432", sni="Shop.example.")
    assert (one.kind, one.wanted_port, one.server_name, one.method) == (Kind.TCP, 5432, "shop.example", "")
    two = question("udp://", peek="a\\x00\\n\u00e9")
    assert (two.kind, two.wanted_port, two.peek) == (Kind.UDP, None, b"a\0\n\xe9")
    assert question("udp://", peek="\\\\\\r\\t\\xFF\\0").peek == b"\\\r\t\xff\0"
    assert question("udp://", peek="hex:00 ff").peek == question("udp://", peek=b"\0\xff").peek == b"\0\xff"


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("10.1.2.3", ("10.1.2.3", 50000)),
        ("10.1.2.3:80", ("10.1.2.3", 80)),
        ("::1", ("::1", 50000)),
        ("[::1]", ("::1", 50000)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
    ],
)
def test_clients(text: str, client: tuple[str, int]) -> None:
    """A client is an address, with a port or without."""
    assert question("tcp://:1", client=text).client == client


@pytest.mark.parametrize(
    ("line", "more", "mistake"),
    [
        ("GET /x", {}, "'GET /x' is no question; write one such as 'GET https://"),
        ("GET ftp://a.example/", {}, "is no question"),
        ("G(T http://a.example/", {}, "is no question"),
        ("http://" + "a" * 40000, {}, "is no question"),
        ("http://a.example/#top", {}, "'/#top' is not a path as it is sent; percent-encode it"),
        ("http://a.example/\u00e9", {}, "percent-encode it"),
        ("http://a.example:0/", {}, "'0' is not a port; give one from 1 to 65535"),
        ("http://a.example:99999/", {}, "'99999' is not a port"),
        ("GET tcp://:80", {}, "a tcp question has no method, no path and no headers"),
        ("udp://:80/x", {}, "a udp question has no method"),
        ("tcp://:80", {"headers": ["a: b"]}, "has no method, no path and no headers"),
        ("http://a.example", {"headers": ["a b"]}, "header: 'a b' is no header field: there is no colon in it"),
        ("http://a.example", {"headers": ["a b: c"]}, "field name is not a token"),
        ("http://a.example", {"headers": [("a", "b\r\n")] * 2, "client": "x"}, "client: 'x' is not an address"),
        ("http://a.example", {"client": "10.1.2"}, "client: '10.1.2' is not an address; give one such as 10.1.2.3"),
        ("http://a.example", {"client": "10.1.2.3:0"}, "'0' is not a port"),
        ("http://a.example", {"client": "["}, "is not an address"),
        ("udp://", {"peek": "hex:0"}, "peek: 'hex:0' is not what bytes can be"),
        ("udp://", {"peek": "\\"}, "is not what bytes can be"),
        ("udp://", {"peek": "\\q"}, "is not what bytes can be"),
        ("udp://", {"peek": "\u20ac"}, "is not what bytes can be"),
    ],
)
def test_what_cannot_be_asked(line: str, more: dict[str, Any], mistake: str) -> None:
    """What is wrong with a question is one line, with what to write."""
    with pytest.raises(ConfigError) as caught:
        question(line, **more)
    (told,) = caught.value.mistakes
    assert mistake in told


fields = st.lists(
    st.tuples(st.sampled_from(["a", "Cookie", "Host", "Content-Length"]), st.sampled_from(["", "1", "x y"]))
)


@given(st.sampled_from(["GET", "OPTIONS", "x"]), st.text("/?%az.", max_size=6).map("/".__add__), fields)
def test_the_wire_is_what_was_asked(method: str, target: str, given_fields: list[tuple[str, str]]) -> None:
    """What goes through the codec of HTTP is what was asked, unless it is refused there as any client's would be."""
    one = question(f"{method} http://a.example{target}", headers=given_fields)
    try:
        head = RequestDecoder().receive(one.wire)[0]
    except RequestRefused:
        return
    assert isinstance(head, RequestHead)
    assert (head.method, head.target) == (method, target)
