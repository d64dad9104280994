"""What serves each kind of listener, from what a user wrote; binds nothing."""

from __future__ import annotations

from balancer import config as nouns
from balancer.assembly.datagrams import make_udp
from balancer.assembly.http import make_http
from balancer.assembly.parts import Parts
from balancer.assembly.tcp import make_tcp
from balancer.net.listeners import Listener


def make_listener(parts: Parts, settings: nouns.Listener) -> Listener:
    """Make what serves it; the pools must have been made."""
    if isinstance(settings, nouns.HTTPListener):
        return make_http(parts, settings)
    if isinstance(settings, nouns.TCPListener):
        return make_tcp(parts, settings)
    assert isinstance(settings, nouns.UDPListener)
    return make_udp(parts, settings)
