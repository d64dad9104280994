"""What is told as plain values: JSON that keeps its shape, whatever was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from balancer.config import HTTPListener, Route
from balancer.explain import told
from balancer.explain.telling import LONGEST_BODY, SHAPE
from balancer.plugins.filters import RequestHeaders, Respond
from balancer.plugins.matchers import Host, Path
from tests.explain.configs import SITE, asked, site

QUESTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("GET http://a.example:8080/", {}, "served"),
    ("GET http://a.example:8080/", {"down": ["b1", "b2"]}, "unserved"),
    ("GET http://a.example:8080/../", {}, "refused"),
    ("OPTIONS http://a.example:8080/", {"headers": ["Max-Forwards: 0"]}, "replied"),
    ("tcp://:5432", {"client": "[::1]:5"}, "served"),
    ("udp://:53", {}, "served"),
]

SHAPES: dict[str, set[str]] = {
    "": {
        "shape",
        "question",
        "client",
        "outcome",
        "backend",
        "listeners",
        "captures",
        "filters",
        "request",
        "reply",
        "error",
        "pool",
        "notes",
    },
    "listeners": {"listener", "kind", "notes", "routes", "taken", "left"},
    "routes": {"route", "name", "matches", "passed_over", "asked"},
    "asked": {"matcher", "answer", "error", "captures", "joined", "parts"},
    "request": {"came", "sent", "changes"},
    "reply": {"status", "fields", "body"},
    "error": {"status", "reason", "why"},
    "pool": {"pool", "algorithm", "panic", "fault", "tiers", "backends", "choice", "retry"},
    "tiers": {"tier", "share"},
    "backends": {
        "backend",
        "address",
        "state",
        "weight",
        "active",
        "max_connections",
        "tier",
        "tags",
        "reasons",
        "score",
        "note",
    },
    "choice": {"backend", "by", "algorithm", "among", "reason", "why"},
}


def check_shape(name: str, value: Any) -> None:
    """Expect that of every object the keys are those that readers rely on."""
    if isinstance(value, list):
        for one in value:
            check_shape(name, one)
    elif isinstance(value, dict) and name != "captures":
        assert set(value) == SHAPES[{"retry": "choice", "parts": "asked"}.get(name, name)], name
        for key, one in value.items():
            check_shape(key, one)


@pytest.mark.parametrize(("line", "more", "outcome"), QUESTIONS)
def test_the_shape(line: str, more: dict[str, Any], outcome: str) -> None:
    """Whatever the outcome, JSON has the same keys in every place; a change of them is a change of `shape`."""
    value = json.loads(json.dumps(told(asked(site(), line, **more))))
    assert (value["shape"], value["outcome"], value["question"]) == (SHAPE, outcome, line)
    check_shape("", value)


def test_the_difference_of_heads() -> None:
    """What is changed of a head is told line by line, what stays is not."""
    listener = HTTPListener(
        "tcp:80",
        routes=Route(Host("a.example") & Path("/"), SITE, filters=RequestHeaders(remove=["cookie"], set={"x-a": "1"})),
        request_id=False,
        via=None,
    )
    value = told(asked(site(listener), "http://a.example/", headers=["Cookie: a", "Cookie: b", "Accept: */*"]))
    assert value["request"]["came"] == [
        "GET / HTTP/1.1",
        "host: a.example",
        "cookie: a",
        "cookie: b",
        "accept: */*",
    ]
    assert value["request"]["changes"] == [
        "- cookie: a",
        "- cookie: b",
        "+ x-forwarded-for: 192.0.2.1",
        "+ x-forwarded-proto: http",
        "+ x-forwarded-host: a.example",
        "+ x-forwarded-port: 80",
        "+ x-a: 1",
    ]


def test_a_long_reply() -> None:
    """Of a long body only the beginning is told."""
    value = told(
        asked(site(HTTPListener("tcp:80", routes=Route(filters=Respond(200, "x" * 999)))), "http://a.example/")
    )
    assert value["reply"]["status"] == 200
    assert len(value["reply"]["body"]) == LONGEST_BODY
    assert value["request"]["sent"] == value["request"]["changes"] == []


def test_clients_are_told_with_their_port() -> None:
    """An IPv6 address stands in brackets."""
    assert told(asked(site(), "tcp://:5432", client="[::1]:5"))["client"] == "[::1]:5"
    assert told(asked(site(), "tcp://:5432"))["client"] == "192.0.2.1:50000"
