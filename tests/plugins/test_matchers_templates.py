"""Paths by template and by expression: what they capture, and what is told of those that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import Kind
from balancer.plugins.matchers import Path

USERS = Path(template="/users/{id}/posts/{post}")
FILES = Path(template="/files/{rest...}")
DOTTED = Path(template="/a.b/{x}/")


def asking(target: str) -> Session:
    """A session with a request for this."""
    return Session(Kind.HTTP, ("192.0.2.1", 40000), 0.0, RequestHead("GET", target, "a.test"))


@pytest.mark.parametrize(
    ("path", "target", "found"),
    [
        (USERS, "/users/7/posts/x%2Fy?a=1", {"id": "7", "post": "x%2Fy"}),
        (USERS, "/users/7/posts/", False),
        (USERS, "/users//posts/1", False),
        (USERS, "/users/7/posts/1/", False),
        (USERS, "/users/7/posts", False),
        (USERS, "/users/7/8/posts/1", False),
        (FILES, "/files/", {"rest": ""}),
        (FILES, "/files/a/b//", {"rest": "a/b//"}),
        (FILES, "/files", False),
        (FILES, "/filesa/", False),
        (DOTTED, "/a.b/1/", {"x": "1"}),
        (DOTTED, "/axb/1/", False),
        (DOTTED, "/a.b/1", False),
        (Path(template="/{all...}"), "/", {"all": ""}),
        (Path(template="/{all...}"), "*", False),
        (Path(template="/v1"), "/v1", True),
        (Path(template="/v1"), "/v1/x", False),
        (Path(regex=r"/(?P<lang>de|fr)(?:/(?P<rest>.*))?"), "/de", {"lang": "de"}),
        (Path(regex=r"/(?P<lang>de|fr)(?:/(?P<rest>.*))?"), "/fr/x?y", {"lang": "fr", "rest": "x"}),
        (Path(regex=r"/(?P<lang>de|fr)(?:/(?P<rest>.*))?"), "/den", False),
        (Path(regex=r"/\d+"), "/12", True),
        (Path(regex=r"\*"), "*", True),
    ],
)
def test_what_is_captured(path: Path, target: str, found: object) -> None:
    """A capture takes one whole segment, the last one all the rest if it says so; an expression matches the whole."""
    assert path.matches(asking(target)) == found


segments = st.text("ab.~%-", min_size=1, max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["a", "b.c", None]), segments), min_size=1, max_size=4))
def test_a_template_takes_what_was_put_in(drawn: list[tuple[str | None, str]]) -> None:
    """Segments put in place of the captures of a template come out of it again, by their names."""
    fixed = [text or f"{{c{number}}}" for number, (text, _) in enumerate(drawn)]
    filled = [text or segment for text, segment in drawn]
    captures = {f"c{number}": segment for number, (text, segment) in enumerate(drawn) if text is None}
    assert Path(template="/" + "/".join(fixed)).matches(asking("/" + "/".join(filled))) == (captures or True)


@pytest.mark.parametrize(
    ("path", "prefixes"),
    [
        (USERS, ("/users",)),
        (FILES, ("/files",)),
        (Path(template="/{x}/y"), ("/",)),
        (Path(template="/a/b"), ("/a/b",)),
        (Path(regex="/a"), None),
        (Path("/a/b/", exact=True), ("/a/b/",)),
    ],
)
def test_what_is_known_beforehand(path: Path, prefixes: object) -> None:
    """A template is looked up by what stands before its first capture, an expression cannot be."""
    assert path.prefixes == prefixes


ONE = "give one of '/v1', template='/users/{id}' and regex=r'...'"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, f"prefix: {ONE}"),
        ({"prefix": "/a", "regex": "/a"}, f"prefix and regex: {ONE}"),
        ({"template": "/a", "regex": "/a"}, f"template and regex: {ONE}"),
        (
            {"template": "/{a}", "exact": True},
            "exact: would be ignored, for a template matches whole paths; leave it out",
        ),
        ({"regex": "/a", "exact": True}, "exact: would be ignored, for a regex matches whole paths; leave it out"),
        ({"template": "a"}, "template: 'a' does not start with a slash; write '/a'"),
        ({"template": "/{a}?x"}, "template: '/{a}?x' goes beyond the path; write '/{a}'"),
        ({"template": 5}, "template: 5 is not a text; write '/v1'"),
        (
            {"template": "/{a}.json"},
            (
                "template: '/{a}.json' has a segment '{a}.json' that is no capture as a whole; "
                "write one such as {id}, or use regex=r'...'"
            ),
        ),
        (
            {"template": "/{1}"},
            (
                "template: '/{1}' has a segment '{1}' that is no capture as a whole; "
                "write one such as {id}, or use regex=r'...'"
            ),
        ),
        (
            {"template": "/{a...}/{b}"},
            "template: '/{a...}/{b}' has segments behind a capture of all the rest; put that at the end",
        ),
        (
            {"template": "/{a...}/b"},
            "template: '/{a...}/b' has segments behind a capture of all the rest; put that at the end",
        ),
        ({"template": "/{a}/{a}"}, "template: '/{a}/{a}' names two captures alike; give each its own name"),
        ({"template": "/a/../{b}"}, "template: '/a/../{b}' is not how a path is forwarded"),
        ({"template": "/a b"}, "template: '/a b' holds what no request can have in its path; percent-encode it"),
        (
            {"regex": "/("},
            "regex: '/(' is no regular expression: missing ), unterminated subpattern at position 1; correct it",
        ),
    ],
)
def test_mistakes(settings: dict[str, Any], line: str) -> None:
    """What could not work is told in one line that says what to write."""
    with pytest.raises(ConfigError) as caught:
        Path(**settings)
    assert caught.value.mistakes == (f"Path: {line}",)
