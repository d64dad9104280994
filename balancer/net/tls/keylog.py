"""A file of the secrets of connections, to decrypt a record of them; refuses to know whose they are."""

from __future__ import annotations

import os
from errno import EACCES
from pathlib import Path

_MODE = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class KeyLog:
    """A file for its owner alone, which is added to (NSS key log format)."""

    def __init__(self, path: str) -> None:
        self._path, self._file = path, -1

    def open(self) -> None:
        """Open it. Raises `OSError`."""
        self._file = os.open(self._path, _MODE, 0o600)

    def try_out(self) -> None:
        """See that it could be opened, and make none. Raises `OSError`."""
        try:
            os.close(os.open(self._path, _MODE & ~os.O_CREAT))
        except FileNotFoundError:
            folder = Path(self._path).parent
            folder.stat()
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(EACCES, os.strerror(EACCES)) from None

    def add(self, line: bytes) -> None:
        """Write a line; one that cannot be written is lost, which must end no connection."""
        try:
            os.write(self._file, line + b"\n")
        except OSError:
            return

    def close(self) -> None:
        """Write no more. Allowed at any time."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
