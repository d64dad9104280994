"""Files of secrets: opened at the start, for us alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.assembly.key_logs import faults, key_log
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


@pytest.mark.parametrize("name", ["no/keys", "", "x" * 300])
def test_a_check_tells_what_the_start_would(tmp_path: Path, name: str) -> None:
    """What would stop the start is told in the same words."""
    path = f"{tmp_path}/{name}"
    (line,) = faults(path)
    with pytest.raises(StartError) as caught:
        key_log(assembled(relay()), "somebody", path)
    assert str(caught.value) == f"somebody: {line}"


def test_a_check_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that could be made is not made, and one in a folder that may not be written could not be."""
    path = tmp_path / "keys"
    assert [*faults(str(path)), *faults(None)] == []
    assert not path.exists()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda _folder, _how: False)
    assert list(faults("keys")) == [
        "keylog: 'keys': Permission denied; give the path of a file that the balancer may write, or leave it out"
    ]
    path.touch()
    assert list(faults("keys")) == []
