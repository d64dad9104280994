"""What a listener says of trust and of what backends are told: little unless asked, and nothing that does nothing."""

from __future__ import annotations

import pytest

from balancer.config import HTTPListener, Pool
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
NETWORK = "give one such as '10.0.0.0/8'"
WRONG = {
    "'tcp:1', trusted_proxies='proxy'": "'tcp:1': trusted_proxies: 'proxy' is neither an IP address nor a network; "
    + NETWORK,
    "'tcp:1', trusted_proxies=[5]": f"'tcp:1': trusted_proxies: 5 is neither an IP address nor a network; {NETWORK}",
    "'tcp:1', trusted_proxies='10.1.0.0/8'": "'tcp:1': trusted_proxies: '10.1.0.0/8' has bits set behind its prefix; "
    "give '10.0.0.0/8'",
    "'tcp:1', trusted_proxies=['unix', '10.0.0.1']": "'tcp:1': trusted_proxies: 'unix' would be ignored, for this is "
    "no unix socket; give addresses or networks",
    "'unix:/a', trusted_proxies=['unix', '10.0.0.1']": "'unix:/a': trusted_proxies: '10.0.0.1' would be ignored, for "
    "nobody has an address on a unix socket; give 'unix'",
    "'tcp:1', forwarded=1": "'tcp:1': forwarded: 1 is not a choice; give True or False",
    "'tcp:1', via=''": "'tcp:1': via: '' is not a name without spaces; give one such as 'balancer', or None",
    "'tcp:1', via='a b'": "'tcp:1': via: 'a b' is not a name without spaces; give one such as 'balancer', or None",
    "'tcp:1', via=True": "'tcp:1': via: True is not a name without spaces; give one such as 'balancer', or None",
    "'tcp:1', request_id='x'": "'tcp:1': request_id: 'x' is not a choice; give True or False",
    "'80', trusted_proxies='unix'": "'80': endpoint: '80' does not begin with its type; write it as tcp:80",
}


@pytest.mark.parametrize(("given", "line"), WRONG.items())
def test_mistakes(told: Told, given: str, line: str) -> None:
    """What is wrong with a setting, or would change nothing, is told in a line with what to do."""
    assert told(f"config = Config(HTTPListener({given}, pool=Pool('site', backends=['a:1'])))") == [
        f"HTTPListener {line}"
    ]


def test_nobody_is_trusted_unless_given() -> None:
    """By default no proxy is believed, and one may be given by itself."""
    listener = HTTPListener("tcp:1", pool=SITE)
    assert (listener.trusted_proxies, listener.forwarded, listener.via, listener.request_id) == (
        (),
        False,
        "balancer",
        True,
    )
    assert HTTPListener("tcp:1", pool=SITE, trusted_proxies="2001:db8::/32").trusted_proxies == ("2001:db8::/32",)


@pytest.mark.parametrize("endpoint", ["unix:/a", "systemd:domain=UNIX:index=0"])
def test_a_unix_socket_is_trusted_by_name(endpoint: str) -> None:
    """Where there may be one."""
    assert HTTPListener(endpoint, pool=SITE, trusted_proxies="unix").trusted_proxies == ("unix",)


@pytest.mark.parametrize("via", [None, "edge-1", "edge.example:8080"])
def test_names_for_via(via: str | None) -> None:
    """A pseudonym, a host with or without port, or none at all (RFC 9110 7.6.3)."""
    assert HTTPListener("tcp:1", pool=SITE, via=via).via == via
