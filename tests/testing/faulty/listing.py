"""What is said of a faulty plugin: what it claims all the same, and in which of its promises it must be caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen
class Faulty:
    """A plugin that must be refused: `factory` makes one, `claims` is what its author says of it.

    `level` is the promise that it breaks; it may break others besides.
    """

    factory: Callable[[], Any]
    level: str
    claims: Mapping[str, Any] = attrs.Factory(dict)

    def __str__(self) -> str:
        return getattr(self.factory, "__name__", repr(self.factory))


def address(session: Any) -> Any:
    """The key of what sends a client's address always to the same backend."""
    return session.client[0]
