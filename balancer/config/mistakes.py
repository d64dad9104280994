"""Telling a user what is wrong with a config: the checks all nouns share, and where their lines go.

A noun made on its own raises `ConfigError` with all its mistakes. While a config file is being loaded they are
collected instead and the noun stays, unsound, so that the rest of the file is looked at as well. A check is a
generator: it yields nothing, or one line. It refuses to know which noun it speaks for.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import iscoroutinefunction, signature
from types import FunctionType
from typing import Any, Final, NoReturn, TypeGuard, TypeVar

from zope.interface.interface import InterfaceClass, Method

from balancer.errors import ConfigError

_Item = TypeVar("_Item", bound=Hashable)
_Kind = TypeVar("_Kind")
_LONGEST: Final = 60
_LONGEST_TIME: Final = 1e9
"""Seconds, some thirty years: of very much more a clock makes no time that it could wait for."""

_collected: ContextVar[dict[str, None] | None] = ContextVar("collected", default=None)


class Noun(ABC):
    """What all nouns share: they look at themselves as soon as they are made, and say what they are in a few words."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Let a frozen class say why it does not change; attrs, whose word it has until then, names no noun."""
        if "__setattr__" in vars(cls):
            type.__setattr__(cls, "__setattr__", _unchanged)

    def __attrs_post_init__(self) -> None:
        _report(self)

    def __str__(self) -> str:
        return type(self).__name__

    def mistakes(self) -> Iterator[str]:
        """What is wrong with it, a line for each."""
        return (f"{self}: {line}" for line in self._mistakes())

    @abstractmethod
    def _mistakes(self) -> Iterator[str]:
        """The same, without saying of what."""


@contextmanager
def collecting() -> Iterator[dict[str, None]]:
    """Collect the mistakes of all nouns made meanwhile, in order and each once, instead of raising them."""
    mistakes: dict[str, None] = {}
    token = _collected.set(mistakes)
    try:
        yield mistakes
    finally:
        _collected.reset(token)


def _unchanged(noun: Noun, name: str, _value: object) -> NoReturn:
    made = type(noun).__name__
    raise AttributeError(f"{noun}: {name}: cannot be changed; give it as the {made} is made")


def _report(noun: Noun) -> None:
    """Hand over the mistakes of a noun that was just made; raises `ConfigError` unless they are being collected."""
    lines = list(noun.mistakes())
    collected = _collected.get()
    if collected is not None:
        collected.update(dict.fromkeys(lines))
    elif lines:
        raise ConfigError(lines)


def shown(value: object) -> str:
    """The value as one short line; a function by its name, and by that of its class what does not show itself."""
    if isinstance(value, FunctionType):
        return value.__name__
    if type(value).__repr__ is object.__repr__:
        return f"an object of {type(value).__name__}"
    text = " ".join((str(value) if isinstance(value, Noun) else repr(value)).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def as_tuple(given: Any) -> tuple[Any, ...]:
    """The items of a list or another iterable; a single item may stand without its list."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return (given,)
    return tuple(given)


def sound(items: Iterable[Any], kind: type[_Kind]) -> list[_Kind]:
    """The items of that kind; while mistakes are collected there may be others, already told."""
    return [item for item in items if isinstance(item, kind)]


def repeated(items: Iterable[_Item]) -> list[_Item]:
    """The items that occur more than once, each once, in order."""
    return [item for item, times in Counter(items).items() if times > 1]


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def seconds(field: str, value: Any, *, like: float, least: float = 0.0) -> Iterator[str]:
    """Expect a positive number of seconds, from `least` to `_LONGEST_TIME`, such as `like`."""
    if not is_number(value) or value <= 0:
        yield f"{field}: {shown(value)} is not a positive number of seconds; give one such as {like:g}"
    elif value > _LONGEST_TIME:
        yield f"{field}: {shown(value)} is more than {_LONGEST_TIME:g} seconds; give one such as {like:g}"
    elif value < least:
        yield f"{field}: {shown(value)} is less than {least:g} seconds; give one such as {like:g}"


def positive(field: str, value: Any, *, like: float) -> Iterator[str]:
    """Expect a positive, finite number, such as `like`."""
    if not is_number(value) or value <= 0:
        yield f"{field}: {shown(value)} is not a positive number; give one such as {like:g}"


def share(field: str, value: Any) -> Iterator[str]:
    """Expect a share of a whole, 0 to 1."""
    if not is_number(value) or not 0 <= value <= 1:
        yield f"{field}: {shown(value)} is not a share; give a number from 0 to 1"


def part(field: str, value: Any, *, like: float) -> Iterator[str]:
    """Expect a share of a whole that is more than nothing, such as `like`."""
    if not is_number(value) or not 0 < value <= 1:
        yield f"{field}: {shown(value)} is not a number above 0 and up to 1; give one such as {like:g}"


def count(field: str, value: Any, *, least: int = 1) -> Iterator[str]:
    """Expect a whole number, `least` or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        yield f"{field}: {shown(value)} is not a whole number of at least {least}"


def word(field: str, value: Any) -> Iterator[str]:
    """Expect text of one line that is not empty."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        yield f"{field}: {shown(value)} is not text of one line; give a name in quotes"


def choice(field: str, value: Any, choices: tuple[Any, ...]) -> Iterator[str]:
    """Expect one of a few values."""
    if not any(value is item or (type(value) is type(item) and value == item) for item in choices):
        yield f"{field}: {shown(value)} is not a choice; give {' or '.join(map(repr, choices))}"


def parsed(field: str, value: Any, parse: Callable[[str], object]) -> Iterator[str]:
    """Expect text that `parse` takes without raising `TypeError` or `ValueError`."""
    try:
        parse(value)
    except (TypeError, ValueError) as error:
        yield f"{field}: {error}"


def _of_a_class(field: str, value: type) -> str:
    return f"{field}: {value.__name__} is a class; give an object of it: {value.__name__}(...)"


def instance(field: str, value: Any, kind: type, remedy: str) -> Iterator[str]:
    """Expect an object of a kind."""
    if isinstance(value, type):
        yield _of_a_class(field, value)
    elif not isinstance(value, kind):
        yield f"{field}: {shown(value)} is not {_one(kind.__name__)}; {remedy}"


def _one(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def provides(field: str, value: Any, interface: InterfaceClass, remedy: str) -> Iterator[str]:
    """Expect a plugin object that provides an interface, and has the methods that this promises."""
    name = interface.__name__
    if isinstance(value, type):
        yield _of_a_class(field, value)
    elif interface.providedBy(value):
        for method, arguments in _methods(interface):
            call = getattr(value, method, None)
            if callable(call):
                yield from _misfit(f"{field}: {shown(value)}: {method}", call, arguments)
            else:
                yield f"{field}: {shown(value)} promises {name} but has no {method}{_listed(arguments)}; write it"
    elif any(callable(getattr(value, method, None)) for method, _ in _methods(interface)[:1]):
        yield f"{field}: {shown(value)} does not provide {name}; put @implementer({name}) on its class"
    else:
        yield f"{field}: {shown(value)} does not provide {name}; {remedy}"


def provides_or_callable(field: str, value: Any, interface: InterfaceClass, remedy: str) -> Iterator[str]:
    """Expect a plugin object, or a bare function in its place."""
    if isinstance(value, type) or interface.providedBy(value) or not callable(value):
        yield from provides(field, value, interface, remedy)
    else:
        yield from _misfit(f"{field}: {shown(value)}", value, _methods(interface)[0][1])


def optional(field: str, value: Any, method: str, arguments: tuple[str, ...]) -> Iterator[str]:
    """Expect that a plugin object, if it has that method at all, lets it be called with these arguments."""
    call = getattr(value, method, None)
    if callable(call):
        yield from _misfit(f"{field}: {shown(value)}: {method}", call, arguments)
    elif call is not None:
        yield f"{field}: {shown(value)}: {method} is not a method; let it take {_listed(arguments)}, or leave it out"


def at_once(field: str, value: Any, call: object) -> Iterator[str]:
    """Expect that a plugin's method, or the function in its place, is no coroutine, where nobody waits for one."""
    if iscoroutinefunction(call):
        named = "" if call is value else f": {getattr(call, '__name__', call)}"
        yield f"{field}: {shown(value)}{named} is asynchronous, but is not waited for; write def, not async def"


def _methods(interface: InterfaceClass) -> list[tuple[str, tuple[str, ...]]]:
    """Its methods by name, each with its arguments."""
    members = interface.namesAndDescriptions()
    return [(str(name), tuple(method.positional)) for name, method in members if isinstance(method, Method)]


def _misfit(what: str, call: Callable[..., Any], arguments: tuple[str, ...]) -> Iterator[str]:
    """Expect that a call takes these arguments by position, as far as can be known."""
    try:
        signature(call).bind(*arguments)
    except TypeError:
        yield f"{what} cannot be called with {_listed(arguments)}; let it take just that"
    except ValueError:
        return  # some that are written in C do not say what they take


def _listed(arguments: tuple[str, ...]) -> str:
    return f"({', '.join(arguments)})"
