"""Time that is counted: what is due is done in order, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.testing.simulation.clock import VirtualClock


def forever() -> bool:
    """Never over."""
    return False


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5])))
def test_calls_come_in_the_order_of_their_times(delays: list[float]) -> None:
    """What is due first is called first, at its time, and what is due together in the order in which it was asked."""
    clock, made = VirtualClock(), list[tuple[float, int]]()
    for number, delay in enumerate(delays):
        clock.callLater(delay, lambda number=number: made.append((clock.seconds(), number)))
    clock.run(forever)
    assert made == sorted((delay, number) for number, delay in enumerate(delays))


def test_a_call_may_be_cancelled() -> None:
    """A call that was cancelled does not come, and is not active; nor is one that has come."""
    clock, made = VirtualClock(), list[str]()
    kept, dropped = clock.callLater(1, made.append, "kept"), clock.callLater(1, made.append, "dropped")
    dropped.cancel()
    assert (kept.active(), dropped.active()) == (True, False)
    clock.run(forever)
    assert made == ["kept"]
    assert not kept.active()


def test_a_call_is_given_what_it_was_asked_with() -> None:
    """What a call takes, in order or by name, it is given."""
    clock, made = VirtualClock(), dict[str, int]()
    clock.callLater(0, made.update, [("a", 1)], b=2)
    clock.callLater(0, made.update, c=3)
    clock.run(forever)
    assert made == {"a": 1, "b": 2, "c": 3}


def test_it_ends_when_it_is_over() -> None:
    """No call is made once it is over, and time stands still then."""
    clock, made = VirtualClock(), list[float]()

    def again() -> None:
        made.append(clock.seconds())
        clock.callLater(1, again)

    again()
    clock.run(lambda: len(made) == 3)
    assert (made, clock.seconds()) == ([0, 1, 2], 2)
