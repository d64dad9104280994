"""What stands behind each kind of listener."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Pool, UDPListener
from balancer.core.datagrams import Flows
from balancer.core.flow_bounds import Bounds
from balancer.net.listeners import FlowListener, StreamListener
from tests.assembly.parts import assembled, relay


def test_each_kind_has_its_listener() -> None:
    """TCP and HTTP are streams, UDP has flows."""
    datagrams = UDPListener("udp:53", pool=Pool("dns", backends=["127.0.0.1:53"]))
    kinds = [type(listener) for _, listener in assembled(relay(), datagrams).listeners]
    assert kinds == [StreamListener, FlowListener]


def test_flows_have_the_bounds_of_their_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a UDP listener says of its flows is what holds for them."""
    made: list[Flows] = []
    monkeypatch.setattr(
        "balancer.assembly.listeners.DatagramListener", lambda *_, make_flows, **_others: made.append(make_flows(None))
    )
    given: dict[str, Any] = {"idle": 7, "max_flows": 5, "max_flows_per_source": 3, "replies": 2, "requests": 4}
    assembled(UDPListener("udp:53", pool=Pool("dns", backends=["127.0.0.1:53"]), **given))
    assert [flows.bounds for flows in made] == [Bounds(**given)]
