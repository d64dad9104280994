"""Listeners of TCP as values."""

from __future__ import annotations

from balancer.config import Pool, TCPListener

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def test_defaults() -> None:
    """A relay bears ten minutes of silence, half a minute once one side has finished, and tells of no client."""
    listener = TCPListener("tcp:5432", pool=SITE)
    assert (listener.idle, listener.linger, listener.send_proxy, listener.accept_proxy) == (600, 30, None, ())
