"""The file of secrets: for its owner alone, added to, and of no harm when it is full."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_IMODE

import pytest

from balancer.net.tls.keylog import KeyLog


def test_lines_are_added(tmp_path: Path) -> None:
    """Lines are added to what is there, in a file that nobody else may read, until it is closed."""
    path = tmp_path / "keys"
    for line in (b"one", b"two"):
        log = KeyLog(str(path))
        log.open()
        log.add(line)
        log.close()
        log.close()
        log.add(b"lost")
    assert path.read_bytes() == b"one\ntwo\n"
    assert S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """What the system does not let be opened raises."""
    with pytest.raises(FileNotFoundError):
        KeyLog(str(tmp_path / "nowhere" / "keys")).open()


def test_a_full_disk_ends_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be written is lost, and nothing raises."""
    log = KeyLog(str(tmp_path / "keys"))
    log.open()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.add(b"one")
    log.close()
