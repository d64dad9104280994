"""Files of secrets, from what a user wrote: opened at the start, and told of in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.logger import Logger

from balancer.assembly.parts import Parts
from balancer.errors import StartError
from balancer.net.tls.keylog import KeyLog

log = Logger("balancer")


def key_log(parts: Parts, owner: str, path: str | None) -> Callable[[bytes], None] | None:
    """What takes the secrets of the connections of its owner, if they are to go anywhere. Raises `StartError`."""
    if path is None:
        return None
    made = KeyLog(path)
    try:
        made.open()
    except OSError as error:
        raise StartError(f"{owner}: {_in_words(path, error)}") from error
    parts.keylogs.append(made)
    line = "{owner}: the secrets of all connections are written to {path}"
    log.warn(line, owner=owner, path=path)  # noqa: G010  Twisted's logger has no other name for it
    return made.add


def faults(path: str | None) -> Iterator[str]:
    """What would be wrong with such a file at the start, if anything; none is made."""
    if path is not None:
        try:
            KeyLog(path).try_out()
        except OSError as error:
            yield _in_words(path, error)


def _in_words(path: str, error: OSError) -> str:
    remedy = "give the path of a file that the balancer may write, or leave it out"
    return f"keylog: {path!r}: {error.strerror}; {remedy}"
