"""Pickers made of pickers: each hears of the sessions that it chose for, and of nobody else's."""

from __future__ import annotations

from typing import Any

import attrs

from balancer.core.messages import ResponseHead
from balancer.interfaces import Outcome, Phase
from balancer.plugins.parts import Parts, words
from balancer.testing.fakes import FakeBackend, FakeSession

HEAD = ResponseHead(200, "OK")


class Part:
    """Chooses always the same, and notes which ends it is told of."""

    def __init__(self, answer: FakeBackend | None) -> None:
        self.answer = answer
        self.ended: list[tuple[Any, Phase]] = []

    def __call__(self, _session: Any) -> FakeBackend | None:
        return self.answer

    def released(self, _backend: FakeBackend, outcome: Outcome) -> None:
        self.ended.append((outcome.session, outcome.phase))


class Signing(Part):
    """Has a say in answers as well."""

    def responded(self, _session: Any, backend: FakeBackend, head: ResponseHead) -> ResponseHead:
        return head.with_field("x-from", backend.name)


def end(session: FakeSession) -> Outcome:
    """How a session ended well."""
    return Outcome(1.0, 1.0, session=session)


def test_each_hears_of_its_own() -> None:
    """Who chose for a session sees its answer and is told once of its end; a choice of nobody's is told to nobody."""
    backend, one, other = FakeBackend(), FakeSession(), FakeSession()
    signing, plain = Signing(backend), Part(backend)
    parts: Any = Parts([signing, plain])
    assert parts.ask(signing, one) is parts.ask(plain, other) is backend
    assert parts.responded(one, backend, HEAD).get("x-from") == "backend"
    assert parts.responded(other, backend, HEAD) is HEAD
    parts.owe(backend, third := FakeSession(), None)
    for session in (one, other, third, one):
        parts.released(backend, end(session))
    assert signing.ended == [(one, Phase.DONE)]
    assert plain.ended == [(other, Phase.DONE)]
    assert parts.responded(one, backend, HEAD) is HEAD


def test_what_was_chosen_twice_ends_twice() -> None:
    """A choice that does not stand ends at once, and leaves the one before it as it was."""
    backend, session = FakeBackend(), FakeSession()
    part = Part(backend)
    parts: Any = Parts([part])
    for _ in range(2):
        parts.ask(part, session)
    parts.refuse(backend, session)
    parts.released(backend, end(session))
    assert part.ended == [(session, Phase.PICK), (session, Phase.DONE)]
    assert not hasattr(parts, "responded")


def test_nothing_is_kept_for_who_does_not_listen() -> None:
    """Where no part wants to be told, the pool is spared the call; and none is told of no choice."""
    deaf: Any = Parts([lambda _session: None])
    deaf.owe(FakeBackend(), FakeSession(), None)
    deaf.refuse(FakeBackend(), FakeSession())
    assert not hasattr(deaf, "released")
    part = Part(None)
    parts: Any = Parts([part])
    assert parts.ask(part, FakeSession()) is None
    parts.released(FakeBackend(), attrs.evolve(end(FakeSession()), session=None))
    assert part.ended == []


def test_the_words_of_a_part() -> None:
    """What a part says of backends comes with its name in front; a part that does not explain itself says nothing."""

    class Wordy(Part):
        def explain(self, _session: Any) -> Any:
            return [(self.answer, 2.0, "well")]

    backend = FakeBackend()
    assert words(Wordy(backend), FakeSession(), "near") == [(backend, 2.0, "near: well")]
    assert words(Part(backend), FakeSession(), "far") == []
