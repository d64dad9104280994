"""Files read at the start, and again when they change; refuses to know what is in them."""

from __future__ import annotations

from functools import partial

from twisted.logger import Logger

from balancer.assembly.parts import Parts
from balancer.errors import StartError
from balancer.net.tls.credentials import Unusable
from balancer.net.tls.reloading import Reloading, Watched

log = Logger("balancer")


def read_files(parts: Parts, owner: str, watched: Watched, *, every: float) -> Reloading:
    """Use what is in the files of that owner; return what looks at them again each `every` seconds once it is started.

    Raises `StartError` for what cannot be used.
    """
    look = watched.look()  # before they are read, so that no change is missed
    try:
        watched.use(watched.load())
    except Unusable as error:
        raise StartError(f"{owner}: {error}") from error
    return Reloading(
        watched,
        look,
        every=every,
        deadlines=parts.deadlines,
        aside=parts.aside,
        tell=partial(tell, owner),
        warn=partial(warn, owner),
    )


def tell(owner: str, line: str) -> None:
    """Have the operator know something of what was read for that owner."""
    log.info("{owner}: {line}", owner=owner, line=line)


def warn(owner: str, line: str) -> None:
    """Have the operator do something about what was read for that owner."""
    log.warn("{owner}: {line}", owner=owner, line=line)  # noqa: G010  Twisted's logger has no other name for it
