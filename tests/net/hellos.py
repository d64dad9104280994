"""What clients of several protocols say first, as a listener that routes by it gets to see; checks nothing."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Final

from balancer.core.hello import HELLO_LIMIT


def client_hello(name: str | None = None, *protocols: str) -> bytes:
    """The first bytes of OpenSSL as a client."""
    settings = ssl.create_default_context()
    settings.check_hostname = False
    settings.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def shredded(hello: bytes) -> bytes:
    """The same hello with each byte in a record of its own, which is the most work to read."""
    return b"".join(hello[:3] + b"\0\1" + hello[at : at + 1] for at in range(5, len(hello)))


def startup(*items: bytes) -> bytes:
    """A StartupMessage of PostgreSQL."""
    payload = b"\0\3\0\0" + b"".join(item + b"\0" for item in items) + b"\0"
    return (len(payload) + 4).to_bytes(4) + payload


def connect(name: bytes) -> bytes:
    """A CONNECT packet of MQTT 3.1.1."""
    payload = b"\0\4MQTT\4\2\0\x3c" + len(name).to_bytes(2) + name
    return b"\x10" + bytes([len(payload)]) + payload


HTTP1_REQUEST: Final = b"GET /a HTTP/1.1\r\nhost: a.example\r\n\r\n"
HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
POSTGRES_SSL: Final = b"\0\0\0\x08\x04\xd2\x16\x2f"
REDIS: Final = b"*1\r\n$4\r\nPING\r\n"
SSH_LINE: Final = b"SSH-2.0-OpenSSH_9.2p1\r\n"
NAMED: Final = client_hello("a.example", "h2", "http/1.1")
STALLED: Final = shredded(b"\x16\x03\x01\0\0\1\0\x40\0" + bytes(0x4000))[: HELLO_LIMIT - 1]
"""A hello that never ends, of as many bytes as may be held undecided."""
