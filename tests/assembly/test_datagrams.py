"""What stands behind a listener of datagrams."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Pool, Route, UDPListener
from balancer.core.datagrams import Flows
from balancer.core.flow_bounds import Bounds
from balancer.core.keyed_flows import KeyedFlows
from balancer.plugins.datagrams import DNSName
from balancer.plugins.flow_keys import QUICConnectionID
from tests.assembly.parts import assembled, relay


def test_flows_have_the_bounds_of_their_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a UDP listener says of its flows is what holds for them."""
    made: list[Flows] = []
    monkeypatch.setattr(
        "balancer.assembly.datagrams.DatagramListener", lambda *_, make_flows, **_others: made.append(make_flows(None))
    )
    given: dict[str, Any] = {"idle": 7, "max_flows": 5, "max_flows_per_source": 3, "replies": 2, "requests": 4}
    assembled(UDPListener("udp:53", pool=Pool("dns", backends=["127.0.0.1:53"]), **given))
    assert [flows.bounds for flows in made] == [Bounds(**given)]


@pytest.mark.parametrize(
    ("asked", "given", "left"), [([9999], [480], 240), ([9999, 9999], [240, 240], 240), ([9], [9], 475)]
)
def test_flows_leave_descriptors_to_connections(
    asked: list[int], given: list[int], left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All flows together have half the descriptors at most, in equal parts, and connections the rest."""
    made: list[Flows] = []
    monkeypatch.setattr(
        "balancer.assembly.datagrams.DatagramListener", lambda *_, make_flows, **_others: made.append(make_flows(None))
    )
    monkeypatch.setattr("balancer.net.sessions.getrlimit", lambda _what: (1024, 1024))
    pool = Pool("dns", backends=["127.0.0.1:53"])
    assembly = assembled(
        relay(), *(UDPListener(f"udp:{53 + at}", pool=pool, max_flows=flows) for at, flows in enumerate(asked))
    )
    assert ([flows.bounds.max_flows for flows in made], assembly.room.limit) == (given, left)


def test_flows_go_by_routes_and_by_their_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes lead to their pools, and a key makes flows that go by it, over the backends of all of them."""
    made: list[Any] = []

    def listen(*_: Any, make_flows: Any, send_proxy: bool, **_others: Any) -> None:
        made.append((make_flows(None), send_proxy))

    monkeypatch.setattr("balancer.assembly.datagrams.DatagramListener", listen)
    inside, outside = Pool("in", backends=["127.0.0.1:53"]), Pool("out", backends=["127.0.0.1:54"])
    routes = [Route(DNSName("*.example"), inside), Route(pool=outside)]
    assembled(
        UDPListener("udp:53", routes=routes, key=QUICConnectionID(server_ids={"127.0.0.1:54": b"1"}), send_proxy="v2"),
        UDPListener("udp:54", routes=routes),
    )
    (keyed, told), (plain, untold) = made
    assert (type(keyed), told, type(plain), untold) == (KeyedFlows, True, Flows, False)
    pool, backend = keyed.keys.home(b"\x43\x0012345678")
    assert (pool.name, backend.name) == ("out", "127.0.0.1:54")
