"""Which backend a key belongs to, remembered within bounds of number and time; refuses to know what a key is.

Keys may be secrets and as long as a client likes, so what is kept of one is a hash of 16 bytes.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

MOST_ENTRIES: Final = 10_000_000
"""Of one table; an entry takes some 250 bytes."""


class Homes:
    """The names of backends by key: the `entries` keys that were put last, each for `expire` seconds after that.

    Every call takes the time of a few look-ups, however many keys there are.
    """

    def __init__(self, entries: int, expire: float) -> None:
        self._entries, self._expire = entries, expire
        self._kept: dict[bytes, tuple[str, float]] = {}  # with when each ends, the first to end in front

    def __len__(self) -> int:
        return len(self._kept)

    def home(self, key: str | bytes, now: float) -> str | None:
        """The name that was put for the key, if it is still known."""
        found = self._kept.get(_hashed(key))
        return found[0] if found is not None and found[1] > now else None

    def put(self, key: str | bytes, name: str, now: float, *, new: bool = True, move: bool = True) -> None:
        """Have the key belong there, as of now; unless it is not `new`, or would `move`, where that is not to be.

        What is over is forgotten, and the oldest where there are too many.
        """
        hashed, kept = _hashed(key), self._kept
        found = kept.pop(hashed, None)
        if found is None or found[1] <= now:
            if not new:
                return
        elif found[0] != name and not move:
            name = found[0]
        kept[hashed] = name, now + self._expire
        for _ in range(2):  # two for each that comes, so that what is over gets less and no call takes long
            oldest = next(iter(kept))
            if len(kept) > self._entries or kept[oldest][1] <= now:
                del kept[oldest]


def _hashed(key: str | bytes) -> bytes:
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    return blake2b(data, digest_size=16).digest()
