"""Finds the files that a path stands for and takes their PEM blocks out; refuses to know what a block means.

A path is a file, or a folder of files with one level of folders in it. What is hidden, its name beginning with a dot,
is passed over: files are put there before they are renamed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from os import stat_result
from pathlib import Path
from stat import S_ISREG
from typing import Final

import attrs

CERTIFICATES: Final = frozenset({".pem", ".crt", ".cer", ".key"})
"""How the files of a folder end that hold certificates and keys."""

AUTHORITIES: Final = frozenset({".pem", ".crt", ".cer"})
"""The same for certificates of authorities."""

LISTS: Final = frozenset({".pem", ".crl"})
"""The same for revocation lists."""

STAPLE: Final = ".ocsp"
"""How a file ends that holds the OCSP answer for the certificate in the file beside it."""

LARGEST: Final = 2**23
"""Bytes of one file; more is something else."""

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[^-]*(?:-[^-]+)*-----END \1-----")
"""A block as in RFC 7468, or with the lines in front that RFC 1421 has, where a hyphen may stand alone."""


@attrs.frozen
class Block:
    """One PEM block: its `label`, such as 'CERTIFICATE', and all of it as it came. `path` is where it was found."""

    path: str
    label: str
    data: bytes


class Unreadable(Exception):
    """A file or folder cannot be used; the message is one line that names it and says what to do."""


Look = frozenset[tuple[str, int, int, int]]
"""How files looked at a moment: path, inode, size and time of the last change."""


def found(paths: Iterable[str], endings: frozenset[str]) -> list[str]:
    """The files that the paths stand for, in order and each once. Raises `Unreadable` for a folder that holds none."""
    return list(dict.fromkeys(file for path in paths for file in _files(path, endings)))


def look(paths: Iterable[str], endings: frozenset[str]) -> Look:
    """How these files are now; those that are not there, or may not be looked at, are left out."""
    seen = set()
    for path in paths:
        try:
            files = _files(path, endings)
        except Unreadable:
            continue
        for file in {*files, *filter(None, map(beside, files))}:
            status = _status(Path(file))
            if status is not None:
                seen.add((file, status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(seen)


def blocks(path: str) -> list[Block]:
    """The PEM blocks of a file. Raises `Unreadable`, also if there are none."""
    read = [Block(path, match[1].decode(), match[0]) for match in _BLOCK.finditer(content(path))]
    if not read:
        raise Unreadable(f"{path}: holds no PEM block; convert it, such as with openssl x509 -inform der -in {path}")
    return read


def content(path: str) -> bytes:
    """The bytes of a file. Raises `Unreadable`."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}; give a file that the balancer may read") from error
    if len(data) > LARGEST:
        raise Unreadable(f"{path}: is larger than {LARGEST} bytes; give a file of PEM blocks")
    return data


def beside(path: str) -> str | None:
    """The file with the OCSP answer for a certificate in the file at `path`, if there is one."""
    file = Path(path).with_suffix(STAPLE)
    return str(file) if _status(file) is not None else None


def _files(path: str, endings: frozenset[str]) -> list[str]:
    folder = Path(path)
    try:
        if not folder.is_dir():
            return [path]
        files = sorted(str(file) for file in _within(folder) if file.suffix in endings and _status(file) is not None)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}; give one that the balancer may read") from error
    if not files:
        raise Unreadable(f"{path}: holds no file whose name ends in {', '.join(sorted(endings))}; put one there")
    return files


def _within(folder: Path) -> Iterator[Path]:
    """What is in a folder, and in the folders in it."""
    for entry in folder.iterdir():
        if not entry.name.startswith("."):
            yield entry
            if entry.is_dir():
                yield from (file for file in entry.iterdir() if not file.name.startswith("."))


def _status(file: Path) -> stat_result | None:
    """Of a regular file, whatever links lead to it."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status if S_ISREG(status.st_mode) else None
