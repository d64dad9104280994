"""TLS of a listener in a config: given as a whole, and fit for what the listener speaks."""

from __future__ import annotations

import pytest

from balancer.config import TLS, HTTPListener, Pool, TCPListener
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
WRONG = {
    "HTTPListener('tcp:443', tls='certs'": "HTTPListener 'tcp:443': tls: 'certs' is not a TLS; "
    "give one such as TLS('/etc/balancer/certs')",
    "TCPListener('tcp:443', tls=TLS": "TCPListener 'tcp:443': tls: TLS is a class; give an object of it: TLS(...)",
    "HTTPListener('tcp:443', tls=TLS('a', alpn=['h2', 'http/1.1'])": "HTTPListener 'tcp:443': tls: TLS 'a': alpn: 'h2' "
    "is not spoken here; give 'http/1.1' or 'http/1.0', or leave it out",
    "TCPListener('tcp:443', tls=TLS('a', other_hosts='any')": "TCPListener 'tcp:443': tls: TLS 'a': other_hosts would "
    "be ignored, for they are of HTTP requests; leave them out",
}


@pytest.mark.parametrize("given", WRONG)
def test_mistakes(told: Told, given: str) -> None:
    """What is no TLS, or not fit for the listener, is told in a line with what to do."""
    assert told(f"config = Config({given}, pool=Pool('site', backends=['a:1'])))") == [WRONG[given]]


@pytest.mark.parametrize("kind", [TCPListener, HTTPListener])
def test_no_tls_unless_given(kind: type[TCPListener | HTTPListener]) -> None:
    """A listener speaks no TLS unless it is given some."""
    assert kind("tcp:1", pool=SITE).tls is None


def test_what_alpn_offers() -> None:
    """What TLS says is offered, else what is spoken behind it, if that has a name."""
    tls, other = TLS("a"), TLS("a", alpn="http/1.0")
    assert HTTPListener("tcp:1", pool=SITE, tls=tls).protocols == ("http/1.1",)
    assert HTTPListener("tcp:1", pool=SITE, tls=other).protocols == ("http/1.0",)
    assert TCPListener("tcp:1", pool=SITE, tls=tls).protocols == ()
    assert TCPListener("tcp:1", pool=SITE, tls=tls, starttls="postgres").protocols == ("postgresql",)
    assert HTTPListener("tcp:1", pool=SITE).protocols == ()
