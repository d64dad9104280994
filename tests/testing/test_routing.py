"""What a test may ask of a config: where a request goes, and why."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from balancer.config import HTTPListener, Route
from balancer.errors import ConfigError
from balancer.plugins.filters import Redirect, StripPrefix
from balancer.plugins.matchers import Path
from balancer.testing import routed
from tests.explain.configs import API, SITE, site

API_ROUTE = Route(Path(template="/v1/{user}"), API, filters=StripPrefix("/v1"))
CONFIG = site(
    HTTPListener(
        "tcp:80",
        routes=[API_ROUTE, Route(Path("/old"), filters=Redirect(path="/")), Route(Path("/site"), SITE)],
    )
)


def test_what_is_served() -> None:
    """A request has its route with captures, the head as it is sent on, and a backend with reasons against others."""
    one = routed(CONFIG, "GET http://app.example/v1/ann", client="10.1.2.3", headers=["Cookie: a=b"], down=["api/b1"])
    assert (one.route, one.captures, one.pool, one.backend) == (API_ROUTE, {"user": "ann"}, "api", "b3")
    assert one.request is not None
    assert (one.request.target, one.request.get("cookie")) == ("/ann", "a=b")
    assert one.request.get("x-forwarded-for") == "10.1.2.3"
    assert (one.reasons, one.reply, one.refused) == ({"b1": ("down",), "b3": ()}, None, None)
    assert routed(CONFIG, "http://app.example/site", full=["site/b1"]).backend == "b2"
    assert routed(CONFIG, "http://app.example/site", draining=["b1"]).reasons == {"b1": ("draining",), "b2": ()}


def test_what_is_answered() -> None:
    """A filter's answer is there as it is, and nothing goes on."""
    one = routed(CONFIG, "GET http://app.example/old")
    assert one.reply is not None
    assert (one.reply.status, one.request, one.pool, one.reasons) == (308, None, None, {})


def test_what_is_refused() -> None:
    """What nobody takes or serves is no error of the test: it is refused for a reason."""
    none = routed(CONFIG, "GET http://app.example/")
    assert (none.route, none.backend, none.refused) == (None, None, "no-route")
    down = routed(CONFIG, "GET http://app.example/site", down=["b1", "b2"])
    assert (down.pool, down.backend, down.refused) == ("site", None, "no-backend")


def test_what_it_looks_like() -> None:
    """In a failing assertion it says where the request went, and as a text all there is to say."""
    one = routed(CONFIG, "GET http://app.example/site")
    asked = "GET http://app.example/site, from 192.0.2.1:50000"
    assert repr(one) == f"<Routed {asked} => pool 'site': backend b1; if that fails: backend b2>"
    assert str(one).splitlines()[3] == "HTTPListener 'tcp:80'"
    assert one.told["backend"] == "b1"


def test_a_file(tmp_path: File) -> None:
    """A config may be given as a file; what is wrong with it, or with the question, is told as ever."""
    file = tmp_path / "conf.py"
    file.write_text(
        "from balancer import Config, Pool, TCPListener\n"
        "config = Config(TCPListener('tcp:1', pool=Pool('one', backends=['a.example:1'])))\n"
    )
    assert routed(file, "tcp://:1").backend == routed(str(file), "tcp://:1").backend == "a.example:1"
    with pytest.raises(ConfigError, match="no listener takes what"):
        routed(file, "udp://:1")
    with pytest.raises(ConfigError, match="cannot be read"):
        routed(tmp_path / "none.py", "tcp://:1")
