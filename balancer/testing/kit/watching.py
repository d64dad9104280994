"""Stands between a pool and an algorithm: sees what the algorithm is given, answers and leaves behind; changes nothing.

The pool contains what an algorithm does wrong; here it is put into words. Refuses to know who is eligible.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from inspect import isawaitable
from typing import Any

import attrs

from balancer.testing.ending import bounded
from balancer.testing.kit.stories import Story, in_words

CHOOSES = "a picker answers one of the backends it was made for, or None, at once and without raising"
LOOKS_ONLY = "the engine counts, the policy only looks: it changes neither backends nor sessions"
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
        before = photo(*backends)
        try:
            made = make()
        except Exception as error:
            self.wrong.append((MADE, f"picker() raised {in_words(error)}"))
            raise
        if isinstance(made, Generator):
            return self._in_slices(made, backends)
        self._check_untouched("picker()", before, backends)
        return self._watched(made, backends)

    def _in_slices(self, made: Generator[None, None, Any], backends: Sequence[Any]) -> Generator[None, None, Any]:
        try:
            picker = yield from bounded(made)
        except Exception as error:
            self.wrong.append((MADE, f"the generator of picker() raised {in_words(error)}"))
            raise
        return self._watched(picker, backends)

    def _watched(self, picker: Any, backends: Sequence[Any]) -> Any:
        if callable(picker):
            return _WatchedPicker(self, picker, backends)
        if isawaitable(picker):
            close(picker)
        self.wrong.append((MADE, f"picker() answered {picker!r}, which cannot be called"))
        return picker

    def _check_untouched(self, what: str, before: Any, now: Sequence[Any]) -> None:
        if changed := differences(before, photo(*now)):
            self.wrong.append((LOOKS_ONLY, f"{what} changed {changed}"))


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
        watched, seen = self._watched, (*self._backends, session)
        before = photo(*seen)
        try:
            answer = self._picker(session)
        except Exception as error:
            watched.wrong.append((CHOOSES, f"the picker raised {in_words(error)}"))
            raise
        watched._check_untouched("the picker", before, seen)  # noqa: SLF001  the two are one
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


def photo(*things: Any) -> list[tuple[str, dict[str, Any]]]:
    """All that is to be seen of these now, by name."""
    return [(_whose(one), _members(one)) for one in things]


def _whose(thing: Any) -> str:
    return str(getattr(thing, "name", "the head" if hasattr(thing, "fields") else "the session"))


def _members(thing: Any) -> dict[str, Any]:
    names = [field.name for field in attrs.fields(type(thing))] if attrs.has(type(thing)) else list(vars(thing))
    members = {name: getattr(thing, name, None) for name in names}
    return {name: value.copy() if isinstance(value, list | dict | set) else value for name, value in members.items()}


def differences(before: list[tuple[str, dict[str, Any]]], now: list[tuple[str, dict[str, Any]]]) -> str:
    """What differs between two photos, in words; empty for nothing."""
    return ", ".join(
        f"{name} of {whose} ({_brief(old.get(name))} is {_brief(value)} now)"
        for (whose, old), (_, new) in zip(before, now, strict=True)
        for name, value in new.items()
        if name not in old or old[name] != value
    )


def _brief(value: Any) -> str:
    """A value in few words: of backends the names."""
    if isinstance(value, list | tuple) and any(hasattr(one, "address") for one in value):
        return f"[{', '.join(one.name for one in value)}]"
    return repr(value)


def tell_wrong(watched: Watched, story: Story, faults: Sequence[tuple[str, BaseException]] = ()) -> None:
    """End the story if anything went wrong. Raises `Broken`."""
    for promised, came in watched.wrong:
        story.broken(promised, came)
    for what, error in faults:
        story.broken("nothing that the pool tells an algorithm makes it fail", f"{what}: {in_words(error)}")
