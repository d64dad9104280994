"""The bodies of error answers: the kind that the client likes best, and nothing in them that it sent."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.error_pages import KINDS, LONGEST, error_page, kind_for
from balancer.core.messages import checked_field

TEXT, HTML, JSON = KINDS
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accepts", "kind"),
    [
        ([], TEXT),
        (["*/*"], TEXT),
        ([""], TEXT),
        ([BROWSER], HTML),
        (["application/json"], JSON),
        (["application/json, text/plain, */*"], JSON),
        (["text/html;q=0.5, application/json ; q=0.6"], JSON),
        (["text/html;q=0.5", "application/json;charset=x;q=0.4"], HTML),
        (["TEXT/HTML"], HTML),
        (["text/*;q=0.3, text/html;q=0.2, application/*;q=0.25"], TEXT),
        (["text/*, */*"], TEXT),
        (["*/*, application/json"], JSON),
        (["text/plain;q=0, */*;q=0.1"], HTML),
        (["application/json;q=0, image/png"], TEXT),
        (["image/png"], TEXT),
        (["text/html;q=1.5;x"], HTML),
        (["text/html;q=0.;level=1, application/json;q=0.001"], JSON),
        (["nonsense, /, text/html/5"], TEXT),
        (["a," * LONGEST + "application/json"], TEXT),
    ],
)
def test_what_the_client_likes_best(accepts: list[str], kind: str) -> None:
    """The quality decides, then the more specific range, then the earlier one, then text."""
    assert kind_for(accepts) == kind


@given(st.lists(st.text(st.characters(max_codepoint=0xFF), max_size=60), max_size=4))
def test_any_accept_has_a_kind(accepts: list[str]) -> None:
    """Whatever a client says, one of the three kinds is sent."""
    assert kind_for(accepts) in KINDS


@given(st.sampled_from(KINDS), st.sampled_from([TEXT, HTML, JSON, "*/*", "text/*"]), st.integers(1, 1000))
def test_a_kind_alone_wins(kind: str, other: str, quality: int) -> None:
    """The one kind that is liked best is sent, wherever it stands."""
    said = f"{other};q={(quality - 1) / 1000:.3f}", f"{kind};q={quality / 1000:.3f}"
    if other != kind:
        assert kind_for(said) == kind_for(said[::-1]) == kind


def test_a_text() -> None:
    """Text says status, phrase and reason in a line."""
    body, fields = error_page(TEXT, 503, "pool-full")
    assert body == b"503 Service Unavailable: pool-full\n"
    assert dict(fields) == {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}


def test_a_page() -> None:
    """HTML says the same, and every tag that needs it is closed."""
    body, fields = error_page(HTML, 404, "no-route")
    heard: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            heard.append(data.strip())

    Reader().feed(body.decode())
    assert [text for text in heard if text] == ["404 Not Found", "404 Not Found", "no-route"]
    assert dict(fields)["content-type"] == "text/html; charset=utf-8"


def test_an_object() -> None:
    """JSON says the same by name."""
    body, fields = error_page(JSON, 499, "downstream-gone")
    assert json.loads(body) == {"status": 499, "error": "", "reason": "downstream-gone"}
    assert dict(fields)["content-type"] == "application/json"


@pytest.mark.parametrize("kind", KINDS)
def test_its_fields_can_be_sent(kind: str) -> None:
    """The fields that come with a page are fit for the wire."""
    assert [checked_field(*field) for field in error_page(kind, 400, "x")[1]] == list(error_page(kind, 400, "x")[1])
