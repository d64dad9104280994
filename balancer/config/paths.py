"""Paths of files as users give them, as text or as `pathlib.Path`; refuses to look for any file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from balancer.config.mistakes import as_tuple

Path = str | os.PathLike[str]


def file_path(given: Any) -> Any:
    """A path as text; whatever else was given is left for whoever tells the mistake."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def file_paths(given: Path | Iterable[Path]) -> tuple[str, ...]:
    """Some of them; a single one may stand without its list."""
    return tuple(map(file_path, as_tuple(given)))
