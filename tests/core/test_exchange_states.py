"""The table of an exchange: complete, and with one way out."""

from __future__ import annotations

from balancer.core.exchange_states import PHASES, TRANSITIONS, State
from balancer.interfaces import Phase


def test_every_state_can_be_reached_and_the_last_has_no_way_out() -> None:
    """The table leads from the first state to every other, and out of every one but the last."""
    assert set(TRANSITIONS.values()) == set(State) - {State.PREPARING}
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.DONE}


def test_every_state_on_the_way_tells_how_far_a_session_had_come() -> None:
    """A failure before the answer began is told apart from one in the middle of it."""
    assert PHASES == {
        State.PREPARING: Phase.PICK,
        State.CONNECTING: Phase.CONNECT,
        State.SENDING: Phase.REQUEST,
        State.WAITING: Phase.RESPONSE,
        State.EARLY: Phase.DATA,
        State.ANSWERING: Phase.DATA,
        State.UPGRADED: Phase.DATA,
    }
