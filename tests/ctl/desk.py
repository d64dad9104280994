"""A socket that answers one question as a test wants it; knows no balancer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread


class Desk:
    """What was asked, as it came."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.path, self.asked, self._answer = str(path), b"", answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        asking, _ = self._listening.accept()
        with asking, asking.makefile("rb") as said:
            self.asked = said.readline()
            asking.sendall(self._answer)

    def close(self) -> None:
        """The question was asked."""
        self._thread.join()
        self._listening.close()


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[Desk]:
    """Somebody who gives that answer to a question that must come."""
    desk = Desk(path, answer)
    try:
        yield desk
    finally:
        desk.close()
