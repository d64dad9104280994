"""PROXY headers in a config: what it accepts, and what a user is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Config, HTTPListener, Pool, TCPListener, UDPListener
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
WRONG = {
    "TCPListener('tcp:1', pool=site, accept_proxy='10.0.0.1/8')": "TCPListener 'tcp:1': accept_proxy: '10.0.0.1/8' has "
    "bits set behind its prefix; give '10.0.0.0/8'",
    "TCPListener('tcp:1', pool=site, accept_proxy=['::1', 'lb.example'])": "TCPListener 'tcp:1': accept_proxy: "
    "'lb.example' is neither an IP address nor a network; give one such as '10.0.0.0/8'",
    "HTTPListener('tcp:1', pool=site, accept_proxy=[10])": "HTTPListener 'tcp:1': accept_proxy: "
    "10 is neither an IP address nor a network; give one such as '10.0.0.0/8'",
    "TCPListener('tcp:1', pool=site, accept_proxy='::1', proxy=True)": "TCPListener 'tcp:1': proxy: True is not a "
    "choice; give 'required' or 'optional'",
    "TCPListener('tcp:1', pool=site, accept_proxy='::1', proxy_timeout=0)": "TCPListener 'tcp:1': proxy_timeout: "
    "0 is not a positive number of seconds; give one such as 3",
    "TCPListener('tcp:1', pool=site, proxy='optional')": "TCPListener 'tcp:1': proxy: would be ignored without "
    "accept_proxy; give that, or leave this out",
    "HTTPListener('tcp:1', pool=site, proxy_timeout=4)": "HTTPListener 'tcp:1': proxy_timeout: would be ignored "
    "without accept_proxy; give that, or leave this out",
    "TCPListener('unix:/a', pool=site, accept_proxy='::1')": "TCPListener 'unix:/a': accept_proxy: would be ignored, "
    "for nobody has an address on a unix socket; leave it out",
    "TCPListener('tcp:1', pool=site, send_proxy=2)": "TCPListener 'tcp:1': send_proxy: 2 is not a choice; "
    "give 'v1' or 'v2'",
    "HTTPListener('tcp:1', pool=site, send_proxy='v2')": "conf.py, line 3: HTTPListener() got an unexpected keyword "
    "argument 'send_proxy'; only a TCPListener sends it, for a connection to a backend that is one client's alone",
    "[TCPListener('tcp:1', pool=site, send_proxy='v1'), TCPListener('tcp:2', pool=site, send_proxy='v2')]": "Pool "
    "'site': the listeners that use it disagree on send_proxy; give all of them the same, or each its own Pool",
    "[TCPListener('tcp:1', pool=site, send_proxy='v1'), HTTPListener('tcp:2', pool=site)]": "Pool 'site': the "
    "listeners that use it disagree on send_proxy; give all of them the same, or each its own Pool",
}


@pytest.mark.parametrize("listeners", WRONG)
def test_mistakes(told: Told, listeners: str) -> None:
    """What is wrong with what a listener says of PROXY headers is told in a line, with what to do."""
    assert told(f"site = Pool('site', backends=['a:1'])\nconfig = Config({listeners})") == [WRONG[listeners]]


def test_one_source_needs_no_list() -> None:
    """A single source may stand without its list, and none is believed unless it is listed."""
    assert HTTPListener("tcp:1", pool=SITE, accept_proxy="10.0.0.0/8").accept_proxy == ("10.0.0.0/8",)
    assert TCPListener("tcp:1", pool=SITE).accept_proxy == ()


@pytest.mark.parametrize("version", ["v1", "v2", None])
def test_how_a_pool_is_greeted(version: Any) -> None:
    """All listeners that connect to the backends of a pool agree on how; one for UDP makes no connections."""
    listeners = [TCPListener(f"tcp:{port}", pool=SITE, send_proxy=version) for port in (1, 2)]
    assert Config([UDPListener("udp:1", pool=SITE), *listeners]).send_proxy(SITE) == version
    assert Config(UDPListener("udp:1", pool=SITE)).send_proxy(SITE) is None
