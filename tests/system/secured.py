"""A balancer that ends TLS as a process of its own, and what its clients need to trust it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from tests.net.authority import Authority
from tests.system.process import Front, Site

NAME = "site.example"


class Trust:
    """A folder with an authority, `ca`, and with what it has signed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder / "certificates", Authority()
        self.folder.mkdir()
        self.ca = self.authority.store(folder)
        self.sign()

    def sign(self, *names: str, file: str = "site") -> str:
        """A new certificate, in the place of an older one of that file, for the site unless told; return its path."""
        return self.authority.leaf(*(names or (NAME, "127.0.0.1"))).store(self.folder, file)

    @property
    def tls(self) -> str:
        """What a config calls the certificates."""
        return repr(str(self.folder))

    def settings(self, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Of a client that trusts the authority alone, and speaks that version alone."""
        settings = ssl.create_default_context(cafile=self.ca)
        if version is not None:
            settings.minimum_version = settings.maximum_version = version
        return settings


class SecureSite(Site):
    """A `Site` over TLS; `tls` are further settings of that."""

    def __init__(self, folder: Path, trust: Trust, *backends: int, tls: str = "", http: str = "", **more: Any) -> None:
        super().__init__(folder, *backends, http=f"tls=TLS({trust.tls}, {tls}), {http}", **more)
        self._settings = trust.settings()

    def client(self, settings: ssl.SSLContext | None = None, name: str = NAME) -> ssl.SSLSocket:
        """A connection after its handshake."""
        return (settings or self._settings).wrap_socket(super().client(), server_hostname=name)


class SecureFront(Front):
    """A `Front` over TLS; `tls` are further settings of that."""

    def __init__(self, folder: Path, trust: Trust, *backends: int, tls: str = "", tcp: str = "", **more: Any) -> None:
        super().__init__(folder, *backends, tcp=f"tls=TLS({trust.tls}, {tls}), {tcp}", **more)
        self._settings = trust.settings()

    def client(self, settings: ssl.SSLContext | None = None, name: str = NAME) -> ssl.SSLSocket:
        """A connection after its handshake."""
        return (settings or self._settings).wrap_socket(super().client(), server_hostname=name)


def asked(client: socket.socket, target: str = "/") -> bytes:
    """Ask for something, read on until the connection is over, and close it."""
    heard = b""
    with client:
        client.sendall(f"GET {target} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n".encode())
        while data := client.recv(1 << 16):
            heard += data
    return heard
