"""How the C library keeps what this process has freed; where it cannot be told, nothing is done."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

M_TRIM_THRESHOLD: Final = -1
"""The parameter of mallopt(3): how much may lie unused at the end of the heap before the system gets it back."""

KEPT: Final = 1 << 26
"""Bytes. Each read of 64 KiB would otherwise be given back when it has been passed on, and faulted in anew, page by
page, for the next: a fifth of what bulk costs in Python."""


def keep_freed(size: int = KEPT) -> None:
    """Keep up to so many bytes of freed memory for the next who needs some."""
    with suppress(AttributeError, OSError):  # a C library other than glibc
        ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, size)
