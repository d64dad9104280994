"""Which entry is for a name that a TLS client asks for; refuses to know what an entry is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

_Entry = TypeVar("_Entry")


def canonical(name: str) -> str:
    """A name as it is compared: in lower case, without a trailing dot (RFC 4343, RFC 6066 3)."""
    return name.lower().removesuffix(".")


class ServerNames(Generic[_Entry]):
    """Entries by names and by wildcards, such as '*.example.com', which stand for one whole label (RFC 9525 6.3).

    An exact name goes before a wildcard. A wildcard anywhere else than as the whole first label is for nobody.
    """

    def __init__(self, entries: Mapping[str, _Entry]) -> None:
        self._entries = {canonical(name): entry for name, entry in entries.items() if "*" not in name[1:]}

    def find(self, name: str) -> _Entry | None:
        """The entry for a canonical name, if there is one."""
        if "*" in name:
            return None
        found = self._entries.get(name)
        return found if found is not None else self._entries.get(f"*.{name.partition('.')[2]}")
