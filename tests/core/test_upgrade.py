"""Changes of protocol as heads tell of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.upgrade import check_granted, permitted, protocols
from balancer.errors import ResponseInvalid

NAMES = st.sampled_from(["websocket", "WebSocket", "h2c", "TLS/1.0", "foo/2", "FOO/2", "x!"])
PROTOCOLS = st.lists(NAMES).map(tuple)


@pytest.mark.parametrize(
    ("connection", "upgrade", "found"),
    [
        (["upgrade"], ["websocket"], ("websocket",)),
        (["Upgrade"], ["WebSocket"], ("WebSocket",)),
        (["keep-alive, \tUPGRADE"], ["websocket"], ("websocket",)),
        (["keep-alive", "upgrade"], ["HTTP/2.0, foo/2", "bar"], ("HTTP/2.0", "foo/2", "bar")),
        (["upgrade"], [", websocket ,, \t"], ("websocket",)),
        (["upgrade"], [" , "], ()),
        (["upgrade"], [""], ()),
        (["upgrade"], [], ()),
        ([], ["websocket"], ()),
        (["close"], ["websocket"], ()),
        (["upgrades"], ["websocket"], ()),
        (["upgrade websocket"], ["websocket"], ()),
        (["upgrade"], ["web socket"], ()),
        (["upgrade"], ["websocket;v=13"], ()),
        (["upgrade"], ["foo/"], ()),
        (["upgrade"], ["/2"], ()),
        (["upgrade"], ["foo/2/3"], ()),
        (["upgrade"], ["websocket, foo bar"], ()),
    ],
)
def test_what_a_head_asks_for(connection: list[str], upgrade: list[str], found: tuple[str, ...]) -> None:
    """Both fields are needed, each read as a list, and one element that is no protocol makes nothing of all."""
    assert protocols(connection, upgrade) == found


@given(PROTOCOLS.filter(bool))
def test_what_is_written_reads_back(asked: tuple[str, ...]) -> None:
    """Protocols written as a list are those that are read from it."""
    assert protocols(["upgrade"], [", ".join(asked)]) == asked


@pytest.mark.parametrize(
    ("asked", "names", "left"),
    [
        (("websocket",), {"websocket"}, ("websocket",)),
        (("WebSocket",), {"websocket"}, ("WebSocket",)),
        (("foo/2", "websocket", "Foo"), {"foo"}, ("foo/2", "Foo")),
        (("h2c",), {"websocket"}, ()),
        (("websocket",), (), ()),
    ],
)
def test_what_goes_on(asked: tuple[str, ...], names: set[str], left: tuple[str, ...]) -> None:
    """Only protocols whose name is allowed go on, as they were written and in their order."""
    assert permitted(asked, names) == left


@given(PROTOCOLS.filter(bool), st.data())
def test_a_grant_of_what_was_asked_for(asked: tuple[str, ...], data: st.DataObject) -> None:
    """Any of the protocols asked for may be granted, in whatever case of letters."""
    granted = data.draw(st.lists(st.sampled_from(asked), min_size=1))
    check_granted([data.draw(st.sampled_from([one, one.upper(), one.lower()])) for one in granted], asked)


@pytest.mark.parametrize(
    ("granted", "why"),
    [
        ((), "without a protocol"),
        (("h2c",), "not asked for"),
        (("websocket", "h2c"), "not asked for"),
        (("foo",), "not asked for"),
        (("foo/3",), "not asked for"),
    ],
)
def test_a_grant_of_something_else(granted: tuple[str, ...], why: str) -> None:
    """A 101 that names no protocol, or another, or another version, is no answer."""
    with pytest.raises(ResponseInvalid, match=why):
        check_granted(granted, ("websocket", "foo/2"))
