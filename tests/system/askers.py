"""Clients that ask a site on and on, and keep what failed; know nothing of who answers them."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from itertools import count
from threading import Event

from tests.system.process import HOST, Site
from tests.system.programs import PATIENCE

CALM = 100
"""Requests that are answered between two misfortunes."""


class Client:
    """Asks on and on, each time what was never asked before; `failures` are the requests that brought nothing."""

    def __init__(self, site: Site, name: str, method: str, over: Event) -> None:
        self.answered = 0
        self.asked: list[str] = []
        self.failures: list[str] = []
        self._site, self._name, self._method, self._over = site, name, method, over
        self._connection = HTTPConnection(HOST, site.port, timeout=PATIENCE)

    def run(self) -> None:
        """Until it is over."""
        for number in count():
            if self._over.is_set():
                self._connection.close()
                return
            path = f"{self._name}-{number}"
            self.asked.append(f"{self._method} /{path}")
            if self._ask(path):
                self.answered += 1
            else:
                self.failures.append(self.asked[-1])
                self._connection.close()

    def _ask(self, path: str) -> bool:
        try:
            self._connection.request(self._method, f"/{path}", body=b"x" * 100 if self._method == "POST" else None)
            answer = self._connection.getresponse()
            return (answer.read().decode(), answer.status) == (path, 200)
        except (OSError, HTTPException):
            return False


def progress(clients: list[Client]) -> None:
    """Wait until each has had some answers more."""
    before = [client.answered for client in clients]
    pause = Event()
    for _ in range(int(PATIENCE / 0.01)):
        if all(client.answered >= had + CALM for client, had in zip(clients, before, strict=True)):
            return
        pause.wait(0.01)
    raise AssertionError("they are not answered any more")
