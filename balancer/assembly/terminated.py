"""TLS in front of what serves, from what a user wrote; refuses to know what is served."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.assembly.streams import Door, Streams
from balancer.assembly.tls import contexts_of
from balancer.core.starttls import OPENINGS
from balancer.net.limits import Inner, Refusals
from balancer.net.tls.accepting import TLSFactory
from balancer.net.tls.identity import secured_by
from balancer.net.tls.starting import StartingFactory, StartTLS
from balancer.net.tls.terminating import Terminating

log = Logger("balancer")


def terminated(
    parts: Parts,
    settings: Streams,
    door: Door,
    named: str,
    inner: Inner,
    *,
    hint: Callable[[bytes], bytes] = lambda _data: b"",
) -> Inner:
    """What serves behind that door, within TLS if the listener has any; logs call it so.

    `hint` answers those who speak in the clear; see `net.tls.terminating`. Raises `StartError` for certificates that
    cannot be used.
    """
    tls: nouns.TLS | None = settings.tls
    if tls is None:
        return inner
    refusals = Refusals(lambda line: log.info("{listener}: {line}", listener=named, line=line))
    door.tallies.append(refusals)
    terminating = Terminating(
        contexts_of(parts, tls, settings.protocols),
        timeout=tls.handshake_timeout,
        most=tls.max_handshakes,
        clock=parts.reactor,
        deadlines=parts.deadlines,
        sessions=door.sessions,
        refusals=refusals,
        secured=secured_by,
        hint=hint,
    )
    encrypted = TLSFactory(terminating, inner)
    if not isinstance(settings, nouns.TCPListener) or settings.starttls is None:
        return encrypted
    start = StartTLS(OPENINGS[settings.starttls], tls.handshake_timeout, parts.deadlines, door.sessions, refusals)
    return StartingFactory(start, encrypted)
