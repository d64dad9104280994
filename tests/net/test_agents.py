"""Agents as they are asked: what they say is done, told and undone by nobody else, and silence changes nothing."""

from __future__ import annotations

from errno import EMFILE
from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent

from balancer.config import Agent, Backend, Health, Pool, TCPListener
from balancer.core.backend import Backend as LiveBackend
from balancer.core.eligibility import reasons
from balancer.errors import CheckFailed
from tests.net.house import FRONT, Far, House, Speaker
from tests.net.test_check_target_addresses import Sources


class Ward:
    """A balancer over one backend on 9001 with an agent on 9999, which answers each connection with `line`."""

    def __init__(self, house: House, line: bytes = b"ready up 100%\n", **pool: Any) -> None:
        self.house = house
        self.agent = Far(house.network, 9999)
        self.serving = house.far(9001)
        self.agent.greeting = line
        settings = {"agent": Agent(9999, every=1, timeout=0.5, jitter=0), **pool}
        self.pool = Pool("pool", backends=[Backend("127.0.0.1:9001", max_connections=8)], **settings)
        house.open(TCPListener(f"tcp:{FRONT}", pool=self.pool))

    def says(self, line: bytes) -> LiveBackend:
        """From now on the agent says that, and has been asked."""
        self.agent.greeting = line
        self.house.network.advance(1.01)
        return self.backend

    @property
    def backend(self) -> LiveBackend:
        """The only one there is."""
        (backend,) = self.house.backends
        return backend

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """What happened to the backend, by whom and why."""
        return [(event.what, event.why, event.evidence) for event in self.house.assembly.events]


def test_weight_and_limit(house: House) -> None:
    """A share scales the weight, a weight replaces it, `maxconn` limits, and what is not spoken of stays."""
    ward = Ward(house)
    backend = ward.says(b"50% maxconn:3\n")
    assert (backend.weight, backend.max_connections, backend.usable) == (0.5, 3, True)
    assert ward.says(b"weight:4\n").weight == 4
    backend = ward.says(b"maxconn:0\n")
    assert (backend.weight, backend.max_connections) == (4, 8)
    assert not ward.says(b"0%\n").usable
    assert [event[0] for event in ward.events] == [
        "weight 0.5; max_connections 3",
        "weight 4",
        "max_connections 8",
        "weight 0",
    ]


def test_what_keeps_sessions_away(house: House, told: list[LogEvent]) -> None:
    """`drain`, `maint` and `down` let no new session in, each in its own state, and it is told who says so and why."""
    ward = Ward(house)
    for line, state in (
        (b"drain #soon\n", "draining"),
        (b"maint #upgrade\n", "down"),
        (b"ready\n", "up"),
        (b"fail #disk\n", "down"),
        (b"ready\n", "down"),
        (b"up\n", "up"),
    ):
        backend = ward.says(line)
        assert (backend.state, backend.usable) == (state, state == "up")
    assert ward.events == [
        ("draining", "agent", "drain #soon"),
        ("maint (upgrade)", "agent", "maint #upgrade"),
        ("ready", "agent", "ready"),
        ("down (disk)", "agent", "fail #disk"),
        ("ready", "agent", "up"),
    ]
    assert formatEvent(told[0]) == "pool 'pool': backend '127.0.0.1:9001' is draining, by its agent: drain #soon"


def test_explained_in_the_agents_words(house: House) -> None:
    """Whoever asks why a backend gets nothing is told that its agent says so."""
    ward = Ward(house)
    assert reasons(ward.says(b"maint #upgrade\n")) == ["agent says maint (upgrade)"]
    assert reasons(ward.says(b"drain\n")) == ["agent says drain"]


def test_health_and_agent_are_separate(house: House) -> None:
    """A backend serves if neither objects, and neither takes back what the other said."""
    healthy = [True]

    async def check(_: Any) -> None:
        if not healthy[0]:
            raise CheckFailed("sick")

    ward = Ward(house, health=Health(check, every=1, fall=1, rise=1, jitter=0))
    assert ward.says(b"maint\n").state == "down"
    healthy[0] = False
    assert ward.says(b"ready\n").state == "down"
    healthy[0] = True
    assert ward.says(b"drain\n").state == "draining"
    healthy[0] = False
    ward.says(b"maint\n")
    healthy[0] = True
    backend = ward.says(b"maint\n")
    assert (backend.up, backend.state) == (True, "down")
    assert ward.events[-1][0] == "up, but agent says maint"
    assert ward.says(b"ready\n").usable


def test_silence_changes_nothing(house: House, told: list[LogEvent]) -> None:
    """An agent that refuses, hangs or breaks off leaves all as it was, which is told, ever more rarely."""
    ward = Ward(house)
    ward.says(b"drain 50%\n")
    ward.agent.bound.stopListening()
    for _ in range(5):
        house.network.advance(1)
        assert (ward.backend.state, ward.backend.weight) == ("draining", 0.5)
    house.network.hang(9999)
    house.network.advance(3)
    assert (ward.backend.state, ward.backend.weight) == ("draining", 0.5)
    lines = [formatEvent(event) for event in told[1:]]
    assert lines[0].startswith(
        "pool 'pool': backend '127.0.0.1:9001': its agent cannot be asked: 127.0.0.1:9999: Connection was refused"
    )
    assert lines[0].endswith("; nothing changes, 1 so far")
    assert 3 <= len(lines) <= 4
    assert len(ward.events) == 1


@pytest.mark.parametrize(
    ("pieces", "share"),
    [
        ([b"50%\n"], 0.5),
        ([b"5", b"0%", b"\r", b"\n"], 0.5),
        ([b"50%\r\ngarbage\n"], 0.5),
        ([b"\r\n50%\n"], 0.5),
        ([b"x" * 2000, b" 50%\n"], 1),
        ([b"50%"], 1),
    ],
    ids=str,
)
def test_the_first_line_counts(house: House, pieces: list[bytes], share: float) -> None:
    """The answer is the first line, in whatever pieces it comes, within bounds; and the connection is closed."""
    ward = Ward(house, b"")
    for piece in pieces:
        ward.agent.last.say(piece)
    house.network.advance(0.6)
    assert ward.backend.weight == share
    assert ward.agent.last.gone


def test_the_end_ends_the_line(house: House) -> None:
    """A line that ends with the connection counts; nothing at all, or a connection that breaks, does not."""
    ward = Ward(house, b"")
    for said, broken, share in ((b"", False, 1), (b"25%", True, 1), (b"50%", False, 0.5)):
        if said:
            ward.agent.last.say(said)
        ward.agent.last.cut() if broken else ward.agent.last.close()
        assert ward.backend.weight == share
        house.network.advance(1)


def test_the_question(house: House) -> None:
    """What is to be said to the agent is said first, and nothing else."""
    ward = Ward(house, b"", agent=Agent(9999, send="b1\n"))
    assert ward.agent.last.hear() == b"b1\n"


def test_words_that_mean_nothing_are_told(house: House, told: list[LogEvent]) -> None:
    """A word that is not understood is told, and the rest is heeded."""
    ward = Ward(house)
    assert ward.says(b"50% sleepy\n").weight == 0.5
    assert any("its agent says 'sleepy', which is not understood" in formatEvent(event) for event in told)


def test_sessions_of_a_backend_taken_down(house: House) -> None:
    """Where the pool ends what is alive on a backend that goes down, so it does when the agent takes it down."""
    ward = Ward(house, on_down="cut")
    client: Speaker = house.client(b"hello")
    ward.says(b"drain\n")
    assert not client.gone
    ward.says(b"maint\n")
    assert client.gone


def test_the_time_of_sessions_runs_on(house: House) -> None:
    """What else an agent says of a backend that is down gives its sessions no more time; its return does."""
    ward = Ward(house, on_down=3)
    client: Speaker = house.client(b"hello")
    ward.says(b"maint\n")
    ward.says(b"50%\n")
    ward.says(b"ready\n")
    house.network.advance(5)
    assert not client.gone
    for line in (b"maint\n", b"60%\n", b"70%\n"):
        ward.says(line)
        assert not client.gone
    ward.says(b"80%\n")
    ward.says(b"90%\n")
    assert client.gone


def test_who_waits_gets_the_room_that_an_agent_gives(house: House) -> None:
    """Where an agent lets in more, whoever waits for room is served."""
    ward = Ward(house)
    ward.says(b"maxconn:1\n")
    house.client(b"first")
    waiting = house.client(b"second")
    assert [call.heard for call in ward.serving.calls] == [b"first"]
    ward.says(b"maxconn:2\n")
    assert [call.heard for call in ward.serving.calls] == [b"first", b"second"]
    assert not waiting.gone


def test_numbers_for_algorithms(house: House) -> None:
    """Numbers on the line go to whoever collects the signals of the backend, and are no change of it."""
    ward, taken = Ward(house, b"ready\n"), list[object]()
    ward.backend.become(reporting=(taken.append,))
    ward.says(b"signal:queue=3 signal:load=0.5\n")
    assert taken == [{"queue": 3, "load": 0.5}]
    assert ward.events == []


def test_what_we_are_short_of_is_told(told: list[LogEvent]) -> None:
    """An agent that cannot be asked for want of something of our own changes nothing, and that is told."""
    house = House()
    house.network = house.assembly.reactor = network = Sources()
    ward = Ward(house)
    network.trouble = EMFILE
    assert ward.says(b"maint\n").usable
    assert "its agent could not be asked: 127.0.0.1:9999: Too many open files; nothing" in formatEvent(told[-1])
    house.end()
