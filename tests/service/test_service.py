"""The whole balancer in memory: started as a whole or not at all, drained, stopped in time in every state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.logger import LogEvent

from balancer.config import Config, Health, HTTPListener, Listener, Pool, TCPListener
from balancer.errors import CheckFailed
from balancer.service import AFTERMATH, Balancer
from balancer.testing import MemoryNetwork
from tests.net.house import FRONT, Far, Speaker, answer, listening, request

DRAIN = 5.0


class Companion(Service):
    """Starts and stops as it is told, and notes that in `diary`."""

    def __init__(self, name: str, diary: list[str], **acts: Callable[[], Any]) -> None:
        self._name, self._diary, self._acts = name, diary, acts

    def __repr__(self) -> str:
        return self._name

    def startService(self) -> Any:
        self._diary.append(f"start {self._name}")
        return self._acts.get("start", lambda: None)()

    def stopService(self) -> Any:
        self._diary.append(f"stop {self._name}")
        return self._acts.get("stop", lambda: None)()


class Site:
    """A balancer in memory over one backend; `failed` are the lines that said why it did not start."""

    def __init__(
        self, *listeners: Listener, companions: tuple[Any, ...] = (), health: Health | None = None, **settings: Any
    ) -> None:
        self.network = MemoryNetwork()
        self.far = Far(self.network, 9001)
        self.failed: list[str] = []
        pool = Pool("pool", backends=["127.0.0.1:9001"], health=health)
        both = HTTPListener(f"tcp:{FRONT}", pool=pool), TCPListener("tcp:8081", pool=pool)
        self.config = Config(listeners or both, drain=DRAIN, companions=companions, **settings)
        network, failed = self.network, self.failed.append
        self.balancer = Balancer(self.config, network, random=Random(5), wall=network.seconds, start_failed=failed)

    def start(self) -> None:
        """Start, as far as it goes."""
        self.balancer.startService()
        self.network.pump()

    def stop(self) -> Deferred[None]:
        """Begin to stop."""
        stopped = self.balancer.stopService()
        self.network.pump()
        return stopped

    def client(self, data: bytes, port: int = FRONT) -> Speaker:
        """A client that has connected and said that."""
        client = Speaker(self.network, data)
        self.network.dial(port, client)
        self.network.pump()
        return client

    @property
    def ports(self) -> list[int]:
        """What the balancer has bound."""
        return sorted(port for port in self.network.ports if port != 9001)


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    """What the operator is told from now on."""
    with listening() as events:
        yield events


def said(told: list[LogEvent], text: str) -> bool:
    """Whether the operator was told so."""
    return any(text in (event["log_format"] or "") for event in told)


def test_it_serves_and_says_where(told: list[LogEvent]) -> None:
    """A started balancer serves on all its endpoints and names each in the log."""
    site = Site()
    site.start()
    client = site.client(request())
    site.far.last.say(answer(b"hello"))
    assert client.hear() == answer(b"hello")
    assert site.ports == [FRONT, 8081]
    assert [(event["kind"], event["endpoint"]) for event in told if "endpoint" in event] == [
        ("HTTP", f"tcp:{FRONT}"),
        ("TCP", "tcp:8081"),
    ]


def test_stopping_an_idle_balancer() -> None:
    """With nothing alive a stop is over at once, and nothing is left: no port, no connection, no timer."""
    site = Site()
    site.start()
    assert site.stop().called
    assert not site.ports
    assert not site.network.getDelayedCalls()


def test_stopping_closes_what_is_kept() -> None:
    """A stop closes the idle connections to backends at once, and keeps no other."""
    site = Site()
    site.start()
    site.client(request())
    site.client(request())
    first, second = site.far.calls
    first.say(answer())
    site.stop()
    assert (first.finished, second.finished) == (True, False)
    second.say(answer())
    assert second.finished


def test_stopping_waits_for_what_is_alive(told: list[LogEvent]) -> None:
    """A request under way is answered, while nobody new is let in; then the stop is over."""
    site = Site()
    site.start()
    client = site.client(request())
    stopped = site.stop()
    assert not site.ports
    assert not stopped.called
    site.network.advance(DRAIN - 1)
    site.far.last.say(answer(b"late"))
    assert client.hear() == answer(b"late", "connection: close")
    client.close()
    assert stopped.called
    assert not said(told, "still alive")


@pytest.mark.parametrize(("port", "last"), [(FRONT, b"503 Service Unavailable: draining\n"), (8081, b"")])
def test_stopping_waits_no_longer_than_allowed(told: list[LogEvent], port: int, last: bytes) -> None:
    """What is still alive after the drain time is ended, the operator told so, and the stop over.

    A client that waits for an answer is given one.
    """
    site = Site()
    site.start()
    client = site.client(request(), port)
    stopped = site.stop()
    site.network.advance(DRAIN - 0.1)
    assert not stopped.called
    site.network.advance(0.2)
    assert client.hear()[-len(last) :] == last
    client.close()
    assert stopped.called
    assert said(told, "still alive")
    assert not site.network.getDelayedCalls()


def test_stopping_cuts_who_does_not_take_the_last_answer() -> None:
    """A client that goes on sending its request, and never closes, delays the end of the drain a little and no more."""
    site = Site()
    site.start()
    client = site.client(request("POST /", "content-length: 10", body=b"part"))
    stopped = site.stop()
    site.network.advance(DRAIN + AFTERMATH - 0.1)
    assert not stopped.called
    site.network.advance(0.2)
    assert stopped.called
    assert client.hear().endswith(b"draining\n")
    assert client.gone
    assert not site.network.getDelayedCalls()


def test_a_hurry_ends_the_wait(told: list[LogEvent]) -> None:
    """Told to hurry, a stop ends what is alive at once; before and after a stop a hurry does nothing."""
    site = Site()
    site.start()
    site.balancer.hurry()
    client = site.client(request(), 8081)
    stopped = site.stop()
    site.balancer.hurry()
    site.network.pump()
    assert stopped.called
    assert client.ending == "ConnectionLost"
    assert said(told, "still alive")
    site.balancer.hurry()


def test_checks_run_while_it_does() -> None:
    """Health checks begin with the start and end with the stop."""
    runs: list[float] = []

    async def check(_: Any) -> None:
        runs.append(site.network.seconds())
        raise CheckFailed("no")

    site = Site(health=Health(check, every=1, jitter=0))
    site.start()
    site.network.advance(2.5)
    assert len(runs) == 3
    site.client(request()).close()
    site.stop()
    site.network.advance(5)
    assert len(runs) == 3


def test_a_busy_port_leaves_nothing_bound() -> None:
    """When one port is taken the start fails with one line, and after the stop every other is free."""
    site = Site()
    holder = site.network.listenTCP(8081, site.far)
    site.start()
    assert site.failed == [
        "TCPListener 'tcp:8081': cannot listen: address already in use; stop what has it, or choose another"
    ]
    assert site.stop().called
    assert site.ports == [8081]
    holder.stopListening()
    assert not site.network.getDelayedCalls()


def test_companions_live_as_long_as_the_balancer() -> None:
    """Companions start in order before it, one after the other, and stop in reverse after it."""
    diary: list[str] = []
    slow: Deferred[None] = Deferred()
    site = Site(companions=(Companion("a", diary, start=lambda: slow), Companion("b", diary)))
    site.start()
    assert diary == ["start a"]
    assert not site.ports
    slow.callback(None)
    assert diary == ["start a", "start b"]
    assert site.ports
    assert site.stop().called
    assert diary[2:] == ["stop b", "stop a"]


def test_a_companion_that_knows_reactors_gets_ours() -> None:
    """A companion with `with_reactor` is given the balancer's reactor before it starts."""
    given: list[Any] = []
    companion = Companion("a", [])
    companion.with_reactor = given.append  # type: ignore[attr-defined]  # as optional as it is for users
    site = Site(companions=(companion,))
    site.start()
    assert given == [site.network]


def taken() -> None:
    """What a companion does whose port is taken."""
    raise CannotListenError("127.0.0.1", 9000, OSError("in use"))


def test_a_companion_without_its_port() -> None:
    """A companion that cannot listen stops the start with one line."""
    site = Site(companions=(Companion("a", [], start=taken),))
    site.start()
    assert site.failed == ["companion a: Couldn't listen on 127.0.0.1:9000: in use."]
    assert not site.ports
    assert site.stop().called


def broken(*_: object, **__: object) -> None:
    """What a companion with a bug does."""
    raise ZeroDivisionError("oops")


FAULTS = {
    ZeroDivisionError("oops"): "ZeroDivisionError: oops",
    RuntimeError("no luck\nat all"): "RuntimeError: no luck at all",
    SystemExit(3): "SystemExit: 3",
    CancelledError(): "twisted.internet.defer.CancelledError",
}


@pytest.mark.parametrize(("error", "line"), FAULTS.items())
@pytest.mark.parametrize("late", [False, True])
def test_a_companion_that_fails_to_start(
    logged_failures: list[LogEvent], late: bool, error: BaseException, line: str
) -> None:
    """A companion's failure, at once or later, stops the start with one line, and its traceback is logged."""
    pending: Deferred[None] = Deferred()
    diary: list[str] = []
    start = (lambda: pending) if late else (lambda: fail(error))
    site = Site(companions=(Companion("a", diary, start=start), Companion("b", diary)))
    site.start()
    if late:
        pending.errback(error)
    assert site.failed == [f"companion a did not start: {line}"]
    assert site.stop().called
    assert diary == ["start a", "stop a"]
    assert logged_failures.pop()["log_failure"].check(type(error))


def test_stopping_while_a_companion_starts(told: list[LogEvent]) -> None:
    """A stop in the middle of the start is no failure: nobody is told, and what was begun is stopped."""
    diary: list[str] = []
    site = Site(companions=(Companion("a", diary, start=Deferred),))
    site.start()
    assert site.stop().called
    assert site.failed == []
    assert diary == ["start a", "stop a"]
    assert not site.ports


def test_a_companion_that_fails_to_stop(logged_failures: list[LogEvent]) -> None:
    """A companion's failure to stop is logged, and the others are stopped all the same."""
    diary: list[str] = []
    site = Site(companions=(Companion("a", diary), Companion("b", diary, stop=broken)))
    site.start()
    assert site.stop().called
    assert diary[2:] == ["stop b", "stop a"]
    assert logged_failures.pop()["log_failure"].check(ZeroDivisionError)


def test_a_companion_that_never_stops() -> None:
    """A companion whose stop has no end is left behind after a little while."""
    diary: list[str] = []
    site = Site(companions=(Companion("a", diary), Companion("b", diary, stop=Deferred)))
    site.start()
    stopped = site.stop()
    assert not stopped.called
    site.network.advance(AFTERMATH + 0.1)
    assert stopped.called
    assert diary[2:] == ["stop b", "stop a"]


def test_a_stop_before_the_reactor_runs() -> None:
    """A balancer that is stopped before the reactor runs never starts."""
    later: list[Callable[[], object]] = []
    site = Site()
    site.network.callWhenRunning = lambda call, *_args, **_kwargs: later.append(call)  # type: ignore[method-assign]  # not yet
    site.start()
    assert site.stop().called
    later[0]()
    assert not site.ports


def test_a_bug_of_ours_is_logged(logged_failures: list[LogEvent]) -> None:
    """What goes wrong in a way nobody foresaw stops the start, with its traceback in the log."""
    site = Site()
    site.network.listenTCP = broken  # type: ignore[assignment]  # a reactor with a bug
    site.start()
    assert len(site.failed) == 1
    assert logged_failures.pop()
    site.stop()
