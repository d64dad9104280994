"""The filters that change what passes."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.filters import chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import ConfigError, FilterFailed
from balancer.interfaces import IFilter, IFilterPlugin, Kind
from balancer.plugins.filters import (
    AddPrefix,
    Redirect,
    RequestHeaders,
    Respond,
    ResponseHeaders,
    RewriteHost,
    RewritePath,
    StripPrefix,
)

ALL = [
    StripPrefix("/v1"),
    AddPrefix("/v1"),
    RewritePath("a", "b"),
    RewriteHost("a.test"),
    RequestHeaders(set={"x-a": "1"}),
    ResponseHeaders(remove="server"),
    Redirect(scheme="https"),
    Respond(200),
]
segment = st.from_regex(r"[a-c;~-]{1,3}", fullmatch=True)


def session(**captures: str) -> Session:
    """A session of a request with these captures."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, asking(), captures=captures)


def asking(target: str = "/", **others: Any) -> RequestHead:
    """A request for this."""
    return RequestHead("GET", target, "example.com", **others)


def passed(one: Any, head: RequestHead, **captures: str) -> RequestHead:
    """What a filter makes of a request, judged as the balancer does."""
    chain = chain_of([one])
    assert chain is not None
    made = chain.request(head, session(**captures))
    assert isinstance(made, RequestHead)
    return made


def mistakes(make: Any, *given: Any, **settings: Any) -> list[str]:
    """What is told of a filter that cannot be made so."""
    with pytest.raises(ConfigError) as caught:
        make(*given, **settings)
    return list(caught.value.mistakes)


@pytest.mark.parametrize("one", ALL, ids=repr)
def test_provides_the_interface(one: Any) -> None:
    """Every filter provides `IFilter`, its class is listed as a plugin, and its repr shows all that it was given."""
    assert verifyObject(IFilter, one)
    assert IPlugin.providedBy(type(one))
    assert IFilterPlugin.providedBy(type(one))
    assert all(f"{field.name}=" in repr(one) for field in attrs.fields(type(one)) if field.init)


@pytest.mark.parametrize("one", [*ALL[:4], Redirect(host="example.com")], ids=repr)
def test_what_names_no_path_is_left_alone(one: Any) -> None:
    """`OPTIONS *` has no path to change."""
    assert passed(one, asking("*")).target == "*"


@pytest.mark.parametrize(
    ("target", "stripped"),
    [
        ("/v1", "/"),
        ("/v1?x=1", "/?x=1"),
        ("/v1/", "/"),
        ("/v1/a/b?x=/v1", "/a/b?x=/v1"),
        ("/v1//a", "//a"),
        ("/v1/v1/a", "/v1/a"),
        ("/v1x/a", "/v1x/a"),
        ("/V1/a", "/V1/a"),
        ("/a/v1", "/a/v1"),
        ("/", "/"),
    ],
)
def test_strip_prefix(target: str, stripped: str) -> None:
    """A prefix goes by whole segments, once, and what does not begin so passes."""
    assert passed(StripPrefix("/v1"), asking(target)).target == stripped


@given(st.lists(segment, min_size=1, max_size=3), st.lists(segment, max_size=3))
def test_prefixes_come_and_go(prefix: list[str], path: list[str]) -> None:
    """What one filter adds the other takes away again."""
    added = "/" + "/".join(prefix)
    head = asking("/" + "/".join(path))
    assert passed(StripPrefix(added), passed(AddPrefix(added), head)) == head


def test_a_head_that_is_not_changed_is_the_very_same() -> None:
    """Filters that have nothing to do hand on the head that they were given."""
    head = asking("/a")
    assert StripPrefix("/v1").request(head, session()) is head
    assert RewritePath("^/v1", "/").request(head, session()) is head


@pytest.mark.parametrize("make", [StripPrefix, AddPrefix])
@pytest.mark.parametrize(
    ("prefix", "mistake"),
    [
        ("v1", "'v1' does not start with a slash; write '/v1'"),
        ("/v1/", "'/v1/' ends with a slash; write '/v1'"),
        ("/", "'/' ends with a slash; write '/v1'"),
        ("/a/../b", "'/a/../b' is not in normal form; resolve its dots, and decode what need not be encoded"),
        ("/%7ea", "'/%7ea' is not in normal form; resolve its dots, and decode what need not be encoded"),
        ("/%5c", "'/%5c' is not in normal form; resolve its dots, and decode what need not be encoded"),
        ("/v1?x", "'/v1?x' holds what no request can have in its path; percent-encode it"),
        ("/caf\u00e9", "'/caf\u00e9' holds what no request can have in its path; percent-encode it"),
        (None, "None is not a text; write '/v1'"),
    ],
)
def test_prefixes_that_cannot_be(make: Any, prefix: Any, mistake: str) -> None:
    """A prefix that no path could have is told with what to write instead."""
    assert mistakes(make, prefix) == [f"{make.__name__}: prefix: {mistake}"]


@pytest.mark.parametrize(
    ("pattern", "replacement", "target", "rewritten"),
    [
        (r"^/u/([0-9]+)$", r"/users/\1", "/u/7?x=/u/8", "/users/7?x=/u/8"),
        (r"^/(?P<lang>[a-z]{2})/", r"/\g<lang>-x/", "/de/a", "/de-x/a"),
        (r"//+", "/", "/a//b///c", "/a/b/c"),
        (r"(?x) \.html$ # as files are called", "", "/a.html", "/a"),
        (r"^/b", "/c", "/a/b", "/a/b"),
        (r"(a)|(b)", r"[\2]", "/b", "/[b]"),
        (r"\.", "", "/../a", "//a"),
        (r"a", "b", "/../a", "/../b"),
    ],
)
def test_rewrite_path(pattern: str, replacement: str, target: str, rewritten: str) -> None:
    """What the expression finds in the path is replaced, and the query is neither searched nor changed."""
    assert passed(RewritePath(pattern, replacement), asking(target)).target == rewritten


@pytest.mark.parametrize(
    ("pattern", "replacement", "target"),
    [
        ("^/a", "", "/ab"),
        ("a", " ", "/a"),
        ("a", "\u20ac", "/a"),
        ("x", "", "/a/.x./b"),
        ("x", "", "/.x"),
        ("25", "", "/a/%252e%252e/b"),
        ("25", "", "/a/%255C"),
    ],
)
def test_rewritten_paths_that_cannot_be(pattern: str, replacement: str, target: str) -> None:
    """A path that comes out as none, or is no longer in the one form of paths, fails and goes nowhere."""
    with pytest.raises(FilterFailed, match="raised ValueError") as caught:
        passed(RewritePath(pattern, replacement), asking(target))
    assert str(caught.value.__cause__).startswith("what comes of the path ")


@pytest.mark.parametrize(
    ("pattern", "replacement", "mistake"),
    [
        ("(", "", "pattern: '(': missing ), unterminated subpattern at position 0; write a regular expression"),
        (None, "", "pattern: None: first argument must be string or compiled pattern; write a regular expression"),
        ("(a)", r"\2", r"replacement: '\\2': invalid group reference 2 at position 1; write a text such as"),
        ("a", r"\g<x>", r"replacement: '\\g<x>': unknown group name 'x'; write a text such as"),
        ("a", "/b?c", "replacement: '/b?c': it goes beyond the path; write a text such as"),
        ("a", "/b#c", "replacement: '/b#c': it goes beyond the path; write a text such as"),
        ("a", None, "replacement: None: "),
    ],
)
def test_rewrites_that_cannot_be(pattern: Any, replacement: Any, mistake: str) -> None:
    """An expression or a replacement that Python cannot read is told, before there is a request."""
    (line,) = mistakes(RewritePath, pattern, replacement)
    assert line.startswith(f"RewritePath: {mistake}")


@pytest.mark.parametrize(
    ("host", "authority"),
    [("a.test", "a.test"), ("{id}.test:8080", "7.test:8080"), ("[::1]:80", "[::1]:80"), ("{captures.id}", "7")],
)
def test_rewrite_host(host: str, authority: str) -> None:
    """The request goes on to another host, with a port where there is one, from a capture where it says so."""
    assert passed(RewriteHost(host), asking(), id="7").authority == authority


@pytest.mark.parametrize("captured", ["", "a/b", "a b", "u@a", "a:80", "a\r\nx: y", "\u20ac"])
def test_hosts_that_cannot_be(captured: str) -> None:
    """What a client may have put into a capture is a host, or fails."""
    with pytest.raises(FilterFailed):
        passed(RewriteHost("{id}.test"), asking(), id=captured)


@pytest.mark.parametrize("host", ["", "a/b", "a:", "a:123456", "http://a", "{id", "{session.x}", None])
def test_hosts_that_could_never_be(host: Any) -> None:
    """What could be no host with any capture is told before there is a request."""
    (line,) = mistakes(RewriteHost, host)
    assert line.startswith("RewriteHost: host: ")


HEAD = asking("/", fields=(("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")))


def test_headers_are_set_added_and_removed() -> None:
    """What is set replaces all of its name, what is added joins them, what is removed goes; the rest is as it was."""
    one = RequestHeaders(set={"A": "new"}, add={"b": "{id} ", "d": "{client}"}, remove=["C", "none"])
    fields = (("b", "2"), ("a", "new"), ("b", "7"), ("d", "192.0.2.1"))
    assert passed(one, HEAD, id="7").fields == fields
    assert passed(RequestHeaders(remove="b"), HEAD).get("b") is None


def test_headers_of_answers() -> None:
    """Those of answers are changed in the same way, and each leaves the other's heads alone."""
    chain = chain_of([ResponseHeaders(set={"x-id": "{id}"}, remove=["server"]), RequestHeaders(set={"x-a": "1"})])
    assert chain is not None
    head, body = chain.answer(ResponseHead(200, fields=(("server", "x"), ("date", "y"))), session(id="7"))
    assert isinstance(head, ResponseHead)
    assert (head.fields, body) == ((("date", "y"), ("x-id", "7")), None)
    assert passed(ResponseHeaders(set={"x-a": "1"}), HEAD) is HEAD


@pytest.mark.parametrize("captured", ["a\r\nb: c", "\x00", "\u20ac"])
def test_no_capture_breaks_out_of_its_field(captured: str) -> None:
    """What cannot stand in a field fails; nothing of it goes anywhere."""
    with pytest.raises(FilterFailed):
        passed(RequestHeaders(set={"x-a": "{id}"}), HEAD, id=captured)


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, ["there is nothing to do; give set, add or remove"]),
        ({"set": 5}, ["set: 5 is not a mapping; write {'x-env': 'beta'}"]),
        ({"add": "x-a"}, ["add: 'x-a' is not a mapping; write {'x-env': 'beta'}"]),
        ({"remove": 5}, ["remove: 5 is not the name of a field; use letters, digits and hyphens"]),
        ({"set": {"a b": "1"}}, ["set: 'a b' is not the name of a field; use letters, digits and hyphens"]),
        ({"set": {"x-a": "1"}, "remove": "X-A"}, ["'x-a' is set or removed more than once; do it once"]),
        ({"set": {"x-a": "1", "X-A": "2"}}, ["'x-a' is set or removed more than once; do it once"]),
        ({"add": {"Host": "a"}}, ["add: 'Host' is not a filter's to change; use RewriteHost"]),
        (
            {"remove": ["te"]},
            ["remove: 'te' is not a filter's to change; leave it out: the balancer says it where it holds"],
        ),
        (
            {"set": {"x-a": "{"}, "add": {"x-b": "a\nb"}},
            [
                "set: 'x-a': '{' has a brace by itself; write {{ or }} for one that is meant",
                "add: 'x-b': 'a\\nb' is no value of a field; write one line, of Latin letters",
            ],
        ),
    ],
)
@pytest.mark.parametrize("make", [RequestHeaders, ResponseHeaders])
def test_headers_that_cannot_be(make: Any, settings: dict[str, Any], lines: list[str]) -> None:
    """All that is wrong is told at once, each mistake in one line."""
    assert mistakes(make, **settings) == [f"{make.__name__}: {line}" for line in lines]


def test_are_values() -> None:
    """Filters made alike are equal and hash alike."""
    assert StripPrefix("/v1") == StripPrefix("/v1")
    assert RequestHeaders(set={"a": "1"}) == RequestHeaders(set={"a": "1"})
    assert len({*ALL, StripPrefix("/v1"), RequestHeaders(set={"x-a": "1"}), Respond(200)}) == len(ALL)
    assert repr(RequestHeaders(set={"a": "{id}"})) == "RequestHeaders(set={'a': '{id}'}, add={}, remove=())"


def test_the_captures_that_are_needed() -> None:
    """Filters tell what the texts they fill in need."""
    assert RewriteHost("{a}.example").captures == {"a"}
    assert RequestHeaders(set={"x": "{a}"}, add={"y": "{b}"}).captures == {"a", "b"}
    assert ResponseHeaders(remove="x").captures == set()
