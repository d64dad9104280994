"""Who answers an authority that looks whether names are ours, from what a user wrote; refuses to obtain anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.net.acme.challenges import ALPN, HTTP, Asked, ProvingContexts, Told
from balancer.net.acme.storage import Storage
from balancer.net.tls.files import Unreadable
from balancer.net.tls.terminating import Contexts
from balancer.net.tls.trust import read_trust

DAY = 86400.0


def storage_of(acme: nouns.ACME) -> Storage:
    """Where a certificate is kept, and what proves its names meanwhile."""
    return Storage(acme.account_folder, acme.folder)


def proving_routes(parts: Parts, listener: nouns.HTTPListener) -> tuple[nouns.Route, ...]:
    """What stands before the routes of a listener: nothing, unless it is to prove names over HTTP."""
    storages = [storage_of(acme) for acme in parts.acmes if acme.challenge == HTTP]
    if listener.tls is not None or not storages:
        return ()
    return (nouns.Route(Asked(storages), filters=[Told()], name="ACME challenge"),)


def proving_contexts(acme: nouns.ACME | None, contexts: Contexts) -> Contexts:
    """What a listener chooses its TLS by: the same, unless it is to prove names over TLS."""
    if acme is None or acme.challenge != ALPN:
        return contexts
    return ProvingContexts(contexts, acme.names, storage_of(acme))


def rootless(acmes: Iterable[nouns.ACME]) -> Iterator[str]:
    """What is wrong with the files of roots by which authorities are verified, a line for each fault."""
    for acme in acmes:
        try:
            read_trust(() if acme.ca is None else (acme.ca,))
        except Unreadable as error:
            yield f"{acme}: ca: {error}"


def holdings(config: nouns.Config, now: float) -> Iterator[str]:
    """What is there of the certificates to be obtained, a line for each; `now` in seconds since 1970."""
    for acme in config.acmes:
        try:
            held = storage_of(acme).held()
        except OSError as error:
            yield f"{acme}: {acme.certificate}: cannot be read: {error.strerror}"
            continue
        if held is None:
            yield f"{acme}: there is no certificate yet; it is obtained when the balancer runs"
            continue
        until = datetime.fromtimestamp(held.end, UTC).strftime("%Y-%m-%d")
        missing = sorted(set(acme.names) - held.names)
        short = f", but not for {', '.join(missing)}" if missing else ""
        yield f"{acme}: there is a certificate until {until}, in {(held.end - now) / DAY:.1f} days{short}"
