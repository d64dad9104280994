"""WebSocket conversations as one side has them, legal and illegal, and every way to cut them; judges none."""

from __future__ import annotations

from collections.abc import Iterator

from tests.system.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame

Frames = list[bytes]

SHORT = 300
"""Bytes up to which a conversation is also had byte by byte."""

SIZES = (0, 1, 125, 126, 127, 65535, 65536)


def legal(*, masked: bool) -> dict[str, Frames]:
    """What may be said, by a client masked and by a server not."""

    def of(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
        return frame(opcode, payload, fin=fin, masked=masked)

    def close(code: int, reason: bytes = b"") -> bytes:
        return closing(code, reason, masked=masked)

    return {
        "nothing": [],
        **{f"{size} bytes": [of(BINARY, bytes(size)), of(TEXT, b"x" * size)] for size in SIZES},
        "pings": [of(PING), of(PING, b"there?"), of(PING, b"p" * 125)],
        "pongs that nobody asked for": [of(PONG), of(PONG, b"here")],
        "a close": [close(1000)],
        "a close with a reason": [of(TEXT, b"well"), close(1001, b"going away")],
        "a close without a code": [of(CLOSE)],
        "a close of one's own": [close(3000), of(TEXT, b"too late")],
        "a close of one's own again": [close(4999), close(1000)],
        "fragments": [of(TEXT, b"in", fin=False), of(CONTINUATION, b" bi", fin=False), of(CONTINUATION, b"ts")],
        "empty fragments": [of(BINARY, fin=False), of(CONTINUATION, fin=False), of(CONTINUATION)],
        "a ping among fragments": [of(TEXT, b"one", fin=False), of(PING, b"?"), of(CONTINUATION, b" two")],
        "a close among fragments": [of(TEXT, b"half", fin=False), close(1000)],
        "a character in two fragments": [of(TEXT, b"caf\xc3", fin=False), of(CONTINUATION, b"\xa9")],
        "a word, a ping and a word": [of(TEXT, b"a"), of(PING, b"b"), of(BINARY, b"c")],
    }


def illegal(*, masked: bool) -> dict[str, Frames]:
    """What may not be said."""

    def of(opcode: int, payload: bytes = b"", **settings: int) -> bytes:
        fin, reserved = bool(settings.pop("fin", 1)), settings.pop("reserved", 0)
        return frame(opcode, payload, fin=fin, reserved=reserved, masked=masked)

    word, flag = of(TEXT, b"before"), masked << 7
    return {
        **{f"opcode {opcode:#x}": [word, of(opcode, b"?"), word] for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
        **{f"reserved bits {bits}": [word, of(TEXT, b"?", reserved=bits), word] for bits in range(1, 8)},
        **{f"close {code}": [closing(code, masked=masked)] for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)},
        "the wrong mask": [word, frame(TEXT, b"?", masked=not masked), word],
        "a continuation of nothing": [of(CONTINUATION, b"?"), word],
        "a message within a message": [of(TEXT, b"half", fin=0), word],
        "half a ping": [of(PING, b"?", fin=0)],
        "half a close": [of(CLOSE, b"\x03\xe8", fin=0)],
        "a long ping": [word, of(PING, b"p" * 126), word],
        "a long close": [closing(1000, b"r" * 124, masked=masked)],
        "a close of one byte": [of(CLOSE, b"\x03")],
        "a close without words": [closing(1000, b"\xff", masked=masked)],
        "no text": [of(TEXT, b"\xc3\x28"), word],
        "no text, in fragments": [of(TEXT, b"\xed", fin=0), of(CONTINUATION, b"\xa0\x80"), word],
        "a character cut short": [of(TEXT, b"caf\xc3"), word],
        "a message that is too long": [bytes([0x82, flag | 127]) + (1 << 21).to_bytes(8, "big"), word],
        "a message without end": [bytes([0x82, flag | 127]) + b"\xff" * 8, word],
        "half a frame": [word, of(TEXT, b"missing")[:-3]],
        "half a head": [word, of(TEXT, b"m" * 200)[:3]],
        "another protocol": [b"GET / HTTP/1.1\r\nhost: site\r\n\r\n"],
    }


def cuts(opening: bytes, said: Frames) -> Iterator[Frames]:
    """The conversation behind its opening in pieces: whole, and cut after the opening, at each frame and everywhere."""
    everything = [opening, *said]
    yield [b"".join(everything)]
    yield everything
    for at in range(1, len(everything)):
        yield [b"".join(everything[:at]), b"".join(everything[at:])]
    whole = b"".join(everything)
    if len(whole) <= SHORT:
        yield [whole[at : at + 1] for at in range(len(whole))]
