"""Files of secrets, from what a user wrote: opened at the start, and told of in the log."""

from __future__ import annotations

from collections.abc import Callable

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
        remedy = "give the path of a file that the balancer may write, or leave it out"
        raise StartError(f"{owner}: keylog: {path!r}: {error.strerror}; {remedy}") from error
    parts.keylogs.append(made)
    line = "{owner}: the secrets of all connections are written to {path}"
    log.warn(line, owner=owner, path=path)  # noqa: G010  Twisted's logger has no other name for it
    return made.add
