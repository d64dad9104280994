"""The examples of filters do what their first lines say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed

from balancer.core.filters import chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.interfaces import Direction, Kind, Reply
from balancer.testing import FakeSession, splits

EXAMPLES = Path(__file__).parents[1] / "examples"
OWN = runpy.run_path(str(EXAMPLES / "own_filter.py"))
BUILT_IN = runpy.run_path(str(EXAMPLES / "filters.py"))


def made_of(target: str) -> Any:
    """What the first route of the example with built-in filters that takes a request makes of it."""
    session: Any = FakeSession(kind=Kind.HTTP, request=RequestHead("GET", target, "127.0.0.1"))
    for route in BUILT_IN["config"].listeners[0].routes:
        found = route.matcher is None or route.matcher.matches(session)
        if found is not False:
            session.become(captures={} if found is True else found)
            chain = chain_of(route.filters)
            return session.request if chain is None else chain.request(session.request, session)
    return None


@pytest.mark.parametrize(
    ("target", "path", "field"),
    [
        ("/v1/headers?a=b", "/headers?a=b", ("x-asked-for", "127.0.0.1/v1/headers")),
        ("/users/7/headers", "/headers", ("x-user", "7")),
    ],
)
def test_filters_change_requests(target: str, path: str, field: tuple[str, str]) -> None:
    """Each route's filters make of its requests what the demo backends serve, and mark them."""
    head = made_of(target)
    assert head.target == path
    assert field in head.fields
    assert made_of("/headers").fields == ()


def test_filters_answer_themselves() -> None:
    """The documentation is elsewhere, and the status is fixed."""
    assert made_of("/docs/a?b") == Reply(308, fields=(("location", "https://docs.example.com/docs/a?b"),))
    assert made_of("/status") == Reply(200, b"well\n", (("content-type", "text/plain; charset=utf-8"),))


def test_own_filters_mark_and_hide() -> None:
    """One filter marks requests, a function takes a field away."""
    head = RequestHead("GET", "/", fields=(("user-agent", "x"),))
    assert OWN["Beta"]().request(head, FakeSession()).get("x-env") == "beta"
    assert OWN["quiet"](head, FakeSession()).fields == ()


def let_in(token: str | None, status: int) -> Any:
    """What becomes of a request with that token when the account service answers so."""
    accounts, results = OWN["Accounts"](), list[Any]()
    accounts.status_of = lambda _token: succeed(status)
    head = RequestHead("GET", "/", fields=() if token is None else (("authorization", token), ("a", "b")))
    Deferred.fromCoroutine(accounts.request(head, FakeSession())).addCallback(results.append)
    return results[0]


def test_own_filter_asks_before_it_lets_pass() -> None:
    """Without a token nobody is asked; with one the account service decides, and the token goes no further."""
    assert let_in(None, 200).status == 401
    assert let_in("Bearer x", 403) == Reply(403)
    assert let_in("Bearer x", 200).fields == (("a", "b"),)


@given(st.text("secrt *", max_size=30), st.data())
def test_own_transform_replaces_a_word_wherever_it_is_cut(text: str, data: st.DataObject) -> None:
    """Bodies that are text lose the word, whole or in pieces; others are left alone."""
    replace = OWN["Replace"](b"secret", b"******")
    body = replace.body(ResponseHead(200, fields=(("content-type", "text/html"),)), FakeSession(), Direction.RESPONSE)
    pieces = data.draw(splits(text.encode()))
    out = b"".join(body.feed(piece) for piece in pieces) + body.finish()
    assert out == text.encode().replace(b"secret", b"******")


def test_own_transform_leaves_the_rest_alone() -> None:
    """Requests and what is no text have no words to replace."""
    replace, text = OWN["Replace"](b"a", b"b"), (("content-type", "text/plain"),)
    assert replace.body(ResponseHead(200), FakeSession(), Direction.RESPONSE) is None
    assert replace.body(RequestHead("POST", "/", fields=text), FakeSession(), Direction.REQUEST) is None
    assert replace.request(RequestHead("GET", "/", fields=(("accept-encoding", "br"),)), FakeSession()).fields == ()
