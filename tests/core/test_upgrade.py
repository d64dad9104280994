"""Changes of protocol as heads tell of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.upgrade import asking, granted, granting, protocols
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
    """Only protocols whose name is allowed go on, as they were written; without any it is an ordinary request."""
    head = asking(RequestHead("GET", "/", "site", fields=(("a", "b"),), upgrade=asked), names)
    said = (("connection", "upgrade"), ("upgrade", ", ".join(left))) if left else ()
    assert (head.upgrade, head.fields) == (left, (("a", "b"), *said))
    assert protocols(head.get_all("connection"), head.get_all("upgrade")) == left


def consent(*fields: tuple[str, str]) -> ResponseHead:
    """A 101 with these fields."""
    return ResponseHead(101, "Switching Protocols", fields=fields, length=None)


@given(PROTOCOLS.filter(bool), st.data())
def test_a_grant_of_what_was_asked_for(asked: tuple[str, ...], data: st.DataObject) -> None:
    """Any of the protocols asked for may be granted, in whatever case of letters, and the client is told so."""
    chosen = data.draw(st.lists(st.sampled_from(asked), min_size=1))
    written = [data.draw(st.sampled_from([one, one.upper(), one.lower()])) for one in chosen]
    head = consent(("connection", "Upgrade"), ("upgrade", ",".join(written)))
    assert granted(head, asked) == tuple(written)
    told = granting(consent(("a", "b")), granted(head, asked))
    assert told == consent(("a", "b"), ("connection", "upgrade"), ("upgrade", ", ".join(written)))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ((), "without a protocol"),
        ((("upgrade", "websocket"),), "without a protocol"),
        ((("connection", "upgrade"),), "without a protocol"),
        ((("connection", "upgrade"), ("upgrade", "h2c")), "not asked for"),
        ((("connection", "upgrade"), ("upgrade", "websocket, h2c")), "not asked for"),
        ((("connection", "upgrade"), ("upgrade", "foo")), "not asked for"),
        ((("connection", "upgrade"), ("upgrade", "foo/3")), "not asked for"),
    ],
)
def test_a_grant_of_something_else(fields: tuple[tuple[str, str], ...], why: str) -> None:
    """A 101 that names no protocol, or another, or another version, is no answer."""
    with pytest.raises(ResponseInvalid, match=why):
        granted(consent(*fields), ("websocket", "foo/2"))
