"""Certificates as text for fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.certificate_texts import byte_sequence, distinguished, listed
from balancer.core.messages import VALUE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CN=billing,O=Example", "CN=billing,O=Example"),
        (r"CN=a\,b\\", r"CN=a\,b\\"),
        (r"CN=a\ ", r"CN=a\20"),
        ("CN=Jörg", r"CN=J\C3\B6rg"),
        ("CN=a\r\nx: y", r"CN=a\0D\0Ax: y"),
        ("CN=a\\\n", r"CN=a\0A"),
        ("", ""),
    ],
)
def test_distinguished_names(name: str, text: str) -> None:
    """What is plain stays, and the rest is written as RFC 4514 has it."""
    assert distinguished(name) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("DNS:a.example", "URI:spiffe://a/b%20c"), "DNS:a.example, URI:spiffe://a/b%20c"),
        (("URI:x:a,DNS:admin.example",), "URI:x:a%2CDNS:admin.example"),
        (("email:jörg@a", "URI:a b"), "email:j%C3%B6rg@a, URI:a%20b"),
        ((), ""),
    ],
)
def test_lists_of_names(names: tuple[str, ...], text: str) -> None:
    """Names stand with commas between, and none can look like two."""
    assert listed(names) == text


@given(st.text().map(lambda text: f"CN={text}"))
def test_every_text_fits_into_a_field(text: str) -> None:
    """Whatever a certificate holds comes out as the value of a field, but for a bare space at the end."""
    assert VALUE.fullmatch(distinguished(text.rstrip(" ")))
    assert VALUE.fullmatch(listed([text, text]))


@given(st.lists(st.text(), max_size=4))
def test_a_list_has_as_many_items_as_names(names: list[str]) -> None:
    """A list is as long as there are names, whatever they hold."""
    assert listed(names).count(",") == max(0, len(names) - 1)


def test_bytes() -> None:
    """Bytes are written as structured fields have them."""
    assert byte_sequence(b"\x00\xff>") == ":AP8+:"
