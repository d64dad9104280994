"""WebSocket frames as bytes, right or wrong, and a peer that says just what it is told; knows no rule of RFC 6455."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from itertools import cycle

from tests.net.lean import reset
from tests.system.programs import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 1.3."""

ASKS = (
    "GET /talk HTTP/1.1\r\nhost: site\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n"
    f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
).encode()
AGREES = (
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    f"sec-websocket-accept: {ACCEPT}\r\n\r\n"
).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame; whether it is one that may be sent is the caller's business."""
    head = bytes([(fin << 7) | (reserved << 4) | opcode])
    flag, size = masked << 7, len(payload)
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += struct.pack("!BH", flag | 126, size)
    else:
        head += struct.pack("!BQ", flag | 127, size)
    return head + MASK + unmasked(payload) if masked else head + payload


def closing(code: int, reason: bytes = b"", *, masked: bool = True) -> bytes:
    """A frame that closes."""
    return frame(CLOSE, struct.pack("!H", code) + reason, masked=masked)


def unmasked(payload: bytes, mask: bytes = MASK) -> bytes:
    """Masked as unmasked: the operation is its own inverse."""
    return bytes(byte ^ key for byte, key in zip(payload, cycle(mask), strict=False))


def frames(data: bytes) -> Iterator[str]:
    """The frames that a peer has sent, without the masks, which are chance; what is no whole frame, as it is."""
    while len(data) >= 2:
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(data[at : at + wide], "big"), at + wide
        mask = data[at : at + 4] if data[1] & 0x80 else b""
        start = at + len(mask)
        payload = data[start : start + size]
        yield f"{data[0]:#04x} {'masked ' if mask else ''}{size}: {unmasked(payload, mask) if mask else payload!r}"
        data = data[start + size :]
    if data:
        yield repr(data)


class Raw:
    """One end of a connection that was made, with a socket of its own; whatever it waits for must come in time."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._heard = b""

    def say(self, pieces: Iterable[bytes]) -> None:
        """Send each piece by itself, as far as there is anybody to read them."""
        try:
            for piece in pieces:
                self.sock.sendall(piece)
        except ConnectionError:
            return  # which is told to whoever reads

    def head(self) -> bytes:
        """Read what comes up to an empty line, or all there is."""
        while b"\r\n\r\n" not in self._heard:
            data = self.sock.recv(65536)
            if not data:
                break
            self._heard += data
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        return head

    def until(self, payload: bytes) -> None:
        """Read until a frame with that has come."""
        while not any(repr(payload) in one for one in frames(self._heard)):
            data = self.sock.recv(65536)
            assert data, "it has ended"
            self._heard += data

    def rest(self) -> tuple[bytes, str]:
        """Read all that comes; and how it ends, by FIN or RST."""
        try:
            while data := self.sock.recv(65536):
                self._heard += data
        except ConnectionError:
            return self._heard, "RST"
        return self._heard, "FIN"

    def finish(self) -> None:
        """FIN."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has been reset already

    def reset(self) -> None:
        """RST."""
        reset(self.sock)
