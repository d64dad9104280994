"""What a config says that PROXY headers are to tell, and what a user is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import TLS, Pool, Route, TCPListener
from balancer.plugins.first_bytes import TLSHello
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
V2 = "send_proxy='v2', "
CHOICES = "give 'authority', 'alpn', 'tls', 'unique_id', 'crc32c' or {0xE1: b'edge-1'}"
WRONG = {
    V2 + "proxy_tlvs='autority'": f"'autority' is not a choice; {CHOICES}",
    V2 + "proxy_tlvs=5": f"5 is not a choice; {CHOICES}",
    V2 + "proxy_tlvs=[[]]": f"[] is not a choice; {CHOICES}",
    V2 + "proxy_tlvs={}": "{} would be ignored; give one such as {0xE1: b'edge-1'}, or leave it out",
    V2 + "proxy_tlvs={5: b''}": "5 is not a type of your own; give 0xE0 to 0xEF",
    V2 + "proxy_tlvs={'E1': b''}": "'E1' is not a type of your own; give 0xE0 to 0xEF",
    V2 + "proxy_tlvs={0xF0: b''}": "240 is not a type of your own; give 0xE0 to 0xEF",
    V2 + "proxy_tlvs={0xE1: 'a'}": "0xE1: 'a' is not bytes; give some such as b'edge-1'",
    V2 + "proxy_tlvs={0xE1: bytes(3070)}": "types and values of your own take 3073 bytes; give 3072 at most",
    V2 + "proxy_tlvs=['crc32c', 'crc32c']": "crc32c stands there more than once; give each once",
    V2 + "proxy_tlvs=[{0xE1: b'a'}, {0xE1: b'b'}]": "0xE1 stands there more than once; give each once",
    "proxy_tlvs='crc32c'": "would be ignored without send_proxy='v2'; give that, or leave this out",
    "send_proxy='v1', proxy_tlvs='crc32c'": "would be ignored without send_proxy='v2'; give that, or leave this out",
    V2 + "proxy_tlvs='tls'": "'tls' would never be known, for TLS does not end here; "
    "give tls=TLS(...), or leave it out",
    V2 + "proxy_tlvs=['alpn', 'crc32c']": "'alpn' would never be known, for no route looks at the first bytes; "
    "give a route such as Route(TLSHello(), pool), or leave it out",
}


@pytest.mark.parametrize("settings", WRONG)
def test_mistakes(told: Told, settings: str) -> None:
    """What cannot be told, or never would be, is a mistake of one line."""
    text = f"site = Pool('site', backends=['a:1'])\nconfig = Config(TCPListener('tcp:1', pool=site, {settings}))"
    assert told(text) == [f"TCPListener 'tcp:1': proxy_tlvs: {WRONG[settings]}"]


def test_facts_and_values() -> None:
    """Names and values of one's own are told apart, and a change of what was handed in changes nothing."""
    own = {0xE1: b"edge-1"}
    listener = TCPListener(
        "tcp:1",
        routes=[Route(TLSHello(), SITE), Route(pool=SITE)],
        send_proxy="v2",
        proxy_tlvs=("authority", own, "crc32c", {0xEF: b"\0"}),
    )
    own.clear()
    assert listener.proxy_facts == ("authority", "crc32c")
    assert listener.proxy_own == ((0xE1, b"edge-1"), (0xEF, b"\0"))


def test_where_tls_ends_backends_are_told_of_it() -> None:
    """Where TLS ends version 2 tells of it, unless a list says what is told; version 1 cannot."""
    settings: dict[str, Any] = {"pool": SITE, "tls": TLS("/certs")}
    assert TCPListener("tcp:1", send_proxy="v2", **settings).proxy_facts == ("authority", "alpn", "tls")
    assert TCPListener("tcp:1", send_proxy="v2", proxy_tlvs=(), **settings).proxy_facts == ()
    assert TCPListener("tcp:1", send_proxy="v2", proxy_tlvs="tls", **settings).proxy_facts == ("tls",)
    assert TCPListener("tcp:1", send_proxy="v1", **settings).proxy_facts == ()
    inner = TCPListener(pool=SITE, send_proxy="v2", proxy_tlvs=("tls", "alpn"))
    assert inner.proxy_facts == ("tls", "alpn")


def test_names_may_come_with_a_header() -> None:
    """Without a route that looks at first bytes, authority and ALPN may still come in a header that is believed."""
    listener = TCPListener("tcp:1", pool=SITE, accept_proxy="::1", send_proxy="v2", proxy_tlvs=("authority", "alpn"))
    assert listener.proxy_facts == ("authority", "alpn")
