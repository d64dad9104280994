"""The filters that answer themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.filters import chain_of
from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ConfigError, FilterFailed
from balancer.interfaces import Kind, Reply
from balancer.plugins.replies import Redirect, Respond


def answered(one: Any, head: RequestHead, **captures: str) -> RequestHead | Reply:
    """What a filter makes of a request, judged as the balancer does."""
    chain = chain_of([one])
    assert chain is not None
    session = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, head, captures=captures)
    made = chain.request(head, session)
    assert isinstance(made, RequestHead | Reply)
    return made


def location(one: Redirect, uri: str, **captures: str) -> str:
    """Where a client that asks for this is sent; nowhere if its request passes."""
    scheme, _, rest = uri.partition("://")
    authority, slash, target = rest.partition("/")
    head = RequestHead("GET", slash + target, authority, fields=(("x-forwarded-proto", scheme),))
    made = answered(one, head, **captures)
    if made is head:
        return ""
    assert isinstance(made, Reply)
    ((name, value),) = made.fields
    assert (name, made.status, made.body) == ("location", one.status, b"")
    return value


@pytest.mark.parametrize(
    ("one", "uri", "sent_to"),
    [
        (Redirect(scheme="https"), "http://Example.com/a?b=c", "https://example.com/a?b=c"),
        (Redirect(scheme="https"), "http://example.com:8080/", "https://example.com/"),
        (Redirect(scheme="https", port=8443), "http://example.com:8080/", "https://example.com:8443/"),
        (Redirect(scheme="https"), "http://[::1]:8080/a", "https://[::1]/a"),
        (Redirect(scheme="https"), "http://[::1]/a", "https://[::1]/a"),
        (Redirect(scheme="https"), "https://example.com:8443/a", ""),
        (Redirect(scheme="http"), "https://example.com/", "http://example.com/"),
        (Redirect(host="www.example.com"), "http://example.com:8080/a", "http://www.example.com:8080/a"),
        (Redirect(host="www.example.com"), "https://www.example.com./a", ""),
        (Redirect(host="www.example.com"), "https://WWW.example.com:443/a", ""),
        (Redirect(host="{id}.example.com"), "http://example.com/", "http://7.example.com/"),
        (Redirect(port=8080), "http://example.com/", "http://example.com:8080/"),
        (Redirect(port=80), "http://example.com/", ""),
        (Redirect(path="/new"), "http://example.com:8080/old?x=1", "http://example.com:8080/new?x=1"),
        (Redirect(path="/new"), "http://example.com/new?x=1", ""),
        (Redirect(path="/u/{id}{{"), "http://example.com/7", "http://example.com/u/7{"),
        (Redirect(scheme="https"), "http://example.com//evil.test/", "https://example.com//evil.test/"),
    ],
)
def test_sends_clients_elsewhere(one: Redirect, uri: str, sent_to: str) -> None:
    """What is not given stays, another scheme goes to its own port, and who is there already passes."""
    assert location(one, uri, id="7") == sent_to


@given(st.sampled_from([301, 302, 307, 308]))
def test_the_status_is_chosen(status: int) -> None:
    """Any status that moves a request may be given."""
    assert location(Redirect(host="b.test", status=status), "http://a.test/") == "http://b.test/"


def test_the_scheme_is_what_is_told_of_it() -> None:
    """Without a word on the scheme that makes sense, it is that of the head."""
    for fields in ((), (("x-forwarded-proto", "gopher"),)):
        head = RequestHead("GET", "/", "a.test", "https", fields=fields)
        assert answered(Redirect(scheme="https"), head) is head


def test_a_request_for_no_path_goes_to_the_root() -> None:
    """`OPTIONS *` has no place of its own in another scheme."""
    made = answered(Redirect(scheme="https"), RequestHead("OPTIONS", "*", "a.test"))
    assert isinstance(made, Reply)
    assert made.fields == (("location", "https://a.test/"),)


def test_a_client_that_names_no_host_cannot_be_sent_to_it() -> None:
    """An HTTP/1.0 client without Host is told 400, unless it is sent to another host."""
    head = RequestHead("GET", "/a")
    assert answered(Redirect(scheme="https"), head) == Reply(400)
    assert isinstance(answered(Redirect(host="a.test"), head), Reply)


@given(st.text(max_size=8))
def test_no_capture_leads_astray(captured: str) -> None:
    """Whatever a client puts into a capture, it is sent to a path of that very host, or nowhere."""
    try:
        sent_to = location(Redirect(path="/u/{id}"), "http://a.test/", id=captured)
    except FilterFailed:
        assert any(letter > "\xff" for letter in captured)
    else:
        assert sent_to.startswith("http://a.test/u/")
        assert sent_to.isascii()
        assert sent_to.isprintable()
        assert not set(sent_to) & set(' ?#"<>\\')


@pytest.mark.parametrize("captured", ["evil.test/", "a b", "u@evil.test", "a:80", "\u20ac", ""])
def test_no_capture_makes_another_host(captured: str) -> None:
    """What a client may have put into a capture is a label or more of a host, or fails."""
    with pytest.raises(FilterFailed):
        location(Redirect(host="{id}.test"), "http://a.test/", id=captured)


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, ["nowhere to send clients to; give scheme, host, port or path"]),
        ({"scheme": "ftp"}, ["scheme: 'ftp' is not a choice; give 'http' or 'https'"]),
        ({"host": "a.test:80"}, ["host: 'a.test:80' is not a host; write it as 'www.example.com', without a port"]),
        ({"port": 65536}, ["port: 65536 is not a port; give 1 to 65535"]),
        ({"port": "80"}, ["port: '80' is not a port; give 1 to 65535"]),
        ({"path": "/a?b"}, ["path: '/a?b' is not a path; write it as '/new', without a query"]),
        ({"path": "{id}"}, ["path: '{id}' is not a path; write it as '/new', without a query"]),
        ({"scheme": "https", "status": 303}, ["status: 303 is not a choice; give 301, 302, 307 or 308"]),
        ({"port": 0, "status": 200}, ["port: 0 is not a port; give 1 to 65535", "status: 200 is not a choice; "]),
    ],
)
def test_redirects_that_cannot_be(settings: dict[str, Any], lines: list[str]) -> None:
    """All that is wrong is told at once, each mistake in one line."""
    with pytest.raises(ConfigError) as caught:
        Redirect(**settings)
    assert len(caught.value.mistakes) == len(lines)
    assert all(told.startswith(f"Redirect: {line}") for told, line in zip(caught.value.mistakes, lines, strict=True))


@pytest.mark.parametrize(
    ("one", "reply"),
    [
        (Respond(), Reply(200)),
        (Respond(404), Reply(404)),
        (Respond(200, "h\u00e9"), Reply(200, b"h\xc3\xa9", (("content-type", "text/plain; charset=utf-8"),))),
        (Respond(200, b"h"), Reply(200, b"h", (("content-type", "application/octet-stream"),))),
        (Respond(503, "<p>", "text/html"), Reply(503, b"<p>", (("content-type", "text/html"),))),
    ],
)
def test_answers_alike(one: Respond, reply: Reply) -> None:
    """Every request gets the same answer, with a type that suits its content."""
    assert answered(one, RequestHead("POST", "/", "a.test")) == reply


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ((100,), ["status: 100 is not a final status; give 200 to 599"]),
        (("200",), ["status: '200' is not a final status; give 200 to 599"]),
        ((200, 5), ["content: 5 is neither a text nor bytes; write it in quotes"]),
        ((204, "x"), ["content: would be ignored, for an answer with status 204 has none; leave it out"]),
        ((200, "", "text/html"), ["content_type: would be ignored without content; leave it out"]),
        ((200, "x", "a\nb"), ["content_type: 'a\\nb' is not one; write it as 'text/html'"]),
        ((600, "x", 5), ["status: 600 is not a final", "content_type: 5 is not one; write it as 'text/html'"]),
    ],
)
def test_answers_that_cannot_be(given: tuple[Any, ...], lines: list[str]) -> None:
    """All that is wrong is told at once, each mistake in one line."""
    with pytest.raises(ConfigError) as caught:
        Respond(*given)
    assert len(caught.value.mistakes) == len(lines)
    assert all(told.startswith(f"Respond: {line}") for told, line in zip(caught.value.mistakes, lines, strict=True))


def test_the_captures_that_are_needed() -> None:
    """A redirect needs what its host and its path name."""
    assert Redirect(host="{a}.example", path="/{b}").captures == {"a", "b"}
    assert Redirect(scheme="https").captures == set()
