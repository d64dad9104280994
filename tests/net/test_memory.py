"""Memory that is kept for the next read."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from balancer.net.memory import KEPT, M_TRIM_THRESHOLD, keep_freed


def test_the_c_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told how much to keep, where it can be told."""
    told: list[Any] = []

    class Library:
        def mallopt(self, *arguments: int) -> None:
            told.append(arguments)

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Library())
    keep_freed()
    assert told == [(M_TRIM_THRESHOLD, KEPT)]


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing of the kind is there, nothing happens."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    keep_freed()
