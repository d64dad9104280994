"""Certificates to be obtained by ACME, from what a user wrote; starts nothing.

Needs the library `acme`, and so is imported only for a config that asks for it.
"""

from __future__ import annotations

from functools import partial
from random import Random

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.assembly.proofs import rootless, storage_of
from balancer.core.renewal import Pauses
from balancer.errors import StartError
from balancer.net.acme.authority import Authority
from balancer.net.acme.looking import Looking
from balancer.net.acme.obtaining import Wish, new_key
from balancer.net.acme.renewing import Renewal
from balancer.net.acme.storage import Storage

log = Logger("balancer")


def make_renewal(parts: Parts, acme: nouns.ACME) -> Renewal:
    """Make what looks after a certificate. Raises `StartError` for a folder or a file that cannot be used."""
    for fault in rootless([acme]):
        raise StartError(fault)
    storage = storage_of(acme)
    try:
        storage.open()
        held = storage.held()
    except OSError as error:
        remedy = "give a folder that the balancer may write, and nobody else may look into"
        raise StartError(f"{acme}: storage: {error.filename}: {error.strerror}; {remedy}") from error
    random = Random(parts.random.getrandbits(128))  # one for the thread
    wish = Wish(acme.names, acme.challenge, acme.key, acme.renew_at)
    return Renewal(
        Looking(wish, storage, partial(_authority, acme, storage), now=parts.wall, random=random),
        held,
        reactor=parts.reactor,
        now=parts.wall,
        pauses=Pauses(acme.retry, parts.random),
        changed=lambda: _changed(parts, acme),
        told=lambda line: log.info("{acme}: {line}", acme=str(acme), line=line),
        failed=lambda line: log.error("{acme}: {line}", acme=str(acme), line=line),
    )


def _changed(parts: Parts, acme: nouns.ACME) -> None:
    """Show it to whoever connects from now on."""
    for noun, files in parts.reloads.items():
        if isinstance(noun, nouns.TLS) and noun.acme is acme:
            files.now()


def _authority(acme: nouns.ACME, storage: Storage) -> Authority:
    key = storage.account_key(partial(new_key, "ecdsa"))
    return Authority(acme.directory, key, email=acme.email, ca=acme.ca)
