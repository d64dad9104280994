"""The promises about keys: the same key, the same backend, and only those keys move that must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.interfaces import Kind
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.searching import for_each_seed
from balancer.testing.kit.stories import Story, in_words, listed
from balancer.testing.kit.watching import Watched, tell_wrong
from balancer.testing.pools import MemoryPool

KEYS: Final = 1200
"""How many keys are looked at."""

SAME: Final = "the same key goes to the same backend while that is there"


class _Asked:
    """Answers any header with a value of its own, and remembers which were asked for."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def get(self, name: str) -> str:
        """See `Head.get`."""
        self._names.add(name)
        return "value"

    def get_all(self, name: str) -> list[str]:
        """See `Head.get_all`."""
        return [self.get(name)]

    def __getattr__(self, name: str) -> Any:
        return getattr(RequestHead("GET", "/path", "example.com"), name)


@lru_cache
def headers_asked(key: Callable[[Any], Any]) -> frozenset[str]:
    """Which headers a key is made of; none if it looks at something else."""
    names = set[str]()
    asked: Any = _Asked(names)
    session = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, asked)
    with suppress(Exception):  # it is asked in earnest later
        key(session)
    return frozenset(names)


def session_of(affinity: Any, number: int, variant: int = 0, now: float = 0.0) -> Any:
    """A session of the key with that number; what the key is not made of differs between variants.

    `affinity` is as in `conformance`: True for the client's address, the name of a header, a function of the session,
    or one that makes a session for a key.
    """
    made = _made_for(affinity, f"key-{number}")
    if made is not None:
        return made
    host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    named = (
        {affinity.lower()}
        if isinstance(affinity, str)
        else headers_asked(affinity)
        if callable(affinity)
        else frozenset[str]()
    )
    text = f"key={number}; id={number}; session={number}; user={number}" if "cookie" in named else f"key-{number}"
    fields = tuple((name, text) for name in sorted(named))
    head = RequestHead("GET", f"/{number}/x?key={number}&id={number}", f"h{number}.example.com", fields=fields)
    client = (f"192.0.2.{variant}" if named else host, 40000 + variant)
    session = Session(Kind.HTTP, client, now, head, server_name=f"h{number}.example.com")
    session.become(peek=f"key-{number:012}".encode() * 8, captures=MappingProxyType(AnyText(f"key-{number}")))
    return session


class AnyText(dict[str, str]):
    """Captures of whatever name."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return self._value

    def get(self, name: str, default: Any = None) -> Any:
        return self._value


def _made_for(affinity: Any, key: str) -> Any:
    """The session that a function makes for a key; None if it is a function of the session, or none."""
    if not callable(affinity):
        return None
    try:
        made = affinity(key)
    except Exception:  # noqa: BLE001  it takes a session, and was given a text
        return None
    return made if hasattr(made, "client") and hasattr(made, "tried") else None


def keyed_session(subject: Subject, memory: MemoryPool, number: int) -> Any:
    """A session of some client, with a key of its own."""
    if subject.claims.affinity in (None, False, True):
        return memory.session(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 1024 + number % 60000)
    return session_of(subject.claims.affinity, number, now=memory.clock.seconds())


class Keyed:
    """A pool of backends of these weights, and the backend of each of many keys in it."""

    def __init__(self, subject: Subject, weights: Sequence[float], seed: int) -> None:
        self.story, self._subject, self._watched = Story(), subject, Watched(subject.make())
        self.memory = MemoryPool(self._watched, weights, seed=seed)
        equal = len(set(weights)) == 1
        what = f"{len(weights)} equal backends" if equal else f"backends of weights {listed(weights)}"
        self.story.tell(f"a pool of {what}; its chance is seeded with {seed}")

    def places(self, keys: int, variant: int = 0) -> list[str]:
        """Where a session of each key goes, the last one first unless the variant is 0. It ends well at once."""
        order = range(keys) if variant == 0 else reversed(range(keys))
        found = {number: self._place(number, variant) for number in order}
        return [found[number] for number in range(keys)]

    def _place(self, number: int, variant: int) -> str:
        session = session_of(self._subject.claims.affinity, number, variant, self.memory.clock.seconds())
        try:
            lease = self.memory.pick(session)
        except BalancerError as error:
            tell_wrong(self._watched, self.story, self.memory.faults)
            self.story.broken(SAME, f"none for key {number}: {in_words(error)}")
        lease.end()
        tell_wrong(self._watched, self.story, self.memory.faults)
        return lease.backend.name


def affinity(subject: Subject) -> None:
    """The same key goes to the same backend, also from elsewhere, after other keys, and when the picker is rebuilt."""
    for_each_seed(lambda seed: _is_faithful(subject, seed), subject.effort)


def _is_faithful(subject: Subject, seed: int) -> None:
    keyed = Keyed(subject, [1.0] * 5, seed)
    before = keyed.places(200)
    keyed.story.tell(f"200 keys go to {listed(before)}")
    if len(set(before)) == 1:
        keyed.story.broken("different keys go to different backends", f"all of them to {before[0]}")
    for what in ("come again", "come again after a rebuild"):
        if "rebuild" in what:
            keyed.memory.rebuild()
        after = keyed.places(200, variant=7)
        moved = [number for number in range(200) if before[number] != after[number]]
        if moved:
            keyed.story.tell(f"the same keys {what}")
            number = moved[0]
            keyed.story.broken(
                SAME, f"key {number} had {before[number]} and has {after[number]}; so {len(moved)} of 200"
            )


def movement(subject: Subject) -> None:
    """When a backend leaves or comes, no more than that share of the keys move beyond those that must."""
    for_each_seed(lambda seed: _moves_little(subject, seed), subject.effort)


def _moves_little(subject: Subject, seed: int) -> None:
    for weights in ((1, 2, 1, 3), (1,) * 9):
        keyed = Keyed(subject, weights, seed)
        before = keyed.places(KEYS)
        gone = keyed.memory.backends[seed % len(weights)]
        keyed.memory.set_up(gone, up=False)
        keyed.story.tell(f"{gone.name} leaves")
        between = keyed.places(KEYS)
        pairs = list(zip(before, between, strict=True))
        _judge_moves(subject, keyed.story, len([1 for was, now in pairs if was not in (now, gone.name)]))
        keyed.memory.set_up(gone, up=True)
        keyed.story.tell(f"{gone.name} comes back")
        pairs = list(zip(between, keyed.places(KEYS), strict=True))
        _judge_moves(subject, keyed.story, len([1 for was, now in pairs if now not in (was, gone.name)]))


def _judge_moves(subject: Subject, story: Story, needless: int) -> None:
    allowed = subject.claims.movement or 0.0
    if needless > allowed * KEYS:
        promised = f"at most {allowed:.1%} of the keys move though they need not"
        story.broken(promised, f"{needless} of {KEYS} did, which is {needless / KEYS:.1%}")
