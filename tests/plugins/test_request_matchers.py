"""The matchers on what a request says beside host and path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, Kind
from balancer.plugins.matchers import Cookie, Header, Method, Query, Scheme

silent = Session(Kind.TCP, ("192.0.2.1", 40000), 0.0)
ALL: list[Any] = [
    Method("GET", "HEAD"),
    Scheme("https"),
    Header("x-env", "beta"),
    Header("X-Env"),
    Header("x-env", regex=r"(?P<env>b\w+)"),
    Query("env", "b 1"),
    Query("env"),
    Query("env", regex=r"(?P<env>b.*)"),
    Cookie("env", "beta"),
    Cookie("env"),
    Cookie("env", regex=r"(?P<env>b.*)"),
]


def asking(method: str = "GET", target: str = "/", *fields: tuple[str, str], scheme: str = "http") -> Session:
    """A session with a request for this."""
    return Session(Kind.HTTP, ("192.0.2.1", 40000), 0.0, RequestHead(method, target, "a.test", scheme, fields=fields))


near = st.text('env=b;&+% 1eta\\"\xe9', max_size=12)
fields = st.tuples(st.sampled_from(["x-env", "cookie", "x-other"]), near)
requests = st.builds(
    lambda method, query, given_fields: asking(method, f"/?{query}", *given_fields),
    st.sampled_from(["GET", "get", "POST"]),
    near,
    st.lists(fields, max_size=4),
)


@pytest.mark.parametrize("matcher", ALL, ids=repr)
def test_provides_the_interface(matcher: Any) -> None:
    """Every matcher provides `IMatcher`, its class is listed as a plugin, and it says that it is for requests."""
    assert verifyObject(IMatcher, matcher)
    assert IPlugin.providedBy(type(matcher))
    assert IMatcherPlugin.providedBy(type(matcher))
    assert set(matcher.kinds) == {Kind.HTTP}
    assert matcher.matches(silent) is False


@given(st.sampled_from(ALL), requests)
def test_never_raises_for_what_a_client_sends(matcher: Any, session: Session) -> None:
    """Whatever a request holds, the answer is True, False or what was captured."""
    found = matcher.matches(session)
    assert found in (True, False) or set(found) == {"env"}


def test_method() -> None:
    """A request matches that has one of the methods, case counting."""
    assert Method("GET", "HEAD").matches(asking("HEAD"))
    assert not Method("GET", "HEAD").matches(asking("POST"))
    assert not Method("GET").matches(asking("get"))


def test_scheme() -> None:
    """A request matches that came by the scheme."""
    assert Scheme("https").matches(asking(scheme="https"))
    assert not Scheme("https").matches(asking())
    assert Scheme("http").matches(asking())


VALUED: list[tuple[type[Any], Callable[..., Session]]] = [
    (Header, lambda *values: asking("GET", "/", *[("env", value) for value in values])),
    (Query, lambda *values: asking("GET", "/?" + "&".join(f"env={value}" for value in values))),
    (Cookie, lambda *values: asking("GET", "/", *[("cookie", f"x=y; env={value}") for value in values])),
]


@pytest.mark.parametrize(("matcher", "request_of"), VALUED, ids=["header", "query", "cookie"])
def test_values(matcher: type[Any], request_of: Callable[..., Session]) -> None:
    """Without a value the name is enough; else one of its values is the whole one, or matched as a whole."""
    assert matcher("env").matches(request_of("x")) is True
    assert matcher("env").matches(request_of()) is False
    assert matcher("other").matches(request_of("x")) is False
    assert matcher("env", "beta").matches(request_of("alpha", "beta")) is True
    assert matcher("env", "beta").matches(request_of("beta2", "Beta", "xbeta")) is False
    assert matcher("env", "").matches(request_of("")) is True
    expression = matcher("env", regex=r"b(?P<n>\d)?")
    assert expression.matches(request_of("a", "b7", "b8")) == {"n": "7"}
    assert expression.matches(request_of("b")) is True
    assert expression.matches(request_of("b7x", "xb7")) is False


def test_header_names_have_no_case() -> None:
    """A field's name may be written in any case."""
    assert Header("X-ENV", "beta").matches(asking("GET", "/", ("x-env", "beta")))


def test_query_is_decoded() -> None:
    """A parameter is the same however it is spelled."""
    assert Query("the env", "caf\u00e9 1").matches(asking("GET", "/?x&the+en%76=caf%C3%a9+1"))
    assert Query("debug", "").matches(asking("GET", "/?debug"))
    assert not Query("debug").matches(asking("GET", "/debug"))


@pytest.mark.parametrize(
    "text",
    [
        "Method('GET', 'HEAD')",
        "Scheme('https')",
        "Header('x-env')",
        "Header('x-env', 'beta')",
        "Query('env', regex='b+')",
        "Cookie('env', 'beta')",
    ],
)
def test_are_values_shown_as_written(text: str) -> None:
    """Matchers made alike are equal, hash alike and are shown as they are written in a config."""
    one, other = eval(text), eval(text)  # noqa: S307  the texts stand above
    assert one == other
    assert len({one, other}) == 1
    assert repr(one) == text


OF_UPGRADES = "write a function, such as lambda session: 'websocket' in session.request.upgrade"
NO_VALUE = "is none that a request can have; write it as it is sent"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (Method, "Method: methods: () is no method; write it in capitals, such as 'GET'"),
        (lambda: Method("get"), "Method: methods: 'get' is no method; write it in capitals, such as 'GET'"),
        (lambda: Method("A B"), "Method: methods: 'A B' is no method; write it in capitals, such as 'GET'"),
        (lambda: Method(5), "Method: methods: 5 is no method; write it in capitals, such as 'GET'"),  # type: ignore[arg-type]  # the mistake under test
        (lambda: Method("CONNECT"), "Method: methods: 'CONNECT' is never forwarded; leave it out"),
        (lambda: Scheme("ws"), "Scheme: name: 'ws' is not a choice; give 'http' or 'https'"),
        (lambda: Header("x env"), "Header: name: 'x env' is no field name; use letters, digits and hyphens"),
        (lambda: Header("X_Env"), "Header: name: 'X_Env' is never forwarded, for its underscore; write 'x-env'"),
        (lambda: Header("Host"), "Header: name: 'Host' is no field here; write Host('example.com')"),
        (
            lambda: Header("Connection", "close"),
            "Header: name: 'Connection' is no field here; it belongs to the client's connection; leave it out",
        ),
        (lambda: Header("upgrade", "websocket"), f"Header: name: 'upgrade' is no field here; {OF_UPGRADES}"),
        (lambda: Header(None), "Header: name: None is not a text; write it in quotes"),  # type: ignore[arg-type]  # the mistake under test
        (lambda: Header("a", "b\n"), f"Header: value: 'b\\n' {NO_VALUE}"),
        (lambda: Header("a", " b"), f"Header: value: ' b' {NO_VALUE}"),
        (
            lambda: Header("a", 5),  # type: ignore[arg-type]  # the mistake under test
            "Header: value: 5 is not a text; write it in quotes, or leave it out for any value",
        ),
        (lambda: Header("a", "b", regex="b"), "Header: regex: cannot stand beside value; give one of them"),
        (
            lambda: Header("a", regex="("),
            "Header: regex: '(' is no regular expression: missing ), unterminated subpattern at position 0; correct it",
        ),
        (lambda: Query(""), "Query: name: '' is empty; give the parameter's name"),
        (lambda: Cookie("a=b"), "Cookie: name: 'a=b' is no name of a cookie; use letters, digits, - and _"),
        (lambda: Cookie("a", "b; c"), f"Cookie: value: 'b; c' {NO_VALUE}"),
    ],
)
def test_mistakes(make: Callable[[], object], line: str) -> None:
    """What could not match is told in one line that says what to write."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.mistakes == (line,)


def test_every_mistake_is_told() -> None:
    """Each wrong setting has its own line."""
    with pytest.raises(ConfigError) as caught:
        Header("a b", "\n")
    assert [line.split(":")[1] for line in caught.value.mistakes] == [" name", " value"]


def test_what_may_be_captured() -> None:
    """Values matched by an expression tell the names of its groups; all else captures nothing."""
    assert all(set(kind("a", regex="(?P<b>.*)").captures) == {"b"} for kind in (Header, Query, Cookie))
    assert not any(matcher.captures for matcher in (Header("a"), Method("GET"), Scheme("http")))
