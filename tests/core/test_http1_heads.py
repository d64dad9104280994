"""Heads: what a request or a response says, and every way in which one is refused."""

import pytest

from balancer.core.http1 import RequestDecoder, ResponseDecoder
from balancer.core.http1_heads import has_no_body, tells_of_another
from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import RequestRefused, ResponseInvalid

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
    ("GET / HTTP/1.2\r\n" + HOST, 505),
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
    ("Host: a:\r\n", 400),
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
    (HOST + "Content-Length: 12345678901234567890\r\n", 400),
    (HOST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),  # RFC 9112 6.1
    (HOST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    (HOST + "Content-Length: 5\r\nTransfer-Encoding: identity\r\n", 400),
    (HOST + "Transfer-Encoding: gzip, chunked\r\n", 501),
    (HOST + "Transfer-Encoding: chunked, gzip\r\n", 501),
    (HOST + "Transfer-Encoding: chunked, chunked\r\n", 501),
    (HOST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
    (HOST + "Transfer-Encoding: identity\r\n", 501),
    (HOST + "Transfer-Encoding: xchunked\r\n", 501),
    (HOST + "Transfer-Encoding: chunked;q=1\r\n", 501),
    (HOST + 'Transfer-Encoding: "chunked"\r\n', 501),
    (HOST + "Transfer-Encoding: \r\n", 501),
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


MALFORMED_RESPONSES = [
    "HTTP/0.9 200 OK\r\n",
    "HTTP/1.2 200 OK\r\n",
    "HTTP/2 200 OK\r\n",
    "http/1.1 200 OK\r\n",
    "ICY 200 OK\r\n",
    "<html>\r\n",
    "\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1  200 OK\r\n",
    "HTTP/1.1 20 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/1.1 099 OK\r\n",
    "HTTP/1.1 +20 OK\r\n",
    "HTTP/1.1 200OK\r\n",
    "HTTP/1.1\r\n",
    "HTTP/1.1 200 O\x00K\r\n",
    "HTTP/1.1 200 O\x1bK\r\n",
    "HTTP/1.1 200 OK\r\nX : y\r\n",
    "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n",
    "HTTP/1.1 200 OK\r\nX: y\rz\r\n",
    "HTTP/1.1 200 OK\r\nX: y\nz\r\n",
    "HTTP/1.1 200 OK\r\nX\r\n",
    "HTTP/1.1 200 OK\r\n: y\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
]


@pytest.mark.parametrize("head", MALFORMED_RESPONSES)
def test_a_malformed_response_is_refused(head: str) -> None:
    """What a backend sends is held to the same grammar as what a client sends."""
    with pytest.raises(ResponseInvalid):
        response(head + "\r\n")


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


@pytest.mark.parametrize(
    ("line", "status", "phrase"),
    [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.1 200 ", 200, ""),
        ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.1 404 N\xe3o  foi", 404, "N\xe3o  foi"),
        ("HTTP/1.1 999 x", 999, "x"),
    ],
)
def test_a_status_line_may_have_any_reason_or_none(line: str, status: int, phrase: str) -> None:
    """The reason phrase means nothing, so its absence is no fault (RFC 9112 4)."""
    head, _ = response(f"{line}\r\nContent-Length: 0\r\n\r\n")
    assert (head.status, head.phrase) == (status, phrase)


@pytest.mark.parametrize(
    ("asked", "fields", "length", "kept", "reusable"),
    [
        ("GET 200", "Content-Length: 0\r\n", 0, False, True),
        ("GET 200", "", None, False, False),
        ("GET 204", "", 0, False, True),
        ("GET 204", "Content-Length: 0\r\n", 0, False, True),
        ("GET 204", "Content-Length: 5\r\n", 0, False, False),
        ("GET 204", "Transfer-Encoding: chunked\r\n", 0, False, False),
        ("GET 304", "Content-Length: 5\r\n", 0, True, True),
        ("HEAD 200", "Content-Length: 5\r\n", 0, True, True),
        ("HEAD 200", "Transfer-Encoding: chunked\r\n", 0, False, True),
        ("HEAD 200", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 0, False, False),
        ("HEAD 204", "Content-Length: 5\r\n", 0, False, False),
        ("CONNECT 200", "", 0, False, False),
        ("CONNECT 400", "Content-Length: 0\r\n", 0, False, True),
        ("GET 200", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", None, False, False),
    ],
)
def test_the_length_of_an_answer_depends_on_what_was_asked(
    asked: str, fields: str, length: int | None, kept: bool, reusable: bool
) -> None:
    """Answers frame by RFC 9112 6.3, and one whose framing may mislead is the last on its connection."""
    method, status = asked.split()
    head, again = response(f"HTTP/1.1 {status} x\r\n{fields}\r\n", method)
    assert (head.length, head.get("content-length") == "5", again) == (length, kept, reusable)


def test_an_upgrade_that_was_asked_for_has_no_end() -> None:
    """A 101 is accepted only when asked for, and what follows it lasts as long as the connection."""
    decoder = ResponseDecoder()
    decoder.expect("GET", upgrade=True)
    head, *rest = decoder.receive(b"HTTP/1.1 101 x\r\nUpgrade: w\r\n\r\nfirst")
    assert head == ResponseHead(101, "x", fields=(("upgrade", "w"),), length=None)
    assert rest == [b"first"]


def test_which_answers_have_no_body() -> None:
    """Interim, 204, 304, answers to HEAD and tunnels have none, and Content-Length means that of a GET in two."""
    bodiless = [(100, "GET"), (204, "GET"), (304, "GET"), (200, "HEAD"), (404, "HEAD"), (200, "CONNECT")]
    assert all(has_no_body(status, method) for status, method in bodiless)
    assert not any(has_no_body(status, method) for status, method in [(200, "GET"), (205, "GET"), (502, "CONNECT")])
    assert [pair for pair in bodiless if tells_of_another(*pair)] == [(304, "GET"), (200, "HEAD"), (404, "HEAD")]
