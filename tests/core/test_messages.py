"""Heads: what is read off them, and that changed copies are fit for a wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import END, End, Head, RequestHead, ResponseHead, checked_field

TCHARS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
names = st.text(st.sampled_from(TCHARS), min_size=1, max_size=8)
visible = st.characters(min_codepoint=0x21, max_codepoint=0xFF).filter(lambda char: not "\x7f" <= char < "\x80")
values = st.text(visible | st.sampled_from(" \t"), max_size=10).map(lambda value: value.strip(" \t"))
anything = st.text(st.characters(max_codepoint=0x2FF), max_size=5)


def is_name(name: str) -> bool:
    """A token (RFC 9110 5.6.2)."""
    return bool(name) and all(char in TCHARS for char in name)


def is_value(value: str) -> bool:
    """Visible latin-1 text, with space and tab inside only (RFC 9110 5.5)."""
    inner = all(char in " \t" or "!" <= char <= "~" or "\x80" <= char <= "\xff" for char in value)
    return inner and value.strip(" \t") == value


@given(names | anything, values | anything)
def test_fields_are_what_the_grammar_allows(name: str, value: str) -> None:
    """A field that fits the grammar comes back with its name in lower case, and any other is refused."""
    if is_name(name) and is_value(value):
        assert checked_field(name, value) == (name.lower(), value)
    else:
        with pytest.raises(ValueError, match="field"):
            checked_field(name, value)


@given(st.lists(st.tuples(names.map(str.lower), values), max_size=5).map(tuple), names, values)
def test_changed_copies(fields: tuple[tuple[str, str], ...], name: str, value: str) -> None:
    """Copies have the field once, once more, or not at all; all else keeps its order, and the head is as it was."""
    head, low = RequestHead("GET", "/", fields=fields), name.lower()
    others = tuple(field for field in fields if field[0] != low)
    assert head.with_field(name, value).fields == (*others, (low, value))
    assert head.with_added(name, value).fields == (*fields, (low, value))
    assert head.without(low).fields == others
    assert head.get_all(low) == [held for key, held in fields if key == low]
    assert head.get(low) == next(iter(head.get_all(low)), None)
    assert head.fields == fields


def test_bad_fields_never_enter_a_copy() -> None:
    """Neither way to add a field takes one that would break a line."""
    for change in (Head().with_field, Head().with_added):
        with pytest.raises(ValueError, match="x-a"):
            change("x-a", "1\r\nx-b: 2")


@given(
    st.sampled_from([
        ("Example.COM:8080", "example.com"), ("example.com.", "example.com"), ("example.com.:80", "example.com"),
        ("[2001:DB8::1]:443", "2001:db8::1"), ("[::1]", "::1"), ("", ""), ("192.0.2.1", "192.0.2.1"),
    ])
)  # fmt: skip
def test_host_is_comparable(told: tuple[str, str]) -> None:
    """However a client writes an authority, the host is one: lower case, without port, dot and brackets."""
    authority, host = told
    assert RequestHead("GET", "/", authority).host == host


@given(st.sampled_from([("/a", "/a", ""), ("/a?b?c", "/a", "b?c"), ("/?", "/", ""), ("*", "*", "")]))
def test_path_and_query(told: tuple[str, str, str]) -> None:
    """The path ends at the first question mark, the query begins behind it."""
    target, path, query = told
    head = RequestHead("GET", target)
    assert (head.path, head.query) == (path, query)


@given(st.integers(100, 599))
def test_interim_is_what_another_head_follows(status: int) -> None:
    """Below 200 another head follows, save 101, behind which there is no HTTP."""
    assert ResponseHead(status).interim == (status < 200 and status != 101)


def test_the_usual_end_has_no_trailers() -> None:
    """An end is a value, and the usual one says nothing more."""
    assert End() == END
    assert END.trailers == ()


def test_what_may_be_secret_is_not_shown() -> None:
    """Neither the `repr` of a head nor the refusal of a field tells a target, a query or the value of a field."""
    fields = (("cookie", "SECRET"),)
    assert repr(RequestHead("GET", "/?t=SECRET", "a", fields=fields)) == "RequestHead(method='GET', authority='a')"
    assert "SECRET" not in repr(ResponseHead(200, fields=fields))
    for name, value in (("x-a", "SECRET\r\n"), ("Bearer SECRET", "x-a")):
        with pytest.raises(ValueError, match="field") as caught:
            checked_field(name, value)
        assert "SECRET" not in str(caught.value)


def test_a_copy_is_nobodys_but_its_own() -> None:
    """A copy says the same, and has nothing of what others have found out about the head."""
    head = ResponseHead(200, "OK", fields=(("b", "c"),), version="1.0", length=3)
    head.wire, head.last_wire, head.downward, head.dated = b"wire", b"last", head, True
    copy = head.copy()
    assert copy == head
    assert (copy.wire, copy.last_wire, copy.downward, copy.dated) == (None, None, None, None)
