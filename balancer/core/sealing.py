"""What plugins are given to look at: nobody changes it by assignment; refuses to know what it is.

An object is made as any other, and sealed by its class as the last act of that, so that neither to make it nor to read
it takes longer. What the engine has to change of it, methods of its own do: they write with `put`.
"""

from __future__ import annotations

from typing import ClassVar, Final, NoReturn

from balancer.errors import ReadOnly

put: Final = object.__setattr__
"""Writes an attribute, sealed or not."""


class Sealed:
    """In front of a class with slots, makes another of the same layout, for `__class__` to be set to.

    Who tries to change one is told whose attribute that is, `called` so, and what to do in place of it, the `remedy`.
    """

    __slots__ = ()
    called: ClassVar[str]
    remedy: ClassVar[str]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ReadOnly(f"{name!r} of {self.called.format(self)} is only to be read; {self.remedy}")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)


class SealedBackend(Sealed):
    """For backends."""

    __slots__ = ()
    called = "backend {0.name!r}"
    remedy = "keep notes of your own in a WeakKeyDictionary"


class SealedSession(Sealed):
    """For sessions."""

    __slots__ = ()
    called = "a session"
    remedy = "a matcher answers captures, a filter a changed head"
