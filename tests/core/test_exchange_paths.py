"""The path of an exchange: one form of it is matched and forwarded, or the request is refused before anything else."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.messages import END, RequestHead
from balancer.core.paths import as_is
from balancer.core.routes import Route, Routes
from tests.core.stage import Stage


def asked(target: str, *, policy: Any = None, filters: Any = ()) -> tuple[Stage, list[str]]:
    """What is said of a request for that, until a connection stands."""
    stage = Stage()
    exchange = stage.exchange(RequestHead("GET", target, "example.com"), filters=filters)
    if policy is not None:
        exchange.site.path = policy
    exchange.start([END])
    if stage.waiting:
        stage.connect()
    return stage, stage.transcript.take()


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [("/a/../b?x=/../", "/b?x=/../"), ("/%61%2f", "/a%2F"), ("/plain", "/plain"), ("*", "*")],
)
def test_one_form_is_matched_and_forwarded(target: str, forwarded: str) -> None:
    """Routes, policies and the backend are given the path in normal form, and the query as it was."""
    stage, said = asked(target)
    assert said == ["dial", f"u1 >> GET {forwarded}; end"]
    assert stage.algorithm.sessions[0].request.target == forwarded


def test_a_route_never_sees_another_form() -> None:
    """A path that is spelled around a route is in normal form when its matcher is asked."""
    seen: list[str] = []

    def noting(session: Any) -> bool:
        seen.append(session.request.path)
        return True

    stage = Stage()
    exchange = stage.exchange(RequestHead("GET", "/public/%2e%2e/admin", "example.com"))
    exchange.site.routes = Routes([Route(noting, stage.target)])
    exchange.start([END])
    assert seen == ["/admin"]


@pytest.mark.parametrize("target", ["/..", "/a%5cb", "/%00", "/%"])
def test_refused(target: str) -> None:
    """What must not pass is refused with 400 before it has a route, and nobody is dialed."""
    stage, said = asked(target)
    assert said == ["client refused 400 path-refused", "client done"]
    assert [str(error.status) for error in stage.ends if error] == ["400"]


@pytest.mark.parametrize("target", ["/a/../b", "/..", "/%", "/a\\b"])
def test_as_is(target: str) -> None:
    """Where paths are left as they are, each is forwarded as it came."""
    assert asked(target, policy=as_is)[1] == ["dial", f"u1 >> GET {target}; end"]
