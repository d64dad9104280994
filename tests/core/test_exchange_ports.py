"""The ports of an exchange: what the edge gives it has every member."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.exchange_ports import Downstream, Pending, Upstream, Upstreams
from balancer.net.answers import Answers
from balancer.net.dialing import Dialing
from balancer.net.upstreams import HTTPUpstream
from balancer.net.upstreams import Upstreams as Connections


@pytest.mark.parametrize(
    ("port", "given"),
    [(Downstream, Answers), (Upstream, HTTPUpstream), (Pending, Dialing), (Upstreams, Connections)],
)
def test_the_edge_has_what_an_exchange_asks_for(port: Any, given: Any) -> None:
    """Each member of a port is there, by its name."""
    members = {name for name in dir(port) if not name.startswith("_")}
    assert members <= {*dir(given), *getattr(given, "__annotations__", ())}
