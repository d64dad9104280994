"""The exchange under any schedule: one answer that is its own or a cut, one end for every pick, nothing left over."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.exchange import Exchange
from balancer.core.exchange_states import State
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.core.retries import IDEMPOTENT
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    DownstreamTimeout,
    FilterTimeout,
    ResponseInvalid,
    Side,
    UpstreamGone,
    UpstreamTimeout,
)
from tests.core.stage import FakeUpstream, Stage

HEADS = [
    RequestHead("GET", "/"),
    RequestHead("POST", "/"),
    RequestHead("PUT", "/", length=None),
    RequestHead("POST", "/", length=None),
]
PIECES = st.lists(st.binary(min_size=1, max_size=3), max_size=2)


class Promise:
    """What a filter awaits."""

    def __await__(self) -> Any:
        """Never called here."""
        raise NotImplementedError


def waiting(_head: RequestHead, _session: Any) -> Promise:
    """A filter that takes its time."""
    return Promise()


def body(messages: list[Message]) -> bytes:
    """The bytes among messages."""
    return b"".join(message for message in messages if isinstance(message, bytes))


class Model(RuleBasedStateMachine):
    """What was asked, answered and held so far, and what must come of it."""

    exchange: Exchange
    head: RequestHead

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.asked, self.answered, self.slow = bytearray(), bytearray(), dict[Side, bool]()
        self.request_ended = self.heard = self.headed = self.ended = False

    def live(self) -> bool:
        return self.exchange.state is not State.DONE

    def connected(self) -> bool:
        return self.live() and self.exchange.state not in (State.PREPARING, State.CONNECTING)

    @property
    def upstream(self) -> FakeUpstream:
        return self.stage.upstreams[-1]

    def press(self, side: Side, *, high: bool) -> None:
        if self.slow.get(side, False) is not high:
            self.slow[side] = high
            self.exchange.pressure(side, high=high)

    def bring(self, messages: list[Message], *, last: bool) -> None:
        self.answered += body(messages)
        self.ended = last
        self.exchange.response([*messages, END] if last else messages)

    def blamed(self) -> type[BalancerError]:
        """Whose silence it would be."""
        if self.slow.get(Side.DOWNSTREAM, False):
            return DownstreamTimeout
        return UpstreamTimeout if self.request_ended or self.slow.get(Side.UPSTREAM, False) else DownstreamTimeout

    def verdict(self) -> str:
        """What the client must have been given."""
        if self.ended:
            assert any(isinstance(message, End) for message in self.stage.line.said)
            return "answered"
        (error,) = self.stage.ends
        assert error is not None
        return "cut" if self.headed else f"refused {error.status} {error.reason}"


class Happenings(Model):
    """A client and a backend that do what they like, as far as their codecs let them."""

    @initialize(
        head=st.sampled_from(HEADS), pieces=PIECES, slow=st.booleans(), at_once=st.booleans(), filters=st.integers(0, 2)
    )
    def begin(self, head: RequestHead, pieces: list[bytes], slow: bool, at_once: bool, filters: int) -> None:
        self.head = head
        self.exchange = self.stage.exchange(head, filters=[waiting] * filters)
        if slow:
            self.press(Side.DOWNSTREAM, high=True)
        if at_once:
            self.stage.at_once.append(partial(self.stage.connect, reused=slow))
        bodyless = head.length == 0
        self.request_ended = bodyless
        self.asked += b"" if bodyless else b"".join(pieces)
        self.exchange.start([END] if bodyless else pieces)

    @precondition(lambda self: self.live() and not self.request_ended)
    @rule(pieces=PIECES, last=st.booleans())
    def say(self, pieces: list[bytes], last: bool) -> None:
        self.asked += b"".join(pieces)
        self.request_ended = last
        if pieces or last:
            self.exchange.request([*pieces, END] if last else pieces)

    @precondition(lambda self: self.exchange.state is State.PREPARING)
    @rule(luck=st.integers(0, 4))
    def filter(self, luck: int) -> None:
        _, done = self.stage.slow.pop()
        if luck == 0:
            done(None, LookupError())
        else:
            done(self.head, None)

    @precondition(lambda self: self.exchange.state is State.CONNECTING)
    @rule(reused=st.booleans())
    def connect(self, reused: bool) -> None:
        retry = len(self.stage.upstreams) > 0
        self.stage.connect(reused=reused and not retry)

    @precondition(lambda self: self.exchange.state is State.CONNECTING)
    @rule(luck=st.integers(0, 4))
    def fail_to_connect(self, luck: int) -> None:
        if luck == 0:
            self.exchange.fail(ConnectFailed())

    @precondition(lambda self: self.connected() and not self.headed)
    @rule(interim=st.booleans())
    def half_a_head(self, interim: bool) -> None:
        self.heard = True
        self.exchange.response([ResponseHead(103)] if interim else [])

    @precondition(lambda self: self.connected() and not self.headed)
    @rule(pieces=PIECES, last=st.booleans())
    def answer(self, pieces: list[bytes], last: bool) -> None:
        self.heard = self.headed = True
        self.bring([ResponseHead(200, length=None), *pieces], last=last)

    @precondition(lambda self: self.connected() and self.headed)
    @rule(pieces=PIECES, last=st.booleans())
    def go_on(self, pieces: list[bytes], last: bool) -> None:
        self.bring([*pieces], last=last)

    @precondition(lambda self: self.connected())
    @rule(invalid=st.booleans())
    def break_upstream(self, invalid: bool) -> None:
        safe = self.head.method in IDEMPOTENT and self.head.length == 0
        again = self.exchange.session.attempt < self.stage.attempts
        expected = again and safe and not self.heard and not invalid
        self.slow.pop(Side.UPSTREAM, None)
        self.exchange.upstream_failed(ResponseInvalid() if invalid else UpstreamGone())
        assert (self.exchange.state is State.CONNECTING) is expected

    @precondition(lambda self: self.live())
    @rule(luck=st.integers(0, 4))
    def leave(self, luck: int) -> None:
        if luck == 0:
            self.exchange.fail(DownstreamGone())

    @precondition(lambda self: self.live())
    @rule(high=st.booleans())
    def slow_client(self, high: bool) -> None:
        self.press(Side.DOWNSTREAM, high=high)

    @precondition(lambda self: self.connected())
    @rule(high=st.booleans())
    def slow_backend(self, high: bool) -> None:
        self.press(Side.UPSTREAM, high=high)

    @precondition(lambda self: self.live())
    @rule(seconds=st.sampled_from([1, 9, 21, 31]))
    def wait(self, seconds: float) -> None:
        connecting = self.exchange.state is State.CONNECTING
        blamed = FilterTimeout if self.exchange.state is State.PREPARING else self.blamed()
        self.stage.clock.advance(seconds)
        assert self.live() or not connecting
        assert self.live() or type(self.stage.ends[0]) is blamed

    @precondition(lambda self: not self.live())
    @rule(side=st.sampled_from([Side.UPSTREAM, Side.DOWNSTREAM]), high=st.booleans())
    def come_late(self, side: Side, high: bool) -> None:
        self.exchange.pressure(side, high=high)
        self.exchange.request([b"late"])
        self.exchange.response([b"late"])
        self.exchange.upstream_failed(UpstreamGone())
        self.exchange.fail(DownstreamGone())


class ExchangeMachine(Happenings):
    """What holds at all times, and what holds at the end."""

    @invariant()
    def the_backend_got_what_was_asked(self) -> None:
        if self.connected():
            assert self.upstream.said[0] == self.head
            assert body(self.upstream.said) == self.asked
            assert (END in self.upstream.said) is self.request_ended

    @invariant()
    def the_client_got_what_was_answered(self) -> None:
        said = self.stage.line.said
        heads = [message for message in said if isinstance(message, ResponseHead) and not message.interim]
        assert len(heads) == self.headed
        assert body(said) == self.answered

    @invariant()
    def the_slow_hold_the_other(self) -> None:
        if self.connected():
            assert self.upstream.paused is self.slow.get(Side.DOWNSTREAM, False)
            assert self.stage.line.paused is self.slow.get(Side.UPSTREAM, False)

    @invariant()
    def it_ends_once_and_leaves_nothing(self) -> None:
        stage = self.stage
        assert len(stage.ends) == stage.line.done == (not self.live())
        assert stage.backend.active == self.connected()
        assert len(stage.upstreams) <= stage.attempts
        if not self.live():
            assert stage.at_rest()
            assert self.verdict() == stage.line.result

    def teardown(self) -> None:
        """Whatever is still open ends when nothing moves any more, once a connection stands or a filter is over."""
        if self.exchange.state is State.CONNECTING:
            self.stage.connect()
        self.stage.clock.advance(40)
        self.it_ends_once_and_leaves_nothing()


TestExchangeMachine = ExchangeMachine.TestCase
TestExchangeMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
