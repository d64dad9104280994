"""How the names of backends are looked up, and from where backends are connected to; refuses to look anything up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any, Final

from balancer.config.backends import Backend
from balancer.config.endpoints import backend_endpoint, endpoint_or_none, is_address
from balancer.config.mistakes import parsed, seconds, shown, sound

_DNS_PORT: Final = 53
_LEAST_PAUSE: Final = 1.0
"""Seconds; names that were looked up in a closer row would keep their servers from their work."""


def name_server(text: str) -> tuple[str, int]:
    """The address and the port of a DNS server. Raises `ValueError` with what is wrong."""
    if is_address(text):
        return text, _DNS_PORT
    endpoint = endpoint_or_none(backend_endpoint, text)
    if endpoint is None or endpoint.scheme or isinstance(endpoint.place, str) or endpoint.has_name:
        raise ValueError(f"{shown(text)} is no DNS server; give its IP address, such as '10.0.0.2' or '10.0.0.2:53'")
    return endpoint.place


def _local_address(text: str) -> None:
    """Take an address of this machine. Raises `ValueError` with what is wrong."""
    if not is_address(text) or ip_address(text).is_unspecified:
        raise ValueError(f"{shown(text)} is no address of a machine; give one such as '10.0.0.5'")


def wrong_names(backends: Iterable[Backend], resolve_every: Any, dns: Iterable[Any]) -> Iterator[str]:
    """What is wrong with how the names of these backends are looked up, a line for each."""
    if resolve_every is not None:
        yield from seconds("resolve_every", resolve_every, like=30, least=_LEAST_PAUSE)
    for server in dns:
        yield from parsed("dns", server, name_server)
    known = [endpoint_or_none(backend_endpoint, address) for address in _addresses(sound(backends, Backend))]
    if any(endpoint is None or endpoint.has_name for endpoint in known):
        return
    for field, value in (("resolve_every", resolve_every), ("dns", dns)):
        if value:
            yield f"{field}: would be ignored, for no backend has a name; leave it out"


def _addresses(backends: Iterable[Backend]) -> list[str]:
    """All places that are looked up for them."""
    each = (address for backend in backends for address in (backend.address, backend.check, backend.agent))
    return [address for address in each if address is not None]


def wrong_source(backends: Iterable[Backend], source: Any) -> Iterator[str]:
    """What is wrong with the local address from which these backends are connected to, a line for each."""
    mistakes = list(parsed("source", source, _local_address))
    yield from mistakes
    if mistakes:
        return
    known = [(backend, endpoint_or_none(backend_endpoint, backend.address)) for backend in sound(backends, Backend)]
    if all(endpoint is not None and isinstance(endpoint.place, str) for _, endpoint in known):
        yield "source: would be ignored, for every backend is a unix socket; leave it out"
    for backend, endpoint in known:
        if endpoint is None or isinstance(endpoint.place, str) or endpoint.has_name:
            continue
        if (":" in endpoint.place[0]) is not (":" in source):
            yield f"source: {source!r} cannot reach {backend}, which is of the other IP version; give each its own Pool"
