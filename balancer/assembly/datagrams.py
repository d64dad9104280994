"""Listeners of datagrams and their flows, from what a user wrote; binds nothing."""

from __future__ import annotations

from collections.abc import Callable

from balancer import config as nouns
from balancer.assembly.faults import FaultLog
from balancer.assembly.parts import Parts, pool_of
from balancer.core.datagrams import Flows
from balancer.core.faults import Faults
from balancer.core.flow import Edge
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keys import FlowKeys
from balancer.core.keyed_flows import KeyedChoice, KeyedFlows
from balancer.core.routes import Route, Routes
from balancer.net.datagrams import DatagramListener
from balancer.net.listeners import FlowListener


def make_udp(parts: Parts, settings: nouns.UDPListener) -> FlowListener:
    """Make what relays datagrams; the pools must have been made."""
    assert not isinstance(settings.place, str)
    interface, port = settings.place
    max_flows = min(settings.max_flows, parts.most_flows)
    parts.room.set_apart(max_flows)
    bounds = Bounds(
        idle=settings.idle,
        max_flows=max_flows,
        replies=settings.replies,
        requests=settings.requests,
        max_flows_per_source=settings.max_flows_per_source,
    )
    return FlowListener(
        lambda flow_ended: DatagramListener(
            parts.reactor,
            interface=interface,
            port=port,
            make_flows=lambda edge: _flows(parts, settings, edge, bounds, flow_ended),
            send_proxy=settings.send_proxy is not None,
            shared=settings.reuse_port,
        )
    )


def _flows(parts: Parts, settings: nouns.UDPListener, edge: Edge, bounds: Bounds, ended: Callable[[], object]) -> Flows:
    targets = [Route(route.matcher, parts.pools[pool_of(route)], name=route.title) for route in settings.routes]
    routes = Routes(targets, Faults(FaultLog(), f"{settings}: "))
    parts.faults.append(routes.faults)
    if settings.key is None:
        return Flows(Choice(routes), edge, parts.deadlines, bounds, ended=ended, work=parts.work)
    keys = FlowKeys(settings.key, [parts.pools[pool] for pool in settings.pools], FaultLog())
    parts.faults.append(keys.faults)
    return KeyedFlows(KeyedChoice(routes, keys), edge, parts.deadlines, bounds, ended=ended, work=parts.work)
