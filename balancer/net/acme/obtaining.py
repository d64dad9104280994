"""One certificate obtained and put into its folder; it blocks, and refuses to know when it is time to.

What it waits for it waits for by `pause`, which answers whether there is a point in going on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

import attrs
from acme.crypto_util import make_csr
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from balancer.errors import CertificateNotObtained
from balancer.net.acme.authority import Task
from balancer.net.acme.storage import Storage, described

PATIENCE: Final = 300.0
"""Seconds that an authority has to look at what was done for it, and as many to make the certificate."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

Result = TypeVar("Result")
Pause = Callable[[float], bool]
"""Waits for so many seconds, and tells whether to go on."""


class Stopped(Exception):
    """There is no point in going on."""


class Authority(Protocol):
    """The questions to an authority; see `net.acme.authority`."""

    @property
    def asked(self) -> float:
        """The seconds that it asks us to wait."""
        ...

    def begin(self, csr: bytes, challenge: str) -> list[Task]:
        """Order a certificate; what has to be done for it."""
        ...

    def answer(self, task: Task) -> None:
        """Say that a task is done."""
        ...

    def proved(self, task: Task) -> bool:
        """Whether it has found so."""
        ...

    def finish(self) -> None:
        """Have the certificate made."""
        ...

    def issued(self) -> bytes | None:
        """The certificate and its chain, once they are made."""
        ...

    def advice(self, pem: bytes) -> tuple[float | None, float]:
        """When to renew, if it says so, and when to ask that again."""
        ...

    def close(self) -> None:
        """Keep no connection."""
        ...


@attrs.frozen
class Wish:
    """What is wanted: a certificate for these names, by that challenge, with a key of that kind.

    It is renewed as `left` of its life is left.
    """

    names: tuple[str, ...]
    challenge: str = "http-01"
    key: str = "ecdsa"
    left: float = 1 / 3


def obtain(wish: Wish, authority: Authority, storage: Storage, pause: Pause) -> None:
    """Obtain a certificate and keep it, while nobody else does.

    Raises `CertificateNotObtained`, `Stopped` once `pause` says so, and `OSError` of the storage.
    """
    key = new_key(wish.key)
    tasks = authority.begin(make_csr(key, list(wish.names)), wish.challenge)
    for task in tasks:
        _prepare(wish, task, storage)
        authority.answer(task)
    for task in tasks:
        _await(partial(authority.proved, task), authority, pause, f"{task.name}: it has not looked")
    authority.finish()
    chain = _await(authority.issued, authority, pause, "it has not made the certificate")
    assert chain is not None
    _check(wish, key, chain)
    storage.keep(key, chain)


def new_key(kind: str) -> bytes:
    """A private key, "ecdsa" or "rsa", as PEM."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _prepare(wish: Wish, task: Task, storage: Storage) -> None:
    """Have a task done: with TLS it is the name that is asked for (RFC 8737 3), else the token (RFC 8555 8.3)."""
    if task.name not in wish.names:
        raise CertificateNotObtained(f"it wants a proof for {task.name!r}, which nobody asked for")
    try:
        storage.prove(wish.challenge, task.name if wish.challenge == "tls-alpn-01" else task.token, task.proof)
    except ValueError as error:
        raise CertificateNotObtained(str(error)) from error


def _await(look: Callable[[], Result], authority: Authority, pause: Pause, late: str) -> Result:
    """What `look` answers that is not false, after as many looks as it takes, or as fit into `PATIENCE`."""
    waited, step = 0.0, _FIRST_PAUSE
    while not (found := look()):
        if waited >= PATIENCE:
            raise CertificateNotObtained(f"{late} in {PATIENCE:g} seconds", pause=authority.asked)
        wait = min(max(step, authority.asked), PATIENCE)
        if not pause(wait):
            raise Stopped
        waited, step = waited + wait, min(2 * step, _LONGEST_PAUSE)
    return found


def _check(wish: Wish, key: bytes, chain: bytes) -> None:
    """Take only a certificate that is for our key and our names: any other would put one that works out of use."""
    try:
        found, leaf = described(chain), load_pem_x509_certificate(chain)
    except ValueError as error:
        raise CertificateNotObtained(f"what it made is no certificate: {error}") from error
    ours = load_pem_private_key(key, None).public_key()
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if leaf.public_key().public_bytes(*form) != ours.public_bytes(*form):
        raise CertificateNotObtained("the certificate that it made is for another key")
    if not found.names.issuperset(wish.names):
        raise CertificateNotObtained("the certificate that it made is for other names")
