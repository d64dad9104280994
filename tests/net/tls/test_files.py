"""Which files a path stands for, what PEM blocks are in them, and how a change of them is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from balancer.net.tls.files import CERTIFICATES, LARGEST, Block, Unreadable, beside, blocks, found, look

BLOCK = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
OLD_KEY = (
    b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A-B,1\n\nMII\n-----END RSA PRIVATE KEY-----"
)


def touch(*paths: Path) -> None:
    """Make empty files, and the folders that they are in."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """A folder stands for the files with such names in it and in its folders, but not for what is hidden or deeper."""
    wanted = [tmp_path / name for name in ("a.pem", "b.crt", "site/c.key", "site/d.cer")]
    others = [tmp_path / name for name in ("README", ".e.pem", ".hidden/f.pem", "site/.g.key", "site/deep/h.pem")]
    touch(*wanted, *others)
    (tmp_path / "gone.pem").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.pem").mkdir()
    os.mkfifo(tmp_path / "pipe.pem")
    assert found([str(tmp_path)], CERTIFICATES) == [str(path) for path in wanted]


def test_a_file_stands_for_itself(tmp_path: Path) -> None:
    """A file that is named is taken whatever its name ends in, in the order given, and once."""
    touch(tmp_path / "b.pem", tmp_path / "a")
    paths = [str(tmp_path / "b.pem"), str(tmp_path / "a"), str(tmp_path / "b.pem")]
    assert found([*paths, str(tmp_path)], CERTIFICATES) == paths[:2]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """A folder without such a file is told with what to put there."""
    with pytest.raises(Unreadable, match=r"holds no file whose name ends in \.cer, \.crt, \.key, \.pem; put one there"):
        found([str(tmp_path)], CERTIFICATES)


def test_a_folder_that_may_not_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the system does not let be listed is told, with the system's reason."""

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(Unreadable, match=r"cannot be read: Permission denied; give one that the balancer may read"):
        found([str(tmp_path)], CERTIFICATES)


def test_blocks_among_other_text(tmp_path: Path) -> None:
    """Every block is found as it came, with its label, whatever stands around it."""
    path = tmp_path / "a.pem"
    path.write_bytes(b"subject=a - b\n" + BLOCK + b"\n\n" + OLD_KEY + b"\r\n-----BEGIN CERTIFICATE-----\ncut off")
    assert blocks(str(path)) == [
        Block(str(path), "CERTIFICATE", BLOCK),
        Block(str(path), "RSA PRIVATE KEY", OLD_KEY),
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\x30\x82", "holds no PEM block; convert it, such as with openssl x509 -inform der -in "),
        (b"-" * (LARGEST + 1), "is larger than 8388608 bytes; give a file of PEM blocks"),
        (None, "cannot be read: No such file or directory; give a file that the balancer may read"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None, line: str) -> None:
    """A file that is no PEM, is too large or is not there is told in a line that names it."""
    path = tmp_path / "a.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        blocks(str(path))
    assert str(caught.value).startswith(f"{path}: {line}")


def test_what_may_not_be_looked_at(tmp_path: Path) -> None:
    """A path of which the system tells nothing is told in a line, looks like nothing, and has nothing beside it."""
    path = str(tmp_path / ("x" * 300)) + ".pem"
    with pytest.raises(Unreadable) as caught:
        found([path], CERTIFICATES)
    assert str(caught.value) == f"{path}: cannot be read: File name too long; give one that the balancer may read"
    assert look([path], CERTIFICATES) == frozenset()
    assert beside(path) is None


def test_every_change_is_seen(tmp_path: Path) -> None:
    """Whatever changes, comes or goes, among them an OCSP answer, makes another look; nothing else does."""
    site, other = tmp_path / "site.pem", tmp_path / "other.crt"
    site.write_bytes(BLOCK)
    folder, file = [str(tmp_path)], [str(site)]
    looks = [look(folder, CERTIFICATES)]
    touch(tmp_path / "README")
    assert look(folder, CERTIFICATES) == looks[0]
    assert look(file, CERTIFICATES) == looks[0]
    for change in (
        lambda: site.write_bytes(BLOCK * 2),
        lambda: other.write_bytes(BLOCK),
        lambda: other.with_suffix(".ocsp").write_bytes(b"answer"),
        lambda: os.utime(site, ns=(1, 1)),
        lambda: other.rename(site),
    ):
        change()
        looks.append(look(folder, CERTIFICATES))
    assert len(set(looks)) == 6


def test_what_cannot_be_looked_at_looks_like_nothing(tmp_path: Path) -> None:
    """Files that are not there, and folders with nothing in them, look like nothing."""
    assert look([str(tmp_path), str(tmp_path / "nowhere.pem")], CERTIFICATES) == frozenset()


def test_beside(tmp_path: Path) -> None:
    """The OCSP answer for a certificate is in a file of its name with another ending, if there is one."""
    touch(tmp_path / "site.ocsp")
    assert beside(str(tmp_path / "site.pem")) == str(tmp_path / "site.ocsp")
    assert beside(str(tmp_path / "other.pem")) is None
