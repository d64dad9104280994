"""Texts that are filled in for each request."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead
from balancer.core.secured import ClientCertificate
from balancer.interfaces import Kind
from balancer.plugins.templates import HOST, KNOWN, PATH, misfit, template
from balancer.testing import FakeSession

CERTIFICATE = ("subject", "common_name", "issuer", "serial", "names", "fingerprint")
REQUEST = RequestHead("GET", "/a/b?c=d", "Example.com:8080", "https", fields=(("x-request-id", "42"),))
SESSION = FakeSession(
    kind=Kind.HTTP, request=REQUEST, server_name="sni.test", captures={"id": "7", "user-id": "u", "host": "captured"}
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{client}", "192.0.2.1"),
        ("{method} {scheme}://{host}{path}?{query}", "GET https://example.com/a/b?c=d"),
        ("{server_name}/{request_id}", "sni.test/42"),
        ("<{id}>", "<7>"),
        ("{captures.id}{user-id}", "7u"),
        ("{host}, {captures.host}", "example.com, captured"),
        ("{{id}}", "{id}"),
    ],
)
def test_fills_in(text: str, filled: str) -> None:
    """A name in braces is what is known by that name, or was captured; doubled braces are braces."""
    assert template(text)(SESSION) == filled


def test_what_is_not_there_is_empty() -> None:
    """What is known of other requests and not of this one is an empty text, and so is a group without a match."""
    bare: Any = {"id": None}
    session = FakeSession(request=RequestHead("GET", "/"), captures=bare)
    assert template("<{server_name}{request_id}{host}{query}{id}>")(session) == "<>"


def test_what_is_known_of_tls() -> None:
    """Version and cipher are told, and of a certificate that is verified what it says, in plain text."""
    certificate = ClientCertificate(
        "CN=Jörg", "CN=Root", "2a", ("DNS:a", "DNS:b"), "00ff", 0.0, 1.0, verified=True, common_name="Jörg"
    )
    text = "{tls.version} {tls.cipher}" + "".join(f"|{{certificate.{name}}}" for name in CERTIFICATE)
    session = FakeSession(request=REQUEST, tls_version="TLSv1.3", cipher="X", certificate=certificate)
    assert template(text)(session) == r"TLSv1.3 X|CN=J\C3\B6rg|J\C3\B6rg|CN=Root|2a|DNS:a, DNS:b|00ff"
    session.become(certificate=attrs.evolve(certificate, verified=False))
    assert template(text)(session) == "TLSv1.3 X||||||"
    assert template(text)(FakeSession(request=REQUEST)) == " ||||||"


def test_a_capture_that_the_route_has_not_made_fails() -> None:
    """What was never captured is a mistake that is told, and no empty text."""
    with pytest.raises(LookupError, match="the route captured no 'nothing'"):
        template("{nothing}")(SESSION)


def test_values_can_be_escaped() -> None:
    """What is filled in is made fit, and what stands around it is left as it is."""
    made = template("/a/{client}", lambda value: value.replace(".", "-"))
    assert (made(SESSION), made.filled, made.text) == ("/a/192-0-2-1", "/a/x", "/a/{client}")


@pytest.mark.parametrize("text", ["{session.client}", "{}", "{a[0]}", "{host!r}", "{host:>5}", "{host:id}", "{a b}"])
def test_an_unknown_name_is_told(text: str) -> None:
    """What is none of the names that there can be is told, with all that there are."""
    with pytest.raises(
        ValueError, match=r"is not known; write \{captures.name\} for what the route captured"
    ) as caught:
        template(text)
    assert all(f"{{{name}}}" in str(caught.value) for name in KNOWN)


@pytest.mark.parametrize("text", ["{", "}", "a{b", "{{}"])
def test_a_brace_by_itself_is_told(text: str) -> None:
    """A brace that belongs to no other is told, with how to write one."""
    with pytest.raises(ValueError, match=re.escape("has a brace by itself; write {{ or }}")):
        template(text)


@pytest.mark.parametrize("text", [None, 5, b"x"])
def test_only_a_text_will_do(text: Any) -> None:
    """What is no text is told as such."""
    with pytest.raises(ValueError, match="is not a text"):
        template(text)


@given(st.text())
def test_doubled_braces_are_the_text_itself(text: str) -> None:
    """Any text can be written so that it stands for itself."""
    assert template(text.replace("{", "{{").replace("}", "}}"))(SESSION) == text


def test_a_misfit_is_told_before_there_is_a_session() -> None:
    """A template is judged with something in each place."""
    assert list(misfit("host", "{id}.test", HOST, "write a host")) == []
    assert list(misfit("host", "{id}/x", HOST, "write a host")) == ["host: '{id}/x' is not a host; write a host"]
    (line,) = misfit("path", "/{", PATH, "-")
    assert line.startswith("path: '/{' has a brace by itself")


@pytest.mark.parametrize("host", ["a", "a.b.", "127.0.0.1", "[::1]", "my_host"])
def test_hosts(host: str) -> None:
    """A host is a name or an address."""
    assert HOST.fullmatch(host)
    assert not any(HOST.fullmatch(odd + host) for odd in ("/", " ", "@", ".", "a:", "?"))


@given(st.text(max_size=5))
def test_paths(rest: str) -> None:
    """A path is of visible ASCII, without query and fragment."""
    fit = all("!" <= letter <= "~" and letter not in "?#" for letter in rest)
    assert bool(PATH.fullmatch(f"/{rest}")) is fit


@pytest.mark.parametrize(("text", "names"), [("{a}/{captures.b}/{client}", {"a", "b"}), ("{{a}}", set())])
def test_the_captures_that_are_needed(text: str, names: set[str]) -> None:
    """A template tells of what the route has to capture for it, and of nothing else that it names."""
    assert template(text).captures == names
