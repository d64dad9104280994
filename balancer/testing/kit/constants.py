"""The texts and bytes that a plugin itself mentions: what it looks for is what it must be shown; runs none of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

MOST = 40
"""How many are taken."""


def mentioned(plugin: Any) -> list[bytes]:
    """Bytes that stand in its code, its classes' and its settings, as bytes; the shortest ones first."""
    found: dict[bytes, None] = {}
    for value in (*_of_code(plugin), *_settings(plugin)):
        data = value.encode("latin-1", "ignore") if isinstance(value, str) else value
        if isinstance(data, bytes) and 0 < len(data) <= 64:
            found[data] = None
    return sorted(found, key=len)[:MOST]


def _settings(plugin: Any) -> Iterator[Any]:
    members = getattr(plugin, "__dict__", None) or {
        name: getattr(plugin, name, None) for name in getattr(plugin, "__slots__", ())
    }
    for value in members.values():
        yield from value if isinstance(value, list | tuple | set | frozenset) else [value]


def _of_code(plugin: Any) -> Iterator[Any]:
    functions = [plugin] if isinstance(plugin, FunctionType) else []
    modules = {type(plugin).__module__}
    for owner in type(plugin).__mro__:
        if owner.__module__ in modules:
            functions += [one for one in vars(owner).values() if isinstance(one, FunctionType)]
    for function in functions:
        yield from _constants(function.__code__)
        for name in function.__code__.co_names:
            yield from _of_neighbour(function.__globals__.get(name), function.__module__)


def _of_neighbour(neighbour: Any, module: str) -> Iterator[Any]:
    """What a class or a function of the same module that is used mentions, or a constant."""
    if isinstance(neighbour, bytes | str):
        yield neighbour
    elif getattr(neighbour, "__module__", None) == module:
        for one in (neighbour, *vars(neighbour).values()) if isinstance(neighbour, type) else (neighbour,):
            if isinstance(one, FunctionType):
                yield from _constants(one.__code__)


def _constants(code: CodeType) -> Iterator[Any]:
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _constants(value)
        elif isinstance(value, tuple | frozenset):
            yield from value
        else:
            yield value
