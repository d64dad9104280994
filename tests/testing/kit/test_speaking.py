"""What is said to a plugin whose words one knows: all that is known to be hostile, where the plugin looks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from balancer.core.http1 import RequestDecoder, RequestEncoder
from balancer.core.messages import RequestHead
from balancer.interfaces import Kind
from balancer.testing.kit.speaking import (
    brief,
    outright_answers,
    outright_requests,
    outright_sessions,
    requests_for,
    sessions_for,
)


class Looks:
    """Looks for a scheme in a field, and for a path."""

    expression = re.compile(r"/v[12]/(?P<user>[a-z]+)", re.ASCII)

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        said = session.request.get("x-credentials")
        return bool(said.startswith("digest ") or self.expression.match(session.request.path) or re.match(b"[", b""))


class Odd:
    """Mentions what is a pattern by its looks, and matches nothing."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return session.server_name in ("a^", "(?=b)c$")


def test_what_is_hostile_is_said_outright() -> None:
    """Hostile values stand in the fields that a plugin names, alone and behind its words; its paths are asked for."""
    heads = list(outright_requests(Looks()))
    said = {value for head in heads for value in head.get_all("x-credentials")}
    assert {"", "\xb2", "digest", "digest =", "digest nan"} <= said
    assert "/v1/a" in {head.target for head in heads}
    assert {head.get("x-credentials") for head in outright_answers(Looks())} <= said
    peeks = {session.peek for session in outright_sessions(Looks())}
    assert {b"\xff" * 16, b"d", b"digest "} <= peeks
    assert {session.kind for session in outright_sessions(Looks())} == set(Kind)


@pytest.mark.parametrize("plugin", [Looks(), Odd(), len], ids=["looks", "odd", "says nothing"])
def test_all_heads_are_such_as_the_decoder_lets_pass(plugin: Any) -> None:
    """Whatever is said outright arrives as it was said."""
    for head in outright_requests(plugin):
        _arrives(head)


@given(requests_for(Looks()))
def test_drawn_heads_arrive(head: RequestHead) -> None:
    """What the strategy makes of a plugin's words arrives as well."""
    _arrives(head)


@given(sessions_for(len))
def test_who_says_nothing_is_told_what_all_are(session: Any) -> None:
    """For a plugin that mentions nothing there are the sessions that there are for all."""
    assert session.kind in Kind


def _arrives(head: RequestHead) -> None:
    if head.target == "*" or not head.authority or not head.target.startswith("/"):
        return
    whole = RequestHead("GET", head.target, head.authority, fields=head.fields)
    read = RequestDecoder().receive(RequestEncoder().head(whole))[0]
    assert isinstance(read, RequestHead)
    assert (read.target, read.fields) == (head.target, head.fields)


def test_long_texts_are_shortened() -> None:
    """A story shows the beginning of a long text, and how long it is."""
    assert brief("9" * 5000) == f"{'9' * 40!r} and so on, 5000 characters"
    assert brief("a") == "'a'"
