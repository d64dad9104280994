"""Stands between a pool and an algorithm: sees what the algorithm is given, answers and leaves behind; changes nothing.

The pool contains what an algorithm does wrong; here it is put into words. Refuses to know who is eligible.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from inspect import isawaitable
from typing import Any

import attrs

from balancer.core.messages import Head
from balancer.errors import ReadOnly
from balancer.testing.ending import bounded
from balancer.testing.kit.stories import LOOKS_ONLY, Story, in_words

CHOOSES = "a picker answers one of the backends it was made for, or None, at once and without raising"
MADE = "an algorithm makes a picker for any backends, at least one, at once or in slices of a generator"


class Watched:
    """An algorithm in whose place this one stands. What goes wrong is kept in `wrong`: what was promised, what came."""

    def __init__(self, algorithm: Any) -> None:
        self.algorithm = algorithm
        self.wrong: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.algorithm, name)
        return (lambda: _WatchedKeeper(self, found())) if name == "keeper" else found

    def picker(self, backends: Sequence[Any], random: Any) -> Any:
        """See `IAlgorithm`."""
        return self.made(lambda: self.algorithm.picker(backends, random), backends)

    def made(self, make: Callable[[], Any], backends: Sequence[Any]) -> Any:
        """What `make` makes for these, under watch. Raises what it raises."""
        try:
            made = make()
        except Exception as error:
            self.raised(MADE, "picker()", error)
            raise
        if isinstance(made, Generator):
            return self._in_slices(made, backends)
        return self._watched(made, backends)

    def raised(self, promised: str, what: str, error: Exception) -> None:
        """That part of it has raised; if it tried to change what it was given, another promise is broken."""
        self.wrong.append((LOOKS_ONLY if isinstance(error, ReadOnly) else promised, f"{what} raised {in_words(error)}"))

    def _in_slices(self, made: Generator[None, None, Any], backends: Sequence[Any]) -> Generator[None, None, Any]:
        try:
            picker = yield from bounded(made)
        except Exception as error:
            self.raised(MADE, "the generator of picker()", error)
            raise
        return self._watched(picker, backends)

    def _watched(self, picker: Any, backends: Sequence[Any]) -> Any:
        if callable(picker):
            return _WatchedPicker(self, picker, backends)
        if isawaitable(picker):
            close(picker)
        self.wrong.append((MADE, f"picker() answered {picker!r}, which cannot be called"))
        return picker


class _WatchedKeeper:
    """What an algorithm keeps for one pool."""

    def __init__(self, watched: Watched, keeper: Any) -> None:
        self._watched, self._keeper = watched, keeper

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._keeper, name)

    def picker(self, backends: Sequence[Any], others: Sequence[Any], random: Any) -> Any:
        """See `IKeeper`."""
        return self._watched.made(lambda: self._keeper.picker(backends, others, random), (*backends, *others))


class _WatchedPicker:
    """One picker; has whatever else that has."""

    def __init__(self, watched: Watched, picker: Any, backends: Sequence[Any]) -> None:
        self._watched, self._picker, self._backends = watched, picker, backends

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._picker, name)

    def __call__(self, session: Any) -> Any:
        watched = self._watched
        try:
            answer = self._picker(session)
        except Exception as error:
            watched.raised(CHOOSES, "the picker", error)
            raise
        if came := misfit(answer, self._backends):
            watched.wrong.append((CHOOSES, came))
        return answer


def misfit(answer: Any, backends: Sequence[Any]) -> str:
    """What is wrong with a picker's answer; empty if nothing is."""
    if isawaitable(answer):
        close(answer)
        return f"an awaitable, {type(answer).__name__}, which nobody waits for"
    if answer is None or any(answer is one for one in backends):
        return ""
    named = getattr(answer, "name", None)
    if named is not None and hasattr(answer, "address"):
        return f"backend {named}, which was not offered; offered were {', '.join(one.name for one in backends)}"
    return f"{answer!r}, which is a {type(answer).__name__} and no backend"


def close(awaitable: Any) -> None:
    """Let go of what will not be awaited, without a warning."""
    if hasattr(awaitable, "close"):
        awaitable.close()


def photo(head: Head | None) -> dict[str, Any]:
    """All that is to be seen of a head now, by name; nothing of none."""
    return {} if head is None else {field.name: getattr(head, field.name) for field in attrs.fields(type(head))}


def differences(before: dict[str, Any], head: Head | None) -> str:
    """What has changed of a head since that photo, in words; empty for nothing."""
    changed = ((name, old, getattr(head, name)) for name, old in before.items())
    return ", ".join(f"{name} of the head ({old!r} is {now!r} now)" for name, old, now in changed if old != now)


def put_back(before: dict[str, Any], head: Head | None) -> None:
    """Make a head again what it was on that photo, for those who are asked about it next."""
    for name, old in before.items():
        setattr(head, name, old)


def tell_wrong(watched: Watched, story: Story, faults: Sequence[tuple[str, BaseException]] = ()) -> None:
    """End the story if anything went wrong. Raises `Broken`."""
    for promised, came in watched.wrong:
        story.broken(promised, came)
    for what, error in faults:
        story.broken("nothing that the pool tells an algorithm makes it fail", f"{what}: {in_words(error)}")
