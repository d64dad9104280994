"""Paths as users give them."""

from __future__ import annotations

from pathlib import Path

from balancer.config.paths import file_path, file_paths


def test_paths_are_text() -> None:
    """A path is text in the end, one by itself is a list of one, and what is no path stays what it is."""
    assert [file_path(given) for given in ("a", Path("a/b"), None, 5)] == ["a", "a/b", None, 5]
    assert file_paths(Path("a/b")) == ("a/b",)
    assert file_paths(["a", Path("b")]) == ("a", "b")
