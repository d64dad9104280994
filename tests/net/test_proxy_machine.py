"""The whole proxy under any schedule: each request gets one answer, its own, or its connection is cut; nothing stays.

Clients and backends do what they like: pipeline, cut their bytes anywhere, answer early or not at all, talk nonsense,
stop reading, leave, and let time pass. What they were told is read by h11.
"""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.net.actors import FRAMINGS, Asked, Call, Client, Told, answer, request
from tests.net.house import AT_LAST
from tests.net.scene import ATTEMPTS, PORTS, Scene

PICKS = st.integers(0, 5)
SIZES = st.sampled_from([1, 30, 200, 100_000, 100_000, 100_000])
FLOWS = st.sampled_from([None, [], [], [], [1], [3, 90, 17]])
"""In which pieces the network then moves all that is on its way, if it does."""
BODIES = st.sampled_from([0, 0, 1, 40, 3000])
FIELDS = st.sampled_from([[], [], ["connection: close"], ["connection: keep-alive"], ["expect: 100-continue"]])
OWN = {400, 408, 502, 503, 504}
"""What the balancer itself may answer here."""
SELDOM = st.sampled_from([False, False, False, True])
"""Most of the time all should go well, or nothing would get far."""
PATIENT = 4.0
"""Seconds in which nobody's time is up."""


class Happenings(Scene):
    """What clients, backends and the clock may do."""

    @rule(
        pick=PICKS,
        method=st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT"]),
        version=st.sampled_from(["1.1", "1.1", "1.1", "1.0"]),
        size=BODIES,
        chunked=st.booleans(),
        fields=FIELDS,
        sent=SIZES,
        flow=FLOWS,
    )
    def ask(
        self,
        *,
        pick: int,
        method: str,
        version: str,
        size: int,
        chunked: bool,
        fields: list[str],
        sent: int,
        flow: list[int] | None,
    ) -> None:
        """A client, an old or a new one, has one more request to send, and sends some of what it has."""
        client = self.someone(pick)
        token = f"q{len(self.asked)}."
        body = (token * size)[:size].encode() if method in {"POST", "PUT"} else b""
        framing = "chunks" if chunked and version == "1.1" else "length"
        self.asked[token] = request(token, (method, version), body, framing if body else "", fields)
        client.ask(self.asked[token])
        client.send(sent)
        self.settle(flow)

    @rule(
        pick=PICKS,
        nonsense=st.sampled_from([b"NON SENSE\r\n\r\n", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", b"\0"]),
        now=SELDOM,
    )
    def ask_nonsense(self, pick: int, nonsense: bytes, now: bool) -> None:
        """A client has what is no request to send."""
        if not now:
            return
        client = self.someone(pick)
        client.confused = True
        client.ask(Asked("", "GET", "1.1", b"", nonsense, last=True))

    def someone(self, pick: int) -> Client:
        """A client that may ask, one of the first three, or a new one."""
        able = [client for client in self.talking() if not client.confused][:3]
        return able[pick % len(able)] if able else self.come()

    @precondition(lambda self: any(client.outbox for client in self.talking()))
    @rule(pick=PICKS, size=SIZES, flow=FLOWS)
    def send(self, pick: int, size: int, flow: list[int] | None) -> None:
        """A client sends more."""
        ready = [client for client in self.talking() if client.outbox]
        ready[pick % len(ready)].send(size)
        self.settle(flow)

    @precondition(lambda self: self.asking())
    @rule(
        pick=PICKS,
        framing=st.sampled_from(FRAMINGS),
        size=BODIES,
        interim=st.sampled_from([0, 0, 0, 2]),
        said=SIZES,
        flow=FLOWS,
    )
    def answer(self, pick: int, framing: str, size: int, interim: int, *, said: int, flow: list[int] | None) -> None:
        """A backend has an answer, perhaps before it has all of the request, and says some of it."""
        call = self.asking()[pick % len(self.asking())]
        self.give(call, framing, size, interim)
        call.say_answer(said)
        self.settle(flow)

    @rule(framing=st.sampled_from(FRAMINGS), flow=FLOWS)
    def serve(self, framing: str, flow: list[int] | None) -> None:
        """Backends do what they are for: finish what they have begun, and answer what they were asked."""
        for call in self.answering():
            call.say_answer(100_000)
        for call in self.asking():
            if call.whole:
                self.give(call, framing, 40, 0)
                call.say_answer(100_000)
        self.settle(flow)

    def give(self, call: Call, framing: str, size: int, interim: int) -> None:
        """Have a new answer for the request there."""
        assert call.asked is not None
        token = f"a{len(self.answers)}."
        call.answer = answer(call.asked, token, framing, (token * size)[:size].encode(), interim)
        self.answers[token] = call.answer

    @precondition(lambda self: self.answering())
    @rule(pick=PICKS, size=SIZES, flow=FLOWS)
    def say(self, pick: int, size: int, flow: list[int] | None) -> None:
        """A backend says more of its answer."""
        self.answering()[pick % len(self.answering())].say_answer(size)
        self.settle(flow)

    @precondition(lambda self: self.asking() or self.answering())
    @rule(pick=PICKS, how=st.sampled_from(["close", "cut", "nonsense", "surplus"]), now=st.booleans())
    def fail(self, pick: int, how: str, now: bool) -> None:
        """A backend ends its connection in the middle, or says what is no answer, in place of one or behind it."""
        if not now:
            return
        busy = self.asking() + self.answering()
        call = busy[pick % len(busy)]
        self.calm = self.quiet = False
        if how == "surplus" and call.answer is not None and call.answer.framing != "close":
            call.answer.left += b"and more"
            call.say_answer(100_000)
            call.spent = True
        elif how == "nonsense" and call.answer is None:
            call.say(b"\x01nonsense\r\n")
            call.break_off("close")
        else:
            call.break_off("cut" if how == "cut" else "close")

    @precondition(lambda self: self.idle())
    @rule(pick=PICKS, how=st.sampled_from(["close", "cut", "say"]))
    def part(self, pick: int, how: str) -> None:
        """A backend ends a connection that nobody uses, or talks on it unasked: none of anybody's business."""
        call = self.idle()[pick % len(self.idle())]
        self.settle()
        if call not in self.idle():
            return
        call.spent = True
        if how == "say":
            call.say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray")
        else:
            getattr(call, how)()
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(pick=PICKS, how=st.sampled_from(["finish", "close", "cut"]), now=SELDOM)
    def leave(self, pick: int, how: str, now: bool) -> None:
        """A client ends its side, or its connection."""
        client = self.clients[pick % len(self.clients)]
        if now and client.transport.connected and not client.left:
            client.left = True
            getattr(client, how)()

    @precondition(lambda self: self.clients)
    @rule(pick=PICKS)
    def stop_or_go_on(self, pick: int) -> None:
        """A client, or a backend, reads no more, or again."""
        people: list[Client | Call] = [*self.clients, *self.calls]
        one = people[pick % len(people)]
        one.held = not one.held
        (one.hold if one.held else one.go_on)()

    @rule(port=st.sampled_from(PORTS), mood=st.sampled_from(["refuse", "hang", "allow"]))
    def change(self, port: int, mood: str) -> None:
        """A backend takes connections or does not."""
        for other in PORTS:
            self.house.network.allow(other)
        self.calm = self.calm and mood == "allow"
        getattr(self.house.network, mood)(port)

    @rule(size=SIZES)
    def step(self, size: int) -> None:
        """The network moves a little of what is on its way, everywhere."""
        for pair in list(self.house.network.pairs):
            pair.step(size)
        self.quiet = False

    @rule(seconds=st.sampled_from([0.1, 0.1, 0.1, 1, 2.5, 12]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.house.network.advance(seconds)
        self.waited += seconds
        self.quiet = True


class Proxy(Happenings):
    """What holds at all times, and what holds at the end."""

    @invariant()
    def each_client_hears_what_is_its_own(self) -> None:
        """In the order asked, and whole only if the backend's was."""
        for client in self.clients:
            told = client.told()
            for asked, one in zip(client.requests, told, strict=False):
                self.belongs(asked, one)
            assert all(one.behind is not None for one in told[:-1])

    def belongs(self, asked: Asked, one: Told) -> None:
        """Whether that is an answer to it, and as whole as it looks."""
        assert all(self.answers[token].asked is asked for token in one.interim)
        assert not one.interim or asked.version == "1.1"
        if one.token is None:
            assert one.status in OWN
            assert str(one.status).encode().startswith(one.body[:3])
            assert not self.undisturbed() or not asked.token
            return
        whole = self.answers[one.token]
        assert whole.asked is asked
        assert (one.status, set(one.interim)) == (whole.status, {one.token} if whole.interim and one.interim else set())
        assert whole.body.startswith(one.body)
        if one.behind is not None and whole.framing != "unknown":
            assert whole.said
            assert one.body == whole.body

    def undisturbed(self) -> bool:
        """Whether nothing has happened that would have to cost anybody an answer."""
        return self.calm and self.waited < PATIENT

    @invariant()
    def what_was_said_arrives(self) -> None:
        """As long as nothing has gone wrong each answer reaches a client that reads."""
        if not (self.quiet and self.undisturbed()):
            return
        for client in self.clients:
            told = {one.token for one in client.told() if one.behind is not None}
            mine = [whole for whole in self.answers.values() if whole.asked in client.requests]
            if not (client.left or client.held):
                assert {whole.token for whole in mine if whole.said} <= told

    @invariant()
    def nothing_unsafe_is_sent_twice(self) -> None:
        """What may not be repeated reaches one connection, and nothing more than may be tried."""
        for token, count in self.seen.items():
            assert count <= (ATTEMPTS if self.asked[token].safe else 1)

    @invariant()
    def nobody_is_counted_twice(self) -> None:
        """Each client has one request at a backend at most."""
        assert self.house.active <= len(self.clients)

    def teardown(self) -> None:
        """When nobody does anything any more all is over in time; nothing is left, and the next client is served."""
        self.calm = False
        self.house.network.advance(AT_LAST)
        for one in (*self.clients, *self.calls):
            one.go_on()
        self.each_client_hears_what_is_its_own()
        assert all(client.transport.other.disconnected for client in self.clients)
        assert self.house.active == 0
        sessions = [listener.sessions for _, listener in self.house.assembly.listeners]  # type: ignore[attr-defined]  # a stream's
        assert [len(one) for one in sessions] == [0]
        self.serves_the_next()
        self.house.end()
        self.nothing_unsafe_is_sent_twice()

    def serves_the_next(self) -> None:
        """Whatever has been, a client that comes now is answered."""
        for port in PORTS:
            self.house.network.allow(port)
        client = self.come()
        self.asked["next"] = request("next", ("GET", "1.1"), b"", "", [])
        client.ask(self.asked["next"])
        client.send(100_000)
        self.settle()
        (call,) = self.asking()
        assert call.asked is self.asked["next"]
        call.answer = self.answers["last"] = answer(call.asked, "last", "length", b"fine", 0)
        call.say_answer(100_000)
        self.settle()
        (told,) = client.told()
        assert (told.token, told.body, told.behind) == ("last", b"fine", b"")


TestProxy = Proxy.TestCase
TestProxy.settings = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    phases=set(Phase) - {Phase.explain},  # which would trace every line
)
