"""The folder of one certificate and of the account it is obtained with; it blocks, and refuses to know any authority.

A file is there whole or not at all, and nobody else may read it. Of all processes that share the folder one at a time
obtains; what proves the names meanwhile lies there for each of them to tell.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EPERM
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_PROOF: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,253}")
"""What a proof may be called: a token (RFC 8555 8.3) or a name, neither of which leads out of its folder."""
_LONGEST_PROOF: Final = 1024
_ROOM: Final = 1 << 16
"""Bytes that a certificate with its chain and its key have on the disk at most."""
_KINDS: Final = ((ec.EllipticCurvePublicKey, "ecdsa"), (rsa.RSAPublicKey, "rsa"))


class Locked(Exception):
    """Somebody else is obtaining the certificate just now."""


@attrs.frozen
class Held:
    """A certificate that is there: its DNS names, from when to when it is good, in seconds since 1970, and its key."""

    names: frozenset[str]
    begin: float
    end: float
    key: str
    """The kind of key: "ecdsa", "rsa" or "other"."""
    pem: bytes = attrs.field(repr=False)
    """The certificate and its chain."""


class Storage:
    """The folder `account`, and in it the one of a certificate."""

    def __init__(self, account: str, folder: str) -> None:
        self._account, self._folder = Path(account), Path(folder)
        self._certificate = self._folder / "certificate.pem"

    def open(self) -> None:
        """Make the folders, or see that nobody else may look into them. Raises `OSError`."""
        self._account.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self._account, self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                raise PermissionError(EPERM, "others may look into it", str(folder))

    def account_key(self, make: Callable[[], bytes]) -> bytes:
        """The account's key, which is made if there is none; the same for all who ask. Raises `OSError`."""
        path = self._account / "account.pem"
        with _locked(self._account / "lock"):
            if not path.exists():
                _write(path, make())
            return path.read_bytes()

    def held(self) -> Held | None:
        """The certificate; None if there is none that can be read as one. Raises `OSError`."""
        try:
            return described(self._certificate.read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    @contextmanager
    def obtaining(self) -> Iterator[None]:
        """While this lasts nobody else obtains the certificate; no proof outlives it. Raises `Locked`, `OSError`.

        There is room for it: authorities count what they make, and one that could not be kept would be made in vain.
        """
        try:
            with _locked(self._folder / "lock", LOCK_NB):
                self._withdraw()
                self._make_room()
                try:
                    yield
                finally:
                    self._withdraw()
        except BlockingIOError as error:
            raise Locked from error

    def keep(self, key: bytes, chain: bytes) -> None:
        """Put a key, the certificate and its chain, all PEM, in place of what was there. Raises `OSError`."""
        _write(self._certificate, key + chain)

    def prove(self, kind: str, name: str, proof: str) -> None:
        """Have a proof told to whoever asks for it by that name. Raises `ValueError` for what is no name."""
        folder = self._folder / kind
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _PROOF.fullmatch(name):
            raise ValueError("the authority's token is none")
        _write(folder / name, proof.encode())

    def proof(self, kind: str, name: str) -> str | None:
        """What was put there to prove, if anything was. Never raises."""
        if not _PROOF.fullmatch(name):
            return None
        try:
            with (self._folder / kind / name).open("rb") as file:
                return file.read(_LONGEST_PROOF).decode()
        except (OSError, ValueError):
            return None

    def _make_room(self) -> None:
        room = self._folder / "room"
        _write(room, bytes(_ROOM))
        room.unlink()

    def _withdraw(self) -> None:
        for folder in filter(Path.is_dir, self._folder.iterdir()):
            shutil.rmtree(folder)


def described(pem: bytes) -> Held:
    """The first certificate of a PEM file. Raises `ValueError` if there is none, or if it cannot be read."""
    chain = x509.load_pem_x509_certificates(pem)
    leaf = chain[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError("the certificate has no names") from None
    public = leaf.public_key()
    return Held(
        frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        leaf.not_valid_before_utc.timestamp(),
        leaf.not_valid_after_utc.timestamp(),
        next((name for kind, name in _KINDS if isinstance(public, kind)), "other"),
        pem[pem.index(b"-----BEGIN CERTIFICATE-----") :],
    )


@contextmanager
def _locked(path: Path, how: int = 0) -> Iterator[None]:
    """While this lasts nobody else has the lock, which the system takes back from a process that dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        flock(descriptor, LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    """Put a file in place of another, at once and for good: a crash leaves the one or the other. Raises `OSError`."""
    new = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
