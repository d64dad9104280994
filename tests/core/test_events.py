"""The ring of events: the latest, in order, and never more than it may hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.events import LONGEST, Event, Events


@given(st.lists(st.text(max_size=5), max_size=30), st.integers(1, 10))
def test_the_latest_are_kept_in_order(evidence: list[str], kept: int) -> None:
    """However many there were, the latest are kept, oldest first, each as of its time, and all are counted."""
    wall = iter(range(100))
    events = Events(lambda: next(wall), kept=kept)
    for text in evidence:
        events.note("pool", "b", "down", why="check", evidence=text)
    told = [Event(at, "pool", "b", "down", "check", text) for at, text in enumerate(evidence)]
    assert (list(events), events.noted) == (told[-kept:], len(evidence))
    assert list(reversed(events)) == told[-kept:][::-1]


@given(st.text(alphabet=st.sampled_from("ab \n\x85\u2028"), max_size=5 * LONGEST))
def test_every_text_is_a_bounded_line(text: str) -> None:
    """Whatever a plugin says is kept as one line of a bounded length, from its beginning on."""
    event = Event(0.0, "pool", "b", text, text, text)
    for kept in (event.what, event.why, event.evidence):
        assert len(kept) <= LONGEST
        assert len(kept.splitlines()) <= 1
        assert " ".join(text.split()).startswith(kept.removesuffix("..."))
