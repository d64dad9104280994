"""What is wrong with where backends are checked and their agents asked; refuses to know how, and of what pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from balancer.config.agent import Agent
from balancer.config.backends import Backend
from balancer.config.endpoints import backend_endpoint, endpoint_or_none
from balancer.config.health import Health
from balancer.config.mistakes import instance


def wrong_places(backends: Sequence[Backend], health: Any, agent: Any) -> Iterator[str]:
    """What is wrong, a line for each."""
    if isinstance(health, Health):
        yield from _wrong_port("health", "check", health.port, backends)
    elif health is None:
        yield from _in_vain("check", "health=Health(...)", backends)
    if isinstance(agent, Agent):
        yield from _wrong_port("agent", "agent", agent.port, backends)
        for backend in (backend for backend in backends if agent.port is None and backend.agent is None):
            yield f"agent: {backend} has no place for it; give Agent a port, or the backend agent='host:port'"
    elif agent is None:
        yield from _in_vain("agent", "agent=Agent(...)", backends)
    else:
        yield from instance("agent", agent, Agent, "give one such as Agent(port=9999)")


def _wrong_port(field: str, own: str, port: Any, backends: Sequence[Backend]) -> Iterator[str]:
    """A port for all, where it suits none, or not all."""
    left = [backend for backend in backends if getattr(backend, own) is None]
    if port is None:
        return
    if not left:
        yield f"{field}: port: would be ignored, for every backend has its own {own}; leave it out"
    for backend in left:
        endpoint = endpoint_or_none(backend_endpoint, backend.address)
        if endpoint is not None and isinstance(endpoint.place, str):
            yield f"{field}: port: {backend} is at a path, which has no ports; give the backend {own}='unix:/path'"


def _in_vain(own: str, remedy: str, backends: Sequence[Backend]) -> Iterator[str]:
    for backend in (backend for backend in backends if getattr(backend, own) is not None):
        yield f"backends: {backend}: {own} would be ignored, for nobody asks there; give the pool {remedy}"
