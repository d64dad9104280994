"""The exchange with all its retries under any schedule: one answer that is one backend's or an end, nothing left over.

Several tries may be under way at a time. Each connection says who it is in its answer, so that answers cannot be mixed.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.exchange import Exchange
from balancer.core.exchange_ports import Carried
from balancer.core.exchange_states import State
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.core.retries import IDEMPOTENT, RetryPolicy
from balancer.errors import ConnectFailed, DownstreamGone, ResponseInvalid, UpstreamGone
from tests.core.stage import FakeUpstream, Stage

HEADS = [
    *[RequestHead("GET", "/")] * 4,
    RequestHead("POST", "/"),
    RequestHead("PUT", "/", length=None),
    RequestHead("POST", "/", length=None),
]
POLICY = RetryPolicy(
    4,
    statuses=frozenset({503}),
    backoff=0.5,
    share=0.0,
    floor=1,
    body=6,
    per_try=4.0,
    hedge=1.0,
)
PIECES = st.lists(st.binary(min_size=1, max_size=3), max_size=2)


def body(messages: list[Message]) -> bytes:
    """The bytes among messages."""
    return b"".join(message for message in messages if isinstance(message, bytes))


class Line:
    """One connection to a backend: whom it serves, what it has said so far, and whether it can say more."""

    def __init__(self, upstream: FakeUpstream, carried: Carried) -> None:
        self.upstream, self.carried = upstream, carried
        self.token = upstream.name.encode()
        self.begun = self.finished = False

    @property
    def live(self) -> bool:
        return not self.upstream.over and not self.finished


class Happenings(RuleBasedStateMachine):
    """A client, and backends that do what they like, as far as their codecs let them."""

    exchange: Exchange
    head: RequestHead

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(policy=POLICY)
        self.stage.line.stays = False
        self.asked, self.request_ended = bytearray(), False
        self.lines: list[Line] = []

    def over(self) -> bool:
        return self.exchange.state is State.DONE

    def live(self) -> list[Line]:
        return [line for line in self.lines if line.live]

    @initialize(
        head=st.sampled_from(HEADS), pieces=PIECES, others=st.sampled_from([True, True, False]), far=st.integers(0, 3)
    )
    def begin(self, head: RequestHead, pieces: list[bytes], others: bool, far: int) -> None:
        """What is far along is seldom reached by chance alone, so some begin there."""
        self.head, self.stage.others = head, others
        self.request_ended = head.length == 0
        pieces = [] if self.request_ended else pieces
        self.asked += b"".join(pieces)
        self.exchange = self.stage.exchange(head)
        self.exchange.start([END] if self.request_ended else pieces)
        if far > 0:
            self.connect(0, reused=False)
        if far > 1:
            self.wait(1.1)
        if far > 2 and self.stage.waiting:
            self.connect(0, reused=False)

    @precondition(lambda self: not self.over() and not self.request_ended and not self.stage.line.paused)
    @rule(pieces=PIECES, last=st.booleans())
    def say(self, pieces: list[bytes], last: bool) -> None:
        self.asked += b"".join(pieces)
        self.request_ended = last
        if pieces or last:
            self.exchange.request([*pieces, END] if last else pieces)

    @precondition(lambda self: self.stage.waiting)
    @rule(which=st.integers(0, 9), reused=st.booleans())
    def connect(self, which: int, reused: bool) -> None:
        carried = self.stage.waiting.pop(which % len(self.stage.waiting))
        stale = reused and not self.lines
        self.lines.append(Line(self.stage.connect(carried, reused=stale), carried))

    @precondition(lambda self: self.stage.waiting)
    @rule(which=st.integers(0, 9), luck=st.integers(0, 5))
    def fail_to_connect(self, which: int, luck: int) -> None:
        if luck == 0:
            self.stage.waiting.pop(which % len(self.stage.waiting)).fail(ConnectFailed())

    @precondition(lambda self: any(not line.begun for line in self.live()))
    @rule(which=st.integers(0, 9), interim=st.booleans())
    def half_a_head(self, which: int, interim: bool) -> None:
        lines = [line for line in self.live() if not line.begun]
        lines[which % len(lines)].carried.response([ResponseHead(103)] if interim else [])

    @precondition(lambda self: self.live())
    @rule(which=st.integers(0, 9), status=st.sampled_from([200, 503, 503]), last=st.booleans())
    def answer(self, which: int, status: int, last: bool) -> None:
        line = self.live()[which % len(self.live())]
        messages: list[Message] = [] if line.begun else [ResponseHead(status, length=None)]
        line.begun, line.finished = True, last
        line.carried.response([*messages, line.token, *([END] if last else [])])

    @precondition(lambda self: self.live())
    @rule(which=st.integers(0, 9), invalid=st.booleans())
    def break_upstream(self, which: int, invalid: bool) -> None:
        line = self.live()[which % len(self.live())]
        line.carried.upstream_failed(ResponseInvalid() if invalid else UpstreamGone())
        assert line.upstream.over

    @precondition(lambda self: not self.over())
    @rule(luck=st.integers(0, 6))
    def leave(self, luck: int) -> None:
        if luck == 0:
            self.exchange.fail(DownstreamGone())

    @rule(seconds=st.sampled_from([0.2, 1.1, 1.1, 4.1]))
    def wait(self, seconds: float) -> None:
        self.stage.clock.advance(seconds)


class TriesMachine(Happenings):
    """What holds at all times, and what holds at the end."""

    @invariant()
    def every_backend_got_the_request_from_its_beginning(self) -> None:
        for line in self.lines:
            said = line.upstream.said
            assert isinstance(said[0], RequestHead)
            assert bytes(self.asked).startswith(body(said))
            assert line.upstream.over or body(said) == self.asked

    @invariant()
    def nothing_unsafe_is_sent_twice(self) -> None:
        if self.lines and self.head.method not in IDEMPOTENT:
            assert len(self.lines) == 1
        assert len([line for line in self.lines if line.live]) <= 2

    @invariant()
    def the_client_got_one_answer_of_one_backend(self) -> None:
        said = self.stage.line.said
        heads = [message for message in said if isinstance(message, ResponseHead) and not message.interim]
        assert len(heads) <= 1
        assert len({message for message in said if isinstance(message, bytes)}) <= 1
        assert len([message for message in said if isinstance(message, End)]) <= 1

    @invariant()
    def it_ends_once_and_leaves_nothing(self) -> None:
        stage = self.stage
        assert len(stage.ends) == stage.line.done == self.over()
        assert stage.budget.under_way <= 1
        if self.over():
            assert stage.at_rest()
            assert (self.live(), stage.waiting) == ([], [])

    def teardown(self) -> None:
        """Whatever is still open ends when nothing moves any more, once a connection stands."""
        for _ in range(5):
            while self.stage.waiting:
                self.stage.connect()
            self.stage.clock.advance(45)
        assert self.over()
        self.it_ends_once_and_leaves_nothing()


TestTriesMachine = TriesMachine.TestCase
TestTriesMachine.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
