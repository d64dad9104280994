"""Matchers put together with `&`, `|` and `~`, in a logic of three answers; knows no session."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

from zope.interface import implementer

from balancer.interfaces.contracts import IMatcher
from balancer.interfaces.hints import Hints, Hosts, Prefixes, both, either, hints_of
from balancer.interfaces.values import MORE, Found, Kind

ALL_KINDS: Final = frozenset(Kind)


@implementer(IMatcher)
class Matcher:
    """Gives a matcher `&`, `|` and `~`. Optional to inherit: a bare callable may stand on either side as well.

    A `peek` above 0 is for the first bytes of a connection. An HTTP request has none to wait for: `MORE` is no match.
    `hosts` and `prefixes` are for many routes to be no slower than few, `captures` for a config to be judged.
    """

    peek: int = 0
    always: bool = False
    kinds: Collection[Kind] = ALL_KINDS
    hosts: Hosts = None
    prefixes: Prefixes = None

    @property
    def captures(self) -> Collection[str] | None:
        """See `IMatcher`."""
        return None

    def matches(self, session: Any) -> Found:
        """See `IMatcher`."""
        raise NotImplementedError

    def __and__(self, other: Any) -> Matcher:
        return _Both(self, other)

    def __or__(self, other: Any) -> Matcher:
        return _Either(self, other)

    def __rand__(self, other: Any) -> Matcher:
        return _Both(other, self)

    def __ror__(self, other: Any) -> Matcher:
        return _Either(other, self)

    def __invert__(self) -> Matcher:
        return _Not(self)


def ask(matcher: Any, session: Any) -> Found:
    """Put the question to an `IMatcher` or to a bare callable.

    Raises `TypeError` for any other answer: a function that forgot to return must not match everything.
    """
    return checked(matcher, getattr(matcher, "matches", matcher)(session))


def checked(matcher: Any, answer: Any) -> Found:
    """The answer of a matcher, if it is one. Raises `TypeError`."""
    if answer is True or answer is False or answer is MORE or isinstance(answer, Mapping):
        found: Found = answer
        return found
    raise TypeError(f"{matcher!r} answered a {type(answer).__name__}; expected True, False, MORE or captures by name")


def taken_apart(matcher: Any) -> tuple[str, tuple[Any, ...]]:
    """How a matcher was put together ("all", "any" or "not"), and of what; ("", ()) for one that was not.

    Matchers that `&` or `|` joined one after another are told side by side.
    """
    if isinstance(matcher, _Not):
        return "not", (matcher.matcher,)
    if not isinstance(matcher, _Pair):
        return "", ()
    sides = ((side, taken_apart(side)) for side in (matcher.left, matcher.right))
    alike = (parts if joint == matcher.joint else (side,) for side, (joint, parts) in sides)
    return matcher.joint, tuple(part for parts in alike for part in parts)


def _captures(found: Found) -> Mapping[str, str]:
    return found if isinstance(found, Mapping) else {}


def captures_of(matcher: Any) -> frozenset[str] | None:
    """All names that a matcher, or a function in its place, may capture; None where it does not say.

    Of a filter, or a function in its place, what it needs.
    """
    told = getattr(matcher, "captures", None)
    if isinstance(told, str):
        return frozenset({told})  # one name, and not its letters
    return frozenset(told) if isinstance(told, Collection) else None


def _always(matcher: Any) -> bool:
    return bool(getattr(matcher, "always", False))


def _kinds(matcher: Any) -> frozenset[Kind]:
    return frozenset(getattr(matcher, "kinds", ALL_KINDS))


class _Pair(Matcher):
    joint: ClassVar[str]

    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right
        self.peek = max(getattr(left, "peek", 0), getattr(right, "peek", 0))

    @property
    def captures(self) -> frozenset[str] | None:
        """Those of both, if both say."""
        left, right = captures_of(self.left), captures_of(self.right)
        return None if left is None or right is None else left | right

    def _bound_by(self, hints: Hints) -> None:
        self.hosts, self.prefixes = hints.hosts, hints.prefixes


class _Both(_Pair):
    """Kleene's and: one False settles it, whatever is still open; captures of both, the right one's winning."""

    joint = "all"

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__(left, right)
        self.always = _always(left) and _always(right)
        self.kinds = _kinds(left) & _kinds(right)
        self._bound_by(both(hints_of(left), hints_of(right)))

    def matches(self, session: Any) -> Found:
        left = ask(self.left, session)
        if left is False:
            return False
        right = ask(self.right, session)
        if right is False:
            return False
        if left is MORE or right is MORE:
            return MORE
        return {**_captures(left), **_captures(right)} or True

    def __repr__(self) -> str:
        return f"({self.left!r} & {self.right!r})"


class _Either(_Pair):
    """Kleene's or: the first that matches settles it, also while an earlier one is still open."""

    joint = "any"

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__(left, right)
        self.always = _always(left) or _always(right)
        self.kinds = _kinds(left) | _kinds(right)
        self._bound_by(either(hints_of(left), hints_of(right)))

    def matches(self, session: Any) -> Found:
        left = ask(self.left, session)
        if left is not False and left is not MORE:
            return left
        right = ask(self.right, session)
        return left if right is False else right

    def __repr__(self) -> str:
        return f"({self.left!r} | {self.right!r})"


class _Not(Matcher):
    """The opposite; captures nothing."""

    captures = frozenset[str]()

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher
        self.peek = getattr(matcher, "peek", 0)

    def matches(self, session: Any) -> Found:
        found = ask(self.matcher, session)
        return found if found is MORE else found is False

    def __repr__(self) -> str:
        return f"~{self.matcher!r}"
