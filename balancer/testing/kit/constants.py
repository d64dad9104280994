"""The texts, bytes and patterns that a plugin itself mentions: what it looks for it must be shown; runs none of it.

They are looked for in its settings, in the code of its classes and in what that uses of the same files.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType
from typing import Any, Final

MOST: Final = 40
"""How many words are taken: those that lie nearest."""
LONGEST: Final = 64
"""Bytes of the longest."""
PATTERNS: Final = 8
"""How many patterns are taken."""
THINGS: Final = 2000
"""How many things are looked at."""
SIGNS: Final = re.compile(r"\A[^ ]*(?:\\[dwsb./]|\[[^\]]+\]|[)\].\w][*+]|\(\?|\A\^|\$\Z)[^ ]*\Z")
"""The look of a text that is meant for a regular expression: it has something special in it, and no space."""
NONE: Final = re.compile(r"\$(?![)|]|\Z)|\(\)")
"""What a pattern that matches anything has not: an end before its end, or a group of nothing."""

MADE_OF: Final[Mapping[type, tuple[str, ...]]] = {
    CodeType: ("co_consts",),
    MethodType: ("__func__", "__self__"),
    partial: ("func", "args", "keywords"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget",),
}
"""What other things are made of."""


def mentioned(plugin: Any) -> list[bytes]:
    """Bytes that stand in its settings, its code and its classes', as bytes; the shortest ones first."""
    found: dict[bytes, None] = {}
    for value in _Walk().of(plugin):
        data = value.encode("latin-1", "ignore") if isinstance(value, str) else value
        if isinstance(data, bytes) and 0 < len(data) <= LONGEST:
            found[data] = None
    return sorted(list(found)[:MOST], key=len)


def patterns(plugin: Any) -> list[re.Pattern[Any]]:
    """The regular expressions among those, as far as can be told by their looks."""
    found: dict[re.Pattern[Any], None] = {}
    for value in _Walk().of(plugin):
        if isinstance(value, re.Pattern):
            found[value] = None
        elif _looks_like_one(value if isinstance(value, str) else value.decode("latin-1")):
            with suppress(re.error):
                found[re.compile(value)] = None
    return list(found)[:PATTERNS]


def _looks_like_one(text: str) -> bool:
    return len(text) <= 4 * LONGEST and SIGNS.search(text) is not None and NONE.search(text) is None


class _Walk:
    """Goes through all that a plugin is made of, what is nearest first; other files than its classes' are left out."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._homes: set[str] = set()

    def of(self, plugin: Any) -> Iterator[Any]:
        """Texts, bytes and compiled patterns."""
        ahead = deque([plugin])
        while ahead and len(self._seen) < THINGS:
            thing = ahead.popleft()
            if isinstance(thing, re.Pattern | str | bytes):
                yield thing
            elif id(thing) not in self._seen:
                self._seen[id(thing)] = thing
                ahead += self._parts(thing)

    def _parts(self, thing: Any) -> Iterable[Any]:
        if isinstance(thing, FunctionType | type):
            return self._of_definition(thing)
        if isinstance(thing, list | tuple | set | frozenset):
            return thing
        if isinstance(thing, Mapping):
            return [*thing.keys(), *thing.values()]
        names = next((names for kind, names in MADE_OF.items() if isinstance(thing, kind)), None)
        return self._of_object(thing) if names is None else [getattr(thing, name) for name in names]

    def _of_definition(self, thing: Any) -> Iterable[Any]:
        """What a function or a class of the same files says."""
        if not self._homes and _is_ours(thing.__module__):
            self._homes.add(thing.__module__)
        if thing.__module__ not in self._homes:
            return []
        if isinstance(thing, type):
            return [value for name, value in vars(thing).items() if not _is_about(name)]
        return [*_said_in(thing), *_cells(thing), *_neighbours(thing)]

    def _of_object(self, thing: Any) -> Iterable[Any]:
        """Its settings, and what its classes say."""
        kind = type(thing)
        if not _is_ours(kind.__module__):
            return []
        if not kind.__module__.startswith("balancer.interfaces"):
            self._homes.add(kind.__module__)
        return [*_members(thing), *kind.__mro__]


def _members(thing: Any) -> Iterator[Any]:
    """What an object has; a property, which is code, is not asked."""
    yield from getattr(thing, "__dict__", {}).values()
    slots = [slot for kind in type(thing).__mro__ for slot in vars(kind).values()]
    for slot in slots:
        with suppress(AttributeError):  # nothing is in it yet
            yield slot.__get__(thing) if isinstance(slot, MemberDescriptorType) else None


def _is_ours(module: str) -> bool:
    """Whether a plugin may stand there, and not a part of Python."""
    return module.partition(".")[0] not in sys.stdlib_module_names


def _is_about(name: str) -> bool:
    """Whether a member of a class is only about it."""
    return name.startswith("__") and name not in ("__init__", "__call__")


def _said_in(function: FunctionType) -> list[Any]:
    """The constants of its code, without what documents it, and its defaults."""
    said = [value for value in function.__code__.co_consts if value is not function.__doc__]
    return [*said, *(function.__defaults__ or ())]


def _cells(function: FunctionType) -> Iterator[Any]:
    """What it closes over, as far as that is there."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):
            yield cell.cell_contents


def _neighbours(function: FunctionType) -> Iterator[Any]:
    """What it uses of its file, within functions of its own too."""
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [value for value in code.co_consts if isinstance(value, CodeType)]
        for name in code.co_names:
            yield function.__globals__.get(name)
