"""Who is asked for names, and from where backends are connected to: what is taken, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Backend, Pool
from balancer.config.names import name_server
from balancer.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.2", ("10.0.0.2", 53)),
        ("10.0.0.2:5353", ("10.0.0.2", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_name_servers(text: str, server: tuple[str, int]) -> None:
    """A server is an address of either family, with or without a port."""
    assert name_server(text) == server


@pytest.mark.parametrize("text", ["", "ns:53", "udp:10.0.0.2:53", "unix:/run/dns", "10.0.0.2:0", "10.0.0.2:", 53, None])
def test_no_name_server(text: Any) -> None:
    """A name, a path, another scheme or anything else is no server, and that is told."""
    with pytest.raises(ConfigError, match="is no DNS server; give its IP address") as caught:
        Pool("site", backends=["a:1"], dns=[text])
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize("source", ["", "0.0.0.0", "::", "a", "10.0.0.5:0", 7])
def test_no_source(source: Any) -> None:
    """A source is one address, without a port."""
    with pytest.raises(ConfigError, match="is no address of a machine"):
        Pool("site", backends=["a:1"], source=source)


@pytest.mark.parametrize(
    ("backends", "source"),
    [
        (["a:1"], "10.0.0.5"),
        (["10.0.0.1:1", "unix:/run/x"], "10.0.0.5"),
        (["[::2]:1", "a:1"], "::1"),
    ],
)
def test_sources(backends: list[str], source: str) -> None:
    """A source suits names, and addresses of its family."""
    assert Pool("site", backends=backends, source=source).source == source


@pytest.mark.parametrize(
    ("settings", "pause"),
    [({}, 30), ({"dns": "10.0.0.2"}, 300), ({"resolve_every": 5}, 5), ({"dns": ["::1"], "resolve_every": 60}, 60)],
)
def test_pauses(settings: Any, pause: float) -> None:
    """Names are looked up every 30 seconds, or every 300 where answers say themselves how long they count."""
    assert Pool("site", backends=["a:1"], **settings).lookup_pause == pause


def test_one_server_needs_no_list() -> None:
    """A single server may stand without a list."""
    assert Pool("site", backends=["a:1"], dns="10.0.0.2").dns == ("10.0.0.2",)


def test_a_backend_that_is_wrong_itself() -> None:
    """Of a backend without a sound address nothing more is told."""
    with pytest.raises(ConfigError) as caught:
        Pool("site", backends=[Backend("[::2]:1"), "a"], source="10.0.0.5", dns="10.0.0.2")
    assert [line.partition(":")[0] for line in caught.value.mistakes] == ["Backend 'a'", "Pool 'site'"]
