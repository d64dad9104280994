"""Holds every test to what pytest-twisted lets pass: a dirty reactor, an unhandled error, an async test without end.

Works without pytest-twisted too (`-p no:twisted`), as the pure tests are run: then no reactor may appear at all.
Knows nothing of the balancer.
"""

from __future__ import annotations

import functools
import gc
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from coverage import Coverage
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

DEADLINE = 30.0
"""Seconds an async test may take unless its `deadline` mark says otherwise."""

TURNS = 10
"""Turns of the reactor in which what a test closed must be gone."""

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def installed_reactor() -> Any:
    """Return the reactor of the process, or None when there is none yet."""
    return sys.modules.get("twisted.internet.reactor")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--full`, which `make soak` gives, and `--reactor-only`, for the second reactor and those after it."""
    parser.addoption("--full", action="store_true", help="full sizes and times, which take minutes")
    parser.addoption("--reactor-only", action="store_true", help="only tests that run on the reactor of the test run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--reactor-only` leave out the tests to which it is the same what reactor the test run has."""
    if config.getoption("--reactor-only"):
        config.hook.pytest_deselected(items=[item for item in items if not wants_reactor(item)])
        items[:] = [item for item in items if wants_reactor(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what exists before the first test out of the collections that look for forgotten errors."""
    gc.collect()
    gc.freeze()


def wants_reactor(item: pytest.Item) -> bool:
    """Tell whether the test asks for the reactor of the test run, itself or by what it asks for, or is async."""
    if not isinstance(item, pytest.Function):
        return False
    given = getattr(item.obj, "hypothesis", None)
    return "reactor" in item.fixturenames or inspect.iscoroutinefunction(given.inner_test if given else item.obj)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Give every async test its deadline, under Hypothesis too."""
    if not isinstance(item, pytest.Function) or installed_reactor() is None:
        return
    given = getattr(item.obj, "hypothesis", None)
    mark = item.get_closest_marker("deadline")
    seconds = float(mark.args[0]) if mark else DEADLINE
    if given is not None and inspect.iscoroutinefunction(given.inner_test):
        given.inner_test = within(seconds, given.inner_test)
    elif inspect.iscoroutinefunction(item.obj):
        item.obj = within(seconds, item.obj)


def within(seconds: float, test: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Deferred[Any]]:
    """Return the async test as one that is cancelled and fails with `TimeoutError` after so many seconds."""

    @functools.wraps(test)
    def limited(*args: Any, **kwargs: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(test(*args, **kwargs)).addTimeout(seconds, installed_reactor())

    return limited


@implementer(ILogObserver)
class Failures(list[LogEvent]):
    """Collects the log events that tell of an error nobody handled."""

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            self.append(event)


@pytest.fixture(autouse=True, scope="module")
def measured_file(request: pytest.FixtureRequest) -> None:
    """Tell coverage which file of tests runs from here on; to tell it of every test costs as much as the tests do."""
    if (measured := Coverage.current()) is not None:
        measured.switch_context(request.node.nodeid)


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether to run with full sizes."""
    return bool(request.config.getoption("--full"))


@pytest.fixture
def reactor() -> Any:
    """The reactor that pytest-twisted runs; real sockets only."""
    found = installed_reactor()
    assert found is not None, "this test needs pytest-twisted"
    return found


@pytest.fixture(autouse=True)
def logged_failures() -> Iterator[list[LogEvent]]:
    """Fail the test when an error went unhandled; a test that expects some takes them out of this list."""
    seen = Failures()
    globalLogPublisher.addObserver(seen)
    yield seen
    if installed_reactor() is not None:
        gc.collect()  # a Deferred tells of its unhandled error when it is collected
        gc.freeze()  # what is left belongs to the session, and need not be looked at again
    globalLogPublisher.removeObserver(seen)
    assert not seen, "unhandled: " + "; ".join(repr(event["log_failure"].value) for event in seen)


@pytest.fixture(autouse=True)
def clean_reactor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test when it leaves a timer or a socket in the reactor, or a reactor where none was wanted."""
    reactor = installed_reactor()
    if reactor is None:
        yield
        assert installed_reactor() is None, "a reactor was imported"
        return
    before = selectables(reactor)
    yield
    left = leftovers(reactor, before)
    assert not left, f"left in the reactor: {left}"


def leftovers(reactor: Any, before: set[Any]) -> list[Any]:
    """Return what is new in the reactor and does not go away within a few turns."""
    left: list[Any] = []
    for _ in range(TURNS):
        left = [item for item in selectables(reactor) if item not in before]
        if not left:
            break
        turn(reactor)
    return left


def turn(reactor: Any) -> None:
    """Let the reactor run once."""
    import pytest_twisted

    done: Deferred[None] = Deferred()
    reactor.callLater(0, done.callback, None)
    pytest_twisted.blockon(done)


def selectables(reactor: Any) -> set[Any]:
    """Return the timers, readers and writers of the reactor but its own."""
    found = [*reactor.getDelayedCalls(), *reactor.getReaders(), *reactor.getWriters()]
    return {item for item in found if type(item).__module__ != "twisted.internet._signals"}
