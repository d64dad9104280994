"""OpenSSH behind the balancer: files arrive as they were, in both directions and in both at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from random import Random

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, LEAN, STOCK, Front
from tests.system.programs import Program, said

MEBIBYTE = 1 << 20
LONG = 100.0
"""Seconds that a GiB may take."""

SERVER = """
Port {port}
ListenAddress {host}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""
CLIENT = """
Host balancer
  HostName {host}
  Port {port}
  User {user}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking yes
  HostKeyAlias balancer
  Ciphers aes128-gcm@openssh.com
"""


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def client(program: Callable[[str], str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The config of a client for which a balancer, on either reactor, is the host `balancer`."""
    (port,) = free_ports(1)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # root's sshd wants it; where init runs, that makes it
    for name in ("host", "user"):
        said(program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
    (tmp_path / "known_hosts").write_text("balancer " + (tmp_path / "host.pub").read_text())
    config = tmp_path / "sshd_config"
    config.write_text(SERVER.format(port=port, host=HOST, folder=tmp_path))
    with Program(program("sshd"), "-D", "-e", "-f", str(config)) as server:
        server.says("Server listening on")
        with Front(tmp_path, port, twist=request.param) as front:
            config = tmp_path / "ssh_config"
            config.write_text(CLIENT.format(port=front.port, host=HOST, user=getuser(), folder=tmp_path))
            yield str(config)


def made(path: Path, mebibytes: int) -> str:
    """The checksum of a file, which is made, of so many MiB, no two of which are alike."""
    block, summed = Random(1).randbytes(MEBIBYTE), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(mebibytes):
            data = number.to_bytes(8, "big") + block[8:]
            summed.update(data)
            file.write(data)
    return summed.hexdigest()


def checksum(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_files(program: Callable[[str], str], client: str, tmp_path: Path, full: bool) -> None:
    """A file that `sftp` puts and gets is the same on every side, and so is what `ssh` pipes out and back at once."""
    here, there, back = (tmp_path / name for name in ("here", "there", "back"))
    summed = made(here, 1024 if full else 64)
    orders = f"put {here} {there}\nget {there} {back}\n"
    said(program("sftp"), "-q", "-F", client, "-b", "-", "balancer", heard=orders, patience=LONG)
    assert [checksum(path) for path in (there, back)] == [summed, summed]
    command = f"{program('ssh')} -F {client} balancer cat <{here} | sha256sum"
    assert said("bash", "-o", "pipefail", "-c", command, patience=LONG).split() == [summed, "-"]
