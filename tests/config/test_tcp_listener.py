"""Listeners of TCP as values."""

from __future__ import annotations

import pytest

from balancer.config import Pool, Route, TCPListener
from balancer.plugins.first_bytes import SNI
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
PRELUDE = """
from zope.interface import implementer
from balancer import TLS
from balancer.interfaces import IFilter
from balancer.plugins.first_bytes import SSH
@implementer(IFilter)
class Heads:
    def request(self, head, session): return head
    response = request
site = Pool('site', backends=['a:1'])
"""
WRONG = {
    "routes=Route(SSH(), site, filters=Heads())": "routes: route 1: filters: would be ignored, for they change "
    "requests, of which TCP has none; leave them out",
    "routes=Route(SSH(), site), peek_timeout=0": "peek_timeout: 0 is not a positive number of seconds; "
    "give one such as 3",
    "pool=site, peek_timeout=5": "peek_timeout: would be ignored, for no route looks at the first bytes; leave it out",
    "pool=site, starttls='postgres'": "starttls: would be ignored without tls; give tls=TLS(...), or leave it out",
    "pool=site, tls=TLS('/certs'), starttls='smtp'": "starttls: 'smtp' is not a choice; give 'postgres'",
    "routes=Route(lambda _: True, site), peek_timeout=5": "peek_timeout: would be ignored, for no route looks at "
    "the first bytes; leave it out",
}


def test_defaults() -> None:
    """A relay bears ten minutes of silence, half a minute once one side has finished, and tells of no client."""
    listener = TCPListener("tcp:5432", pool=SITE)
    assert (listener.idle, listener.linger, listener.send_proxy, listener.accept_proxy) == (600, 30, None, ())
    assert (listener.peek_timeout, listener.peeks) == (3, False)


def test_a_matcher_that_peeks() -> None:
    """With one route that looks at the first bytes, the time for them is heeded."""
    listener = TCPListener("tcp:443", routes=[Route(SNI("a.example"), SITE), Route(pool=SITE)], peek_timeout=1)
    assert listener.peeks


@pytest.mark.parametrize("settings", WRONG)
def test_mistakes(told: Told, settings: str) -> None:
    """A setting that is wrong, or would be ignored, is told in a line."""
    text = f"{PRELUDE}config = Config(TCPListener('tcp:1', {settings}))"
    assert told(text) == [f"TCPListener 'tcp:1': {WRONG[settings]}"]
