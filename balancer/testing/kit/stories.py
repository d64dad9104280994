"""Tells how a promise was broken: step by step what happened, what was promised and what came; judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from balancer.errors import ReadOnly

LOOKS_ONLY = "the engine counts, the policy only looks: it changes neither backends nor sessions"

LONGEST = 300
"""Characters of one step that are told."""


class Broken(AssertionError):
    """A promise was broken; `steps` is how long it took."""

    def __init__(self, message: str, steps: int = 0) -> None:
        super().__init__(message)
        self.steps = steps


class Story:
    """What happened so far, step by step."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def tell(self, step: str) -> None:
        """One more step, in a line."""
        line = step if len(step) <= LONGEST else f"{step[: LONGEST - 3]}..."
        self.steps.append(line)

    def broken(self, promised: str, came: str) -> NoReturn:
        """End here. Raises `Broken`."""
        told = [f"{number:>3}. {step}" for number, step in enumerate(self.steps, 1)]
        raise Broken("\n".join(["a promise is broken", *told, f"promised: {promised}", f"came: {came}"]), len(told))

    def asked(self, promised: str, what: str, question: Callable[[], Any]) -> Any:
        """What a plugin answers, where it must not raise. Raises `Broken`."""
        try:
            return question()
        except ReadOnly as error:
            self.broken(LOOKS_ONLY, f"{what} raised {in_words(error)}")
        except Exception as error:  # noqa: BLE001  whatever a plugin raises is what came
            self.broken(promised, f"{what} raised {in_words(error)}")


def in_words(error: BaseException) -> str:
    """An exception as a person would write it down."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def listed(names: Any, most: int = 12) -> str:
    """Some names, one after the other, or how many more there are."""
    known = [str(name) for name in names]
    rest = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + rest if known else "none"
