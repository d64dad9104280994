"""The balancer as a process of its own, as an operator runs it; knows nothing of what it serves."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from typing import Self

from tests.ports import free_ports
from tests.system.programs import PATIENCE, Program

HOST = "127.0.0.1"

LEAN, STOCK = ("--reactor=balancer",), ("--reactor=epoll",)
"""Which reactor: ours, or Twisted's own."""


class Process(Program):
    """`twist ... balancer ...`, running; `descriptors` is how many it may have, if not as many as we."""

    def __init__(self, *arguments: str, twist: tuple[str, ...] = (), descriptors: int | None = None) -> None:
        limits = () if descriptors is None else ("prlimit", f"--nofile={descriptors}")
        command = [sys.executable, "-m", "twisted", "--log-format=text", *twist, "balancer", *arguments]
        super().__init__(*limits, *command, apart=True, ended_by=signal.SIGKILL)


class Orderly(Process):
    """One that serves at `port`.

    A block that ends well ends it in order, and fails when it does not stop so, or when it has told of an error.
    """

    port: int

    def __exit__(self, *raised: object) -> None:
        try:
            if not any(raised):
                self.signal(signal.SIGTERM)
                status, err = self.end()
                assert status == 0, f"ended with {status}:\n{self.out}\n{err}"
                assert "Traceback" not in self.out + err, f"{self.out}\n{err}"
        finally:
            super().__exit__(*raised)

    def client(self) -> socket.socket:
        """A connection to it, on which nothing takes longer than `PATIENCE`."""
        return socket.create_connection((HOST, self.port), timeout=PATIENCE)


class Front(Orderly):
    """One that relays what comes to `port`, by TCP and by UDP, to backends on those ports of this machine.

    `tcp`, `udp` and `pool` are further settings, as they stand in a config.
    """

    def __init__(
        self,
        folder: Path,
        *backends: int,
        twist: tuple[str, ...] = LEAN,
        descriptors: int | None = None,
        tcp: str = "",
        udp: str = "",
        pool: str = "",
    ) -> None:
        (self.port,) = free_ports(1)
        addresses = [f"{HOST}:{port}" for port in backends]
        text = f"""
streams = Pool("streams", backends={addresses}, {pool})
datagrams = Pool("datagrams", backends={[f"udp:{address}" for address in addresses]})
config = Config([
    TCPListener("tcp:{self.port}:interface={HOST}", pool=streams, {tcp}),
    UDPListener("udp:{self.port}:interface={HOST}", pool=datagrams, {udp}),
], drain=1)
"""
        super().__init__("--config", written(folder, text), twist=twist, descriptors=descriptors)

    def __enter__(self) -> Self:
        self.says("UDP on udp:")
        return self


class Site(Orderly):
    """One that takes requests at `port` to backends on those ports.

    `http`, `pool` and `config` are further settings, as they stand in a config, `imports` what they need beside.
    """

    def __init__(
        self,
        folder: Path,
        *backends: int,
        twist: tuple[str, ...] = LEAN,
        descriptors: int | None = None,
        http: str = "",
        pool: str = "",
        config: str = "",
        imports: str = "",
    ) -> None:
        (self.port,) = free_ports(1)
        text = f"""
from balancer import Health
from balancer.plugins.health import HTTPCheck
{imports}
site = Pool("site", backends={[f"{HOST}:{port}" for port in backends]}, {pool})
config = Config([HTTPListener("tcp:{self.port}:interface={HOST}", pool=site, {http})], drain=1, {config})
"""
        super().__init__("--config", written(folder, text), twist=twist, descriptors=descriptors)

    def __enter__(self) -> Self:
        self.says("HTTP on tcp:")
        return self


def is_free(port: int) -> bool:
    """Whether nothing listens there; found out without connecting, which would be served."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, port))
        except OSError:
            return False
        return True


def written(folder: Path, text: str) -> str:
    """The path of a config file with that text, behind the imports that every config has."""
    path = folder / "conf.py"
    path.write_text("from balancer import *\n" + text)
    return str(path)
