"""The matchers on host and path, and the one that always matches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, Kind
from balancer.interfaces.hints import among, below
from balancer.interfaces.matching import captures_of
from balancer.plugins.matchers import Always, Host, Path

ALL = [
    Host("example.com", "*.example.com"),
    Host("a.test", regex=r"(?P<a>x*)(?P<b>e)?.*"),
    Path("/v1"),
    Path("/"),
    Path("/v1", exact=True),
    Path(template="/v1/{x}/{rest...}"),
    Path(regex=r"/(?P<x>v?)1.*"),
    Always(),
]


def asking(authority: str = "", target: str = "/") -> Session:
    """A session with a request for this."""
    return Session(Kind.HTTP, ("192.0.2.1", 40000), 0.0, RequestHead("GET", target, authority))


silent = Session(Kind.TCP, ("192.0.2.1", 40000), 0.0)
near = st.text("aexmplco.:[]*/v1x?#%\0é\U0001f600", max_size=20)
sessions = st.builds(asking, near | st.text(max_size=9), near | st.text(max_size=9)) | st.just(silent)
matchers = st.recursive(
    st.sampled_from(ALL),
    lambda inner: st.builds(lambda a, b: a & b, inner, inner) | st.builds(lambda a: ~a, inner),
    max_leaves=4,
)


@pytest.mark.parametrize("matcher", ALL, ids=repr)
def test_provides_the_interface(matcher: Any) -> None:
    """Every matcher provides `IMatcher`, and its class is listed as a plugin."""
    assert verifyObject(IMatcher, matcher)
    assert IPlugin.providedBy(type(matcher))
    assert IMatcherPlugin.providedBy(type(matcher))


@given(st.sampled_from(ALL), sessions)
@example(Host("example.com"), asking("["))
@example(Path("/"), asking("", ""))
def test_never_raises_for_what_a_client_sends(matcher: Any, session: Session) -> None:
    """Whatever stands in host and path, the answer is True, False or captures, and what matches is within the hints."""
    found = matcher.matches(session)
    assert found in (True, False) or isinstance(found, dict)
    if found is not False and session.request is not None:
        assert matcher.hosts is None or among(session.request.host, matcher.hosts)
        assert matcher.prefixes is None or below(session.request.path, matcher.prefixes)


@given(matchers, matchers, sessions)
def test_obeys_de_morgan(left: Any, right: Any, session: Session) -> None:
    """Composed matchers agree with logic on any session."""
    assert (~(left & right)).matches(session) == (~left | ~right).matches(session)
    assert (~(left | right)).matches(session) == (~left & ~right).matches(session)


@pytest.mark.parametrize(
    ("host", "authority", "found"),
    [
        (Host(regex=r"(?P<shop>[a-z]+)\.shops\.test"), "Red.Shops.Test.:80", {"shop": "red"}),
        (Host(regex=r"(?P<shop>[a-z]+)\.shops\.test"), "red.shops.test.evil", False),
        (Host(regex=r"API\d\.test"), "api1.test", True),
        (Host("a.test", regex=r"b\d?\.test"), "a.test", True),
        (Host("a.test", regex=r"b\d?\.test"), "b7.test", True),
        (Host("a.test", regex=r"b\d?\.test"), "c.test", False),
    ],
)
def test_host_by_expression(host: Host, authority: str, found: object) -> None:
    """An expression matches the whole host in whatever case, beside names or alone, and captures its groups."""
    assert host.matches(asking(authority)) == found


@pytest.mark.parametrize(
    ("names", "authority", "matches"),
    [
        (["example.com"], "example.com", True),
        (["Example.COM."], "eXample.com.:8443", True),
        (["example.com"], "a.example.com", False),
        (["example.com"], "xexample.com", False),
        (["example.com"], "example.com.evil.test", False),
        (["example.com"], "", False),
        (["*.example.com"], "a.example.com:80", True),
        (["*.Example.com"], "A.EXAMPLE.COM", True),
        (["*.example.com"], "a.b.example.com", False),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], ".example.com", False),
        (["*.example.com"], "a.xexample.com", False),
        (["a.test", "b.test"], "b.test", True),
        (["a.test", "b.test"], "c.test", False),
        (["localhost"], "localhost:8080", True),
        (["my_host"], "my_host", True),
        (["192.0.2.7"], "192.0.2.7:80", True),
        (["[2001:DB8::1]"], "[2001:db8::1]:80", True),
        (["[2001:db8::1]"], "[2001:db8::2]", False),
    ],
)
def test_host_compares(names: list[str], authority: str, matches: bool) -> None:
    """A host is compared whole, without case, port and trailing dot; a star is exactly one label."""
    assert Host(*names).matches(asking(authority)) is matches


@given(st.sampled_from(["*.example.com", "example.com"]), st.lists(st.text("az09_-", min_size=1), max_size=4))
def test_host_counts_labels(name: str, labels: list[str]) -> None:
    """Whatever the labels in front are, only their number decides: one for a star, none without."""
    authority = ".".join([*labels, "example.com"])
    assert Host(name).matches(asking(authority)) is (len(labels) == name.count("*"))


@pytest.mark.parametrize(
    ("path", "target", "matches"),
    [
        (Path("/v1"), "/v1", True),
        (Path("/v1"), "/v1/", True),
        (Path("/v1"), "/v1/x/y", True),
        (Path("/v1"), "/v1?x=1", True),
        (Path("/v1"), "/v1x", False),
        (Path("/v1"), "/V1", False),
        (Path("/v1"), "/v", False),
        (Path("/v1"), "/", False),
        (Path("/v1"), "/%761", False),
        (Path("/v1"), "//v1", False),
        (Path("/v1"), "/x?/v1", False),
        (Path("/v1/users"), "/v1/users/7", True),
        (Path("/v1/users"), "/v1", False),
        (Path("/"), "/", True),
        (Path("/"), "/any/thing", True),
        (Path("/"), "*", False),
        (Path("/v1", exact=True), "/v1?x=1", True),
        (Path("/v1", exact=True), "/v1/", False),
        (Path("/v1", exact=True), "/v1/x", False),
        (Path("/v1/", exact=True), "/v1/", True),
        (Path("/v1/", exact=True), "/v1", False),
        (Path("/", exact=True), "/", True),
        (Path("/", exact=True), "/v1", False),
    ],
)
def test_path_compares(path: Path, target: str, matches: bool) -> None:
    """A prefix matches whole segments only, an exact path itself only, and the query has no say."""
    assert path.matches(asking(target=target)) is matches


segments = st.lists(st.from_regex(r"[a-c;~-]{1,3}|%2F|a\.", fullmatch=True), min_size=1, max_size=3)


@given(segments, segments)
def test_path_is_a_prefix_of_segments(prefix: list[str], path: list[str]) -> None:
    """A path matches when its first segments are those of the prefix."""
    matcher = Path("/" + "/".join(prefix))
    assert matcher.matches(asking(target="/" + "/".join(path))) is (path[: len(prefix)] == prefix)


@pytest.mark.parametrize("matcher", [Host("example.com"), Path("/"), Path("/", exact=True)], ids=repr)
def test_no_request_no_match(matcher: Any) -> None:
    """A session that has no request has neither host nor path."""
    assert matcher.matches(silent) is False


@given(sessions)
def test_always_matches(session: Session) -> None:
    """`Always` matches every session and says so beforehand."""
    assert Always().matches(session) is True
    assert Always().always is True


def test_are_values() -> None:
    """Matchers made alike are equal, hash alike and show what they stand for."""
    assert Host("b.test", "A.test") == Host("a.test.", "b.test")
    assert len({Path("/v1"), Path("/v1"), Path("/v1", exact=True), Always(), Always()}) == 3
    assert len({Path(regex="/a"), Path(regex="/a"), Path(template="/a"), Path("/a"), Host(regex="/a")}) == 4


@pytest.mark.parametrize(
    "text",
    [
        "Host('a.test', 'b.test')",
        "Host('a.test', regex='b+')",
        "Host(regex='b+')",
        "Path('/v1')",
        "Path('/v1', exact=True)",
        "Path(template='/{id}')",
        "Path(regex='/.*')",
        "(Host('a.test') & ~Path('/v1'))",
    ],
)
def test_are_shown_as_written(text: str) -> None:
    """A matcher is shown as it is written in a config."""
    assert repr(eval(text)) == text  # noqa: S307  the texts stand above


UNFIT = "* *. a.*.test **.test a..b -a.test a:80 http://a.test a.test/x b\u00fcgel.test \u212aa.test u@a.test ::1 [::1"


@pytest.mark.parametrize("name", [*UNFIT.split(), "[::1]:80", "", "a b", "a.test\n", None, b"a.test"])
def test_host_refuses_what_is_none(name: Any) -> None:
    """A name that no Host field could hold is refused in one line that names it and a remedy."""
    with pytest.raises(ConfigError) as caught:
        Host("good.test", name)
    (line,) = caught.value.mistakes
    assert line.startswith(f"Host: names: {name!r} is not a host name; write 'example.com'")


def test_host_names_every_mistake() -> None:
    """Each wrong name has its own line, and no name at all is a mistake too."""
    with pytest.raises(ConfigError) as caught:
        Host("a:1", "good.test", "b:2")
    assert [line.split("'")[1] for line in caught.value.mistakes] == ["a:1", "b:2"]
    with pytest.raises(ConfigError, match=r"^Host: names: \(\) is not a host name; "):
        Host()
    with pytest.raises(ConfigError, match=r"^Host: regex: '\(' is no regular expression"):
        Host(regex="(")


@pytest.mark.parametrize(
    ("prefix", "mistake"),
    [
        ("v1", "'v1' does not start with a slash; write '/v1'"),
        ("", "'' does not start with a slash; write '/'"),
        ("/v1/", "'/v1/' ends with a slash; write '/v1', or add exact=True"),
        ("//", "'//' ends with a slash; write '/', or add exact=True"),
        ("/v1?x=1", "'/v1?x=1' goes beyond the path; write '/v1'"),
        ("/v1#top", "'/v1#top' goes beyond the path; write '/v1'"),
        ("/users/{id}", "'/users/{id}' holds a capture; write template='/users/{id}'"),
        ("/%7euser", "'/%7euser' is not how a path is forwarded; write '/~user'"),
        ("/a/../b", "'/a/../b' is not how a path is forwarded; write '/b'"),
        ("/a%2fb", "'/a%2fb' is not how a path is forwarded; write '/a%2Fb'"),
        ("/..", "'/..' holds what no request can have in its path; percent-encode it"),
        ("/a%", "'/a%' holds what no request can have in its path; percent-encode it"),
        ("/caf\u00e9", "'/caf\u00e9' holds what no request can have in its path; percent-encode it"),
        ("/a b", "'/a b' holds what no request can have in its path; percent-encode it"),
        ("/a\n", "'/a\\n' holds what no request can have in its path; percent-encode it"),
        (5, "5 is not a text; write '/v1'"),
    ],
)
def test_path_refuses_what_could_not_match(prefix: Any, mistake: str) -> None:
    """A prefix that no path could have is refused in one line that names it and a remedy."""
    with pytest.raises(ConfigError) as caught:
        Path(prefix)
    assert caught.value.mistakes == (f"Path: prefix: {mistake}",)


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"regex": ""}, "regex: '' matches no path, for each begins with a slash; write '/'"),
        ({"regex": "v1/.*"}, "regex: 'v1/.*' matches no path, for each begins with a slash; write '/v1/.*'"),
        ({"regex": 5}, "regex: 5 is not a text; write r'...'"),
        ({"prefix": "/v1", "exact": 1}, "exact: 1 is not a choice; give True or False"),
    ],
)
def test_path_refuses_settings_that_cannot_be_meant(settings: Any, mistake: str) -> None:
    """An expression that no path begins like, and a choice that is none, are told in a line."""
    with pytest.raises(ConfigError) as caught:
        Path(**settings)
    assert caught.value.mistakes == (f"Path: {mistake}",)


@pytest.mark.parametrize("regex", ["v?/a", "v*/a", "v{0}/a", "v|/a", "(?:/a)", "./a", "/a"])
def test_path_takes_expressions_that_may_match(regex: str) -> None:
    """What may match some path is not judged by its first letter."""
    assert Path(regex=regex).regex == regex


def test_what_may_be_captured() -> None:
    """Hosts and paths tell the names of their templates and expressions; without those there are none."""
    names = frozenset({"shop"})
    assert captures_of(Host("a.example", regex="(?P<shop>.*)")) == captures_of(Path(template="/a/{shop}/b")) == names
    assert captures_of(Host("a.example")) == captures_of(Path("/")) == captures_of(Always()) == frozenset()
