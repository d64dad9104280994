"""Binds listeners, or says in one line why one cannot be; refuses to know what they serve."""

from __future__ import annotations

from typing import Final

from twisted.internet.error import CannotListenError

from balancer import config as nouns
from balancer.errors import StartError
from balancer.net.listeners import Listener
from balancer.net.shared_ports import SharedPort

BACKLOG = 1024
"""Connections that the system may hold for us to accept; it cuts this to its own limit (net.core.somaxconn)."""

PLAINLY: Final = {
    "Cannot acquire lock": "Address already in use",
    "No such file or directory": "the folder does not exist",
}
"""What Twisted and the system say of an endpoint, where that says little."""

REMEDIES: Final = {
    "denied": "ports below 1024 and some paths need a privilege; choose another or run with it",
    "in use": "stop what has it, or choose another",
    "cannot share": "leave reuse_port out",
    "folder does not exist": "make it, or choose another",
}
"""What to do, by words of what happened."""


def endpoint_of(settings: nouns.Listener) -> str:
    """The endpoint in Twisted's words, with our backlog where none is given."""
    bound = settings.bound
    if bound.scheme in {"tcp", "tcp6", "unix"} and "backlog" not in bound.options:
        return f"{settings.endpoint}:backlog={BACKLOG}"
    return settings.endpoint


def shared_port(settings: nouns.Listener) -> SharedPort | None:
    """The port to share with other processes, if it is to be."""
    if not settings.reuse_port:
        return None
    bound = settings.bound
    assert not isinstance(bound.place, str)
    return SharedPort(*bound.place, int(bound.options.get("backlog", BACKLOG)))


async def bind(settings: nouns.Listener, listener: Listener) -> None:
    """Start a listener. Raises `StartError` with one line that says which, why and what to do."""
    try:
        await listener.start()
    except (CannotListenError, AttributeError, LookupError, OSError, OverflowError, TypeError, ValueError) as error:
        raise StartError(f"{settings}: cannot listen: {why_not(error, settings.bound.scheme)}") from error


def why_not(error: Exception, scheme: str = "unix") -> str:
    """What kept us from listening at such an endpoint, and what to do."""
    if isinstance(error, OverflowError):
        return "a number in it is too large; correct the endpoint"
    if isinstance(error, LookupError) and scheme == "systemd":
        return "systemd has passed no such socket; start the balancer by a socket unit that has it, or bind tcp:"
    cause = error.socketError if isinstance(error, CannotListenError) else error
    said = getattr(cause, "strerror", None) or " ".join(str(cause).split())
    why = PLAINLY.get(said, said)
    remedies = [remedy for words, remedy in REMEDIES.items() if words in why.lower()]
    return f"{why}; {remedies[0] if remedies else 'correct the endpoint'}"
