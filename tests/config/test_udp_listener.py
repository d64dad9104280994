"""Listeners of UDP as values."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Pool, UDPListener

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


@pytest.mark.parametrize(("given", "requests"), [({}, None), ({"per_packet": True}, 1), ({"requests": 7}, 7)])
def test_each_datagram_alone_is_one_request(given: dict[str, Any], requests: int | None) -> None:
    """`per_packet` is another word for `requests=1`; without either, a flow takes any number."""
    assert UDPListener("udp:53", pool=API, **given).requests == requests
