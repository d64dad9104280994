"""Heads: what a request or a response says, and every way in which one is refused."""

import pytest

from balancer.core.http1 import RequestDecoder, ResponseDecoder
from balancer.core.http1_memory import Memory
from balancer.core.messages import Block, RequestHead, ResponseHead
from balancer.errors import RequestRefused

HOST = "Host: a\r\n"


def request(data: str) -> RequestHead:
    """The head of a request, decoded alone."""
    head = RequestDecoder().receive(data.encode("latin-1"))[0]
    assert isinstance(head, RequestHead)
    return head


def response(data: str, method: str = "GET") -> tuple[ResponseHead, bool]:
    """The head of an answer, decoded alone, and whether the connection may be used again."""
    decoder = ResponseDecoder()
    decoder.expect(method)
    head = decoder.receive(data.encode("latin-1"))[0]
    assert isinstance(head, ResponseHead)
    return head, decoder.reusable


MALFORMED_REQUEST_LINES = [
    ("GET / HTTP/0.9\r\n" + HOST, 505),
    ("GET / HTTP/2.0\r\n" + HOST, 505),
    ("PRI * HTTP/2.0\r\n", 505),
    ("GET / HTTP/9.9\r\n" + HOST, 505),
    ("GET /\r\n" + HOST, 400),  # HTTP/0.9
    ("GET\r\n" + HOST, 400),
    ("GET / HTTP/1\r\n" + HOST, 400),
    ("GET / HTTP/1.10\r\n" + HOST, 400),
    ("GET / HTTP/01.1\r\n" + HOST, 400),
    ("GET / http/1.1\r\n" + HOST, 400),
    ("GET / HTTP/1.1 \r\n" + HOST, 400),
    ("GET / RTSP/1.0\r\n" + HOST, 400),
    ("GET  / HTTP/1.1\r\n" + HOST, 400),  # RFC 9112 3: single spaces
    ("GET /  HTTP/1.1\r\n" + HOST, 400),
    ("GET\t/\tHTTP/1.1\r\n" + HOST, 400),
    (" GET / HTTP/1.1\r\n" + HOST, 400),
    ("GET /a b HTTP/1.1\r\n" + HOST, 400),
    ("GET /\xe9 HTTP/1.1\r\n" + HOST, 400),
    ("GET /a#b HTTP/1.1\r\n" + HOST, 400),  # RFC 9112 3.2: no fragment
    ("GET /\x7f HTTP/1.1\r\n" + HOST, 400),
    ("G(T / HTTP/1.1\r\n" + HOST, 400),  # RFC 9110 5.6.2: token
    ("G\xcbT / HTTP/1.1\r\n" + HOST, 400),
    ("\r\n\r\nGET / HTTP/1.1\r\n" + HOST, 400),  # RFC 9112 2.2: one empty line
    ("M" * 33 + " / HTTP/1.1\r\n" + HOST, 501),  # RFC 9112 3
    ("CONNECT a:443 HTTP/1.1\r\n" + HOST, 501),  # RFC 9112 3.2.3
    ("CONNECT / HTTP/1.1\r\n" + HOST, 501),
    ("GET * HTTP/1.1\r\n" + HOST, 400),  # RFC 9112 3.2.4
    ("OPTIONS ** HTTP/1.1\r\n" + HOST, 400),
    ("GET a:80 HTTP/1.1\r\n" + HOST, 400),
    ("GET index.html HTTP/1.1\r\n" + HOST, 400),
    ("GET ftp://a/ HTTP/1.1\r\n" + HOST, 400),
    ("GET http:///x HTTP/1.1\r\n" + HOST, 400),  # RFC 9110 4.2.1: no empty host
    ("GET http://u@a/ HTTP/1.1\r\n" + HOST, 400),  # RFC 9110 4.2.4: no user information
    ("GET http://a:99999/ HTTP/1.1\r\n" + HOST, 400),
    ("GET http://a/ HTTP/1.1\r\n", 400),  # RFC 9112 3.2.2: Host all the same
]
MALFORMED_REQUEST_FIELDS = [
    ("", 400),  # RFC 9112 3.2: Host missing
    (HOST + HOST, 400),
    ("Host: a, b\r\n", 400),
    ("Host: a b\r\n", 400),
    ("Host: u@a\r\n", 400),
    ("Host: a/b\r\n", 400),
    ("Host: a\\b\r\n", 400),
    ("Host: :\r\n", 400),
    ("Host: a::\r\n", 400),
    ("Host: :80\r\n", 400),
    ("Host: a:65536\r\n", 400),
    ("Host: a:8x\r\n", 400),
    ("Host: a:80:80\r\n", 400),
    ("Host: a%zz\r\n", 400),
    ("Host: \xe9\r\n", 400),
    ("Host: [::1\r\n", 400),
    ("Host: [:::]\r\n", 400),
    ("Host: [fe80::1%25eth0]\r\n", 400),
    ("Host: [1.2.3.4]\r\n", 400),
    (HOST + "Content-Length: -1\r\n", 400),  # RFC 9112 6.3
    (HOST + "Content-Length: +1\r\n", 400),
    (HOST + "Content-Length: 0x1\r\n", 400),
    (HOST + "Content-Length: 1 1\r\n", 400),
    (HOST + "Content-Length: 1.0\r\n", 400),
    (HOST + "Content-Length: \xb2\r\n", 400),
    (HOST + "Content-Length: 1_0\r\n", 400),
    (HOST + "Content-Length:\r\n", 400),
    (HOST + "Content-Length: 5, 5\r\n", 400),
    (HOST + "Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    (HOST + "Content-Length: 5\r\nContent-Length: 05\r\n", 400),
    (HOST + "Content-Length: 9223372036854775808\r\n", 413),  # 2**63
    (HOST + "Content-Length: 12345678901234567890\r\n", 413),
    (HOST + f"Content-Length: {'9' * 5000}\r\n", 413),
    (HOST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),  # RFC 9112 6.1
    (HOST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    (HOST + "Content-Length: 5\r\nTransfer-Encoding: identity\r\n", 400),
    (HOST + "Transfer-Encoding: gzip, chunked\r\n", 501),
    (HOST + "Transfer-Encoding: chunked, gzip\r\n", 400),  # RFC 9112 6.3: where it ends cannot be known
    (HOST + "Transfer-Encoding: chunked, chunked\r\n", 400),
    (HOST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
    (HOST + "Transfer-Encoding: identity\r\n", 400),
    (HOST + "Transfer-Encoding: xchunked\r\n", 400),
    (HOST + "Transfer-Encoding: chunked;q=1\r\n", 400),
    (HOST + 'Transfer-Encoding: "chunked"\r\n', 400),
    (HOST + "Transfer-Encoding: \r\n", 400),
    (HOST + "Expect: 200-ok\r\n", 417),  # RFC 9110 10.1.1
    (HOST + "Expect: 100-continue\r\nExpect: 100-continue\r\n", 417),
    ("Host : a\r\n", 400),  # RFC 9112 5.1: no space before the colon
    ("Host\t: a\r\n", 400),
    (HOST + " X: y\r\n", 400),
    (HOST + "X: y\r\n z\r\n", 400),  # RFC 9112 5.2: no folding
    (HOST + "X: y\r\n\tz\r\n", 400),
    (HOST + ": y\r\n", 400),
    (HOST + "X\r\n", 400),
    (HOST + "X(: y\r\n", 400),
    (HOST + "X y: z\r\n", 400),
    (HOST + "X\xe9: y\r\n", 400),
    (HOST + "X: y\x00z\r\n", 400),  # RFC 9110 5.5
    (HOST + "X: y\x01z\r\n", 400),
    (HOST + "X: y\x7fz\r\n", 400),
    (HOST + "X: y\rz\r\n", 400),  # RFC 9112 2.2: bare CR
    (HOST + "X: y\nz: a\r\n", 400),  # and bare LF
    (HOST + "X: y\r\r\n", 400),
]


@pytest.mark.parametrize(("start", "status"), MALFORMED_REQUEST_LINES)
def test_a_malformed_request_line_is_refused_with_its_status(start: str, status: int) -> None:
    """No request line that another reader could take otherwise is accepted."""
    with pytest.raises(RequestRefused) as refused:
        RequestDecoder().receive((start + "\r\n").encode("latin-1"))
    assert refused.value.status == status


@pytest.mark.parametrize(("fields", "status"), MALFORMED_REQUEST_FIELDS)
def test_malformed_request_fields_are_refused_with_their_status(fields: str, status: int) -> None:
    """No field section is accepted whose host, framing or field boundaries are in doubt."""
    with pytest.raises(RequestRefused) as refused:
        RequestDecoder().receive(f"POST / HTTP/1.1\r\n{fields}\r\n".encode("latin-1"))
    assert refused.value.status == status


def test_transfer_encoding_in_an_old_request_is_refused() -> None:
    """HTTP/1.0 has no transfer codings, so a body framed by one is not believed (RFC 9112 6.1)."""
    with pytest.raises(RequestRefused):
        request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")


@pytest.mark.parametrize(
    ("start", "target", "authority"),
    [
        ("GET /a?b=c HTTP/1.1", "/a?b=c", "h:80"),
        ("GET //evil/../x HTTP/1.1", "//evil/../x", "h:80"),
        ("GET http://b/p?q HTTP/1.1", "/p?q", "b"),
        ("GET HTTPS://b:1 HTTP/1.1", "/", "b:1"),
        ("GET http://b?q HTTP/1.1", "/?q", "b"),
        ("GET http://[::1]:8/ HTTP/1.1", "/", "[::1]:8"),
        ("OPTIONS * HTTP/1.1", "*", "h:80"),
        ("OPTIONS http://b HTTP/1.1", "*", "b"),
        ("OPTIONS http://b/ HTTP/1.1", "/", "b"),
    ],
)
def test_every_form_of_target_becomes_a_path_and_an_authority(start: str, target: str, authority: str) -> None:
    """The URI's authority goes before Host, and what is left of the target is in origin form (RFC 9112 3.2)."""
    head = request(f"{start}\r\nHost: h:80\r\n\r\n")
    assert (head.target, head.authority, head.fields) == (target, authority, ())


@pytest.mark.parametrize("authority", ["h", "h:80", "[::1]", "[::1]:80"])
@pytest.mark.parametrize("form", ["/", "http://{}/"])
def test_an_empty_port_is_none(authority: str, form: str) -> None:
    """A colon with nothing behind it means the same as no colon (RFC 3986 6.2.3), and is not sent on."""
    written = authority if authority.endswith("80") else authority + ":"
    head = request(f"GET {form.format(written)} HTTP/1.1\r\nHost: {written}\r\n\r\n")
    assert (head.target, head.authority) == ("/", authority)


@pytest.mark.parametrize("minor", range(1, 10))
def test_a_higher_minor_version_is_the_highest_we_know(minor: int) -> None:
    """What comes as HTTP/1.2 or above is read as HTTP/1.1, from either side (RFC 9110 2.5)."""
    head = request(f"POST / HTTP/1.{minor}\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n")
    assert (head.version, head.length) == ("1.1", None)
    answer, reusable = response(f"HTTP/1.{minor} 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (answer.version, reusable) == ("1.1", True)
    with pytest.raises(RequestRefused, match="Host"):
        request(f"GET / HTTP/1.{minor}\r\n\r\n")


def test_fields_are_lower_case_stripped_and_in_order() -> None:
    """Names lose their case and values their outer whitespace; order, repetition and inner bytes stay."""
    head = request("GET / HTTP/1.1\r\nB: \t x y \t \r\nHOST: h\r\na:\xff\r\nB:\r\n\r\n")
    assert head.fields == (("b", "x y"), ("a", "\xff"), ("b", ""))


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ("", 0),
        ("Content-Length: 0\r\n", 0),
        ("Content-Length: 007\r\n", 7),
        (f"Content-Length: {'0' * 5000}7\r\n", 7),
        ("Content-Length: 9223372036854775807\r\n", 2**63 - 1),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 5),
        ("Transfer-Encoding: Chunked\r\n", None),
    ],
)
def test_the_length_of_a_request_is_taken_out_of_its_fields(fields: str, length: int | None) -> None:
    """Framing fields are told by `length` alone, so that they are written anew."""
    head = request(f"POST / HTTP/1.1\r\n{HOST}{fields}\r\n")
    assert (head.length, head.fields) == (length, ())


def test_an_authority_may_be_absent_only_where_the_rfc_allows_it() -> None:
    """HTTP/1.0 without Host, and an empty Host, are requests without an authority (RFC 9112 3.2)."""
    assert request("GET / HTTP/1.0\r\n\r\n").authority == ""
    assert request("GET / HTTP/1.1\r\nHost:\r\n\r\n").authority == ""


def test_an_expectation_is_known_and_stays() -> None:
    """Expect travels on, and the client is known to wait, when there is a body to wait for."""
    head = request(f"POST / HTTP/1.1\r\n{HOST}Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
    assert head.expects_continue
    assert head.fields == (("expect", "100-Continue"),)
    assert not request(f"GET / HTTP/1.1\r\n{HOST}Expect: 100-continue\r\n\r\n").expects_continue


def test_an_expectation_of_an_old_client_is_ignored() -> None:
    """An HTTP/1.0 client gets no 100, so nobody is asked for one (RFC 9110 10.1.1)."""
    head = request("POST / HTTP/1.0\r\nA: b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert not head.expects_continue
    assert head.fields == (("a", "b"),)


@pytest.mark.parametrize(
    ("version", "fields", "persistent"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.1", "Connection: foo\r\nConnection: bar ,\t CLOSE\r\n", False),
        ("1.1", "Connection: closed\r\n", True),
        ("1.0", "", False),
        ("1.0", "Connection: Keep-Alive\r\n", True),
        ("1.0", "Connection: keep-alive, close\r\n", False),
        ("1.0", "Connection: foo\r\n", False),
    ],
)
def test_persistence_goes_by_version_and_connection_options(version: str, fields: str, persistent: bool) -> None:
    """HTTP/1.1 stays unless told otherwise, HTTP/1.0 only when asked, and close wins (RFC 9112 9.3)."""
    decoder = RequestDecoder()
    decoder.receive(f"GET / HTTP/{version}\r\n{HOST}{fields}\r\n".encode())
    assert decoder.persistent is persistent


WISH = "Connection: Upgrade\r\nUpgrade: websocket, foo/2\r\n"


@pytest.mark.parametrize(
    ("start", "fields", "upgrade"),
    [
        ("GET / HTTP/1.1\r\n", WISH, ("websocket", "foo/2")),
        ("GET / HTTP/1.5\r\n", WISH, ("websocket", "foo/2")),
        ("GET / HTTP/1.1\r\n", WISH + "Content-Length: 0\r\n", ("websocket", "foo/2")),
        ("GET / HTTP/1.1\r\n", "Upgrade: websocket\r\n", ()),
        ("GET / HTTP/1.1\r\n", "Connection: Upgrade\r\n", ()),
        ("GET / HTTP/1.0\r\n", WISH, ()),  # RFC 9110 7.8
        ("GET / HTTP/1.1\r\n", WISH + "Content-Length: 1\r\n", ()),
        ("GET / HTTP/1.1\r\n", WISH + "Transfer-Encoding: chunked\r\n", ()),
    ],
)
def test_a_wish_for_a_change_of_protocol_is_known(start: str, fields: str, upgrade: tuple[str, ...]) -> None:
    """Both fields make one, not in HTTP/1.0 nor with a body; and it is as well known when the same comes again."""
    blocks = Memory[Block]()
    for _ in range(2):
        head = RequestDecoder(blocks=blocks).receive(f"{start}{HOST}{fields}\r\n".encode())[0]
        assert isinstance(head, RequestHead)
        assert head.upgrade == upgrade
