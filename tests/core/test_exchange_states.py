"""The table of an exchange: complete, and with one way out."""

from __future__ import annotations

from balancer.core.exchange_states import PHASES, TRANSITIONS, Input, State
from balancer.interfaces import Phase


def test_every_state_can_be_reached_and_the_last_has_no_way_out() -> None:
    """The table leads from the first state to every other, and out of every one but the last."""
    assert set(TRANSITIONS.values()) == set(State) - {State.PREPARING}
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.DONE}


def test_every_state_on_the_way_tells_how_far_a_session_had_come() -> None:
    """A failure is told by its phase in every state but the last, and only a retry goes back by one."""
    order = [Phase.PICK, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE, Phase.DATA]
    assert set(PHASES) == set(State) - {State.DONE}
    for (state, what), after in TRANSITIONS.items():
        if after is not State.DONE:
            assert (order.index(PHASES[after]) < order.index(PHASES[state])) == (what is Input.RETRY)
