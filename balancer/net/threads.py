"""Threads in which the system looks host names up, and which no end of the process waits for.

Twisted's own are waited for, and what they wait for may be a DNS server that never answers. Refuses to know who asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from socket import EAI_AGAIN, gaierror
from threading import Lock, Thread
from typing import Any, Final

from twisted.internet._resolver import GAIResolver
from twisted.python.failure import Failure

MOST: Final = 10
"""Names that are looked up at once; as many as Twisted has threads."""


def look_names_up_aside(reactor: Any) -> None:
    """Have whoever asks that reactor for a host name wait for such a thread."""
    threads: Any = Threads(MOST)
    reactor.installNameResolver(GAIResolver(reactor, lambda: threads))


class Threads:
    """Up to so many threads, as long as there is work: what `twisted.internet.threads` asks of a thread pool."""

    def __init__(self, most: int) -> None:
        self._most, self._running, self._lock = most, 0, Lock()
        self._calls: deque[tuple[Callable[[bool, Any], object], Callable[[], Any]]] = deque()

    def callInThreadWithCallback(
        self, told: Callable[[bool, Any], object], call: Callable[..., Any], *arguments: Any, **named: Any
    ) -> None:
        """Call, and tell in the same thread whether that went well, and the result or the failure.

        Where the system has no thread for it, the failure is that of a name that cannot be looked up now.
        """
        with self._lock:
            self._calls.append((told, partial(call, *arguments, **named)))
            if self._running == self._most:
                return
            try:
                Thread(target=self._work, daemon=True).start()
            except RuntimeError as error:
                self._calls.pop()
                shortage = gaierror(EAI_AGAIN, str(error))
            else:
                self._running += 1
                return
        told(False, Failure(shortage))

    def _work(self) -> None:
        while (work := self._next()) is not None:
            told, call = work
            try:
                result: Any = call()
            except BaseException:  # noqa: BLE001  whoever asked is told
                told(False, Failure())
            else:
                told(True, result)

    def _next(self) -> tuple[Callable[[bool, Any], object], Callable[[], Any]] | None:
        with self._lock:
            if self._calls:
                return self._calls.popleft()
            self._running -= 1
            return None


class Aside:
    """Work done in a thread of its own, one piece after the other, while the reactor goes on."""

    def __init__(self, reactor: Any) -> None:
        self._reactor, self._threads = reactor, Threads(1)

    def __call__(self, work: Callable[[], Any], told: Callable[[bool, Any], object]) -> None:
        """Work, and tell on the reactor whether that went well, and the result or the failure."""
        self._threads.callInThreadWithCallback(partial(self._reactor.callFromThread, told), work)
