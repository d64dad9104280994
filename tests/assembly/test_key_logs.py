"""Files of secrets: opened at the start, for us alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.assembly.key_logs import key_log
from balancer.errors import StartError
from tests.assembly.parts import assembled, relay


def test_secrets_are_for_us_alone(tmp_path: Path) -> None:
    """The file is there from the start, nobody else may read it, and it is closed with the rest."""
    parts, path = assembled(relay()), tmp_path / "keys"
    add = key_log(parts, "somebody", str(path))
    assert add is not None
    add(b"secret")
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"secret\n")
    parts.close()


def test_no_secrets() -> None:
    """Without a path there is none."""
    assert key_log(assembled(relay()), "somebody", None) is None


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """There is no start without it."""
    with pytest.raises(StartError, match=r"somebody: keylog: '.*': No such file or directory; give the path of a file"):
        key_log(assembled(relay()), "somebody", f"{tmp_path}/no/keys")
