"""Who answers an authority that looks whether names are ours, from what a user wrote; refuses to obtain anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.net.acme.challenges import ALPN, HTTP, Asked, ProvingContexts, Told
from balancer.net.acme.storage import Storage
from balancer.net.tls.files import Unreadable
from balancer.net.tls.terminating import Contexts
from balancer.net.tls.trust import read_trust


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
