"""The one form of a path: what is changed, what is kept, what is refused, and that it means the same afterwards."""

from __future__ import annotations

import string
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from balancer.core.paths import as_is, normal, path_policy
from balancer.errors import PathRefused

escapes = st.integers(0, 255).map("%{:02x}".format) | st.integers(0, 255).map("%{:02X}".format)
pieces = st.sampled_from(["/", "//", ".", "..", "/.", "/..", "%2e", "%2E", "%2f", "%5c", "%00", ";", "\\", "%", "a"])
paths = st.lists(pieces | escapes | st.text("abZ09-._~!$&'()*+,;=:@", max_size=3), max_size=8).map(
    lambda drawn: "/" + "".join(drawn)
)
queries = st.just("") | st.text("ab/.%\\2eE&=?", max_size=9).map("?{}".format)


@pytest.mark.parametrize(
    ("given_target", "expected"),
    [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a/b/../", "/a/"),
        ("/a/..", "/"),
        ("/.", "/"),
        ("/a/b/c/./../../g", "/a/g"),  # RFC 3986 5.2.4
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/a/%2E", "/a/"),
        ("/%7euser/%41%2d%5F", "/~user/A-_"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%2f...%2f.b%2f..b", "/a%2F...%2F.b%2F..b"),
        ("/a//..", "/a/"),
        ("//a", "//a"),
        ("/a;x=1/...;/.b;/b..;", "/a;x=1/...;/.b;/b..;"),
        ("/.well-known/...", "/.well-known/..."),
        ("/%252e%252e/", "/%252e%252e/"),
        ("/%3f%23%3B", "/%3F%23%3B"),
        ("/a/../b?x=/../%2e%zz\\", "/b?x=/../%2e%zz\\"),
    ],
)
def test_normal_form(given_target: str, expected: str) -> None:
    """Dot segments go in every spelling, what need not be encoded is decoded, and nothing else is touched."""
    assert normal(given_target) == expected


@pytest.mark.parametrize("form", ["{:02X}", "{:02x}"])
def test_every_escape(form: str) -> None:
    """Of all 256 escapes, two are refused, those of unreserved characters are decoded, and the rest is in capitals."""
    for code in set(range(256)) - {0x00, 0x5C}:
        plain = chr(code) if chr(code) in string.ascii_letters + string.digits + "-._~" else f"%{code:02X}"
        assert normal(f"/a%{form.format(code)}b") == f"/a{plain}b"


@pytest.mark.parametrize(
    "target", ["/", "*", "/v1/users?x=1", "/caf%C3%A9", "/a%2Fb//c;d", "/a?x=%2e%2e/\\%", "/.well-known/x", "//"]
)
def test_what_is_normal_is_not_copied(target: str) -> None:
    """A target in normal form comes back as the same object, whatever its query holds."""
    assert normal(target) is target


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/..", "climbs above the root"),
        ("/a/../..", "climbs above the root"),
        ("/%2e%2e/etc", "climbs above the root"),
        ("/a\\..\\b", "holds a backslash"),
        ("/a%5cb", "encoded backslash or NUL"),
        ("/a%5Cb", "encoded backslash or NUL"),
        ("/a%00", "encoded backslash or NUL"),
        ("/100%", "begins no escape"),
        ("/%zz?x", "begins no escape"),
        ("/%4", "begins no escape"),
        ("/public/..%2fadmin", "dot segment at an encoded slash"),
        ("/public/%2e%2E%2Fadmin?x", "dot segment at an encoded slash"),
        ("/public%2f../admin", "dot segment at an encoded slash"),
        ("/public%2F..", "dot segment at an encoded slash"),
        ("/.%2fadmin", "dot segment at an encoded slash"),
        ("/public/..;/admin", "before a semicolon"),
        ("/public/.;x=1", "before a semicolon"),
        ("/public/..;x%2fy", "before a semicolon"),
    ],
)
def test_refused(target: str, why: str) -> None:
    """What backends would read in different ways is refused with 400, and not quoted."""
    with pytest.raises(PathRefused, match=why) as caught:
        normal(target)
    assert caught.value.status == 400
    assert target not in str(caught.value)


def meant(path: str) -> list[bytes]:
    """The segments of a path as somebody understands it who resolves it after decoding each of them."""
    kept: list[bytes] = []
    segments = [unquote_to_bytes(segment) for segment in path.split("/")[1:]]
    for segment in segments:
        if segment == b"..":
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    return kept + ([b""] if segments[-1] in {b".", b".."} else [])


def settled(path: str, query: str = "") -> str:
    """The normal form of a path that has one."""
    try:
        return normal(path + query)
    except PathRefused:
        assume(False)
        raise


@given(paths, queries)
def test_nothing_changes_twice(path: str, query: str) -> None:
    """The normal form of a normal form is itself, so that no second reader sees another path."""
    once = settled(path, query)
    assert normal(once) is once


@given(paths, queries)
def test_the_meaning_stays(path: str, query: str) -> None:
    """The same segments are meant before and after, none of them a dot segment, and the query is as it was."""
    target = settled(path, query)
    changed, question, after = target.partition("?")
    assert question + after == query
    assert [unquote_to_bytes(segment) for segment in changed.split("/")[1:]] == meant(path)
    assert not {".", ".."} & set(changed.split("/"))


@given(paths)
def test_never_decodes_into_a_delimiter(path: str) -> None:
    """Nothing that divides a path, or ends it, is there afterwards that was not there before, nor any other escape."""
    changed = settled(path)
    assert all(changed.count(delimiter) <= path.count(delimiter) for delimiter in "/?#;:@!$&'()*+,=[]\\")
    assert changed.count("%") <= path.count("%")


@given(paths | st.text(max_size=9))
def test_as_is(target: str) -> None:
    """Under the other policy nothing is changed or refused."""
    assert as_is(target) is target


def test_policies_by_name() -> None:
    """Each policy has the name that a listener's setting gives it."""
    assert [path_policy(name) for name in ("normal", "as-is")] == [normal, as_is]
    with pytest.raises(KeyError):
        path_policy("other")
