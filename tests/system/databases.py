"""A database of PostgreSQL as a program of its own, with TLS or without; knows nothing of the balancer."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.net.authority import Leaf
from tests.ports import HOST, free_ports
from tests.system.programs import Program, said

USER = "postgres"
SETTINGS = {"listen_addresses": HOST, "unix_socket_directories": "", "fsync": "off"}


def unprivileged() -> list[str]:
    """What to put before a command so that it is not run by root, who is refused."""
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []


@contextmanager
def database(
    program: Callable[[str], str], leaf: Leaf | None = None, *, rules: Iterable[str] = (), port: int = 0
) -> Iterator[int]:
    """The port of one that is running, and speaks TLS with that certificate; in a folder that its user may reach.

    It is the one given, or one that is free. Everybody is let in, but for whom `rules` say something else, in the form
    of pg_hba.conf.
    """
    with TemporaryDirectory(prefix="postgresql-") as folder:
        given(folder)
        home = f"{folder}/data"
        said(
            *unprivileged(), program("initdb"), "-D", home, "-U", USER, "--auth=trust", "--no-sync", "--no-instructions"
        )
        letting_in = Path(home, "pg_hba.conf")
        letting_in.write_text("".join(f"{rule}\n" for rule in rules) + letting_in.read_text())
        with _running(program, home, {} if leaf is None else _encrypted(Path(folder), leaf), port) as found:
            yield found


@contextmanager
def standby(program: Callable[[str], str], primary: int, *, port: int = 0) -> Iterator[int]:
    """The port of one that follows the one at that port, until it is promoted."""
    with TemporaryDirectory(prefix="postgresql-") as folder:
        given(folder)
        home = f"{folder}/data"
        source = [f"--host={HOST}", f"--port={primary}", f"--username={USER}", f"--pgdata={home}"]
        copying = [program("pg_basebackup"), *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        said(*unprivileged(), *copying)
        with _running(program, home, {}, port) as found:
            yield found


@contextmanager
def _running(program: Callable[[str], str], home: str, settings: Mapping[str, str], port: int) -> Iterator[int]:
    """The port of one that lives in that folder: that one, or one that is free."""
    port = port or free_ports(1)[0]
    options = [word for name, value in {**SETTINGS, **settings}.items() for word in ("-c", f"{name}={value}")]
    command = [*unprivileged(), program("postgres"), "-D", home, "-p", str(port), *options]
    with Program(*command, ended_by=signal.SIGINT) as running:
        running.says("ready to accept")
        yield port


def given(path: str | Path) -> None:
    """Let its user have that, where it is run by another."""
    if os.geteuid() == 0:
        shutil.chown(path, USER, USER)


def _encrypted(folder: Path, leaf: Leaf) -> dict[str, str]:
    certificate, key = leaf.store_apart(folder)
    Path(key).chmod(0o600)  # or it would not take it
    given(key)
    return {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}
