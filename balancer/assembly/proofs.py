"""Who answers an authority that looks whether names are ours, from what a user wrote; refuses to obtain anything."""

from __future__ import annotations

from collections.abc import Iterator

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.errors import StartError
from balancer.net.acme.challenges import ALPN, HTTP, Asked, ProvingContexts, Told
from balancer.net.acme.storage import Storage
from balancer.net.tls.files import Unreadable, content
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


def see_roots(acme: nouns.ACME) -> None:
    """See that the roots are there by which the authority's server is verified. Raises `StartError`."""
    if acme.ca is None:
        return
    try:
        content(acme.ca)  # a folder would be taken for another kind of folder
        read_trust([acme.ca])
    except Unreadable as error:
        raise StartError(f"{acme}: ca: {error}") from error


def faults(config: nouns.Config) -> Iterator[str]:
    """What is wrong with the files that certificates are to be obtained with, a line for each fault."""
    for acme in config.acmes:
        try:
            see_roots(acme)
        except StartError as error:
            yield str(error)
