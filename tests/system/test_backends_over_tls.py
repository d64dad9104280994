"""Backends that speak TLS by OpenSSL's own program, whose page tells how it was spoken to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.net.authority import Authority
from tests.ports import free_ports
from tests.system.process import HOST, Site
from tests.system.programs import PATIENCE, Program

AUTHORITY = Authority()
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@contextmanager
def spoken_to(
    program: Callable[[str], str], folder: Path, version: str, *asking: str, tls: str = "", http: str = ""
) -> Iterator[str]:
    """The page of a backend that speaks that version, behind a balancer which connects for every request."""
    (port,) = free_ports(1)
    certificate, key = AUTHORITY.leaf(HOST).store_apart(folder)
    authority = AUTHORITY.store(folder)
    command = ["s_server", "-accept", f"{HOST}:{port}", "-cert", certificate, "-key", key, "-www", *asking]
    settings = f"keepalive=0, tls=UpstreamTLS(ca={authority!r}, {tls})"
    with Program(program("openssl"), *command, f"-tls{version.replace('.', '_')}", "-CAfile", authority) as backend:
        backend.says("ACCEPT")
        with Site(folder, port, pool=settings, http=http) as site:
            yield f"http://{HOST}:{site.port}/"


def page(url: str) -> str:
    """What the backend says."""
    answer = requests.get(url, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.text


@VERSIONS
def test_sessions_are_gone_on_with(program: Callable[[str], str], tmp_path: Path, version: str) -> None:
    """The first connection is a new one, and those that follow go on with its session."""
    with spoken_to(program, tmp_path, version) as url:
        pages = [page(url) for _ in range(4)]
        assert [f"New, TLSv{version}" in one for one in pages] == [True, False, False, False]
        assert [f"Reused, TLSv{version}" in one for one in pages] == [False, True, True, True]


@VERSIONS
def test_we_prove_ourselves(program: Callable[[str], str], tmp_path: Path, version: str) -> None:
    """A backend that demands a certificate is shown ours; without one it refuses us, and that is told."""
    own = AUTHORITY.leaf("balancer.example").store(tmp_path, "own")
    with spoken_to(program, tmp_path, version, "-Verify", "2", tls=f"certificate={own!r}") as url:
        assert "balancer.example" in page(url)
    with spoken_to(program, tmp_path, version, "-Verify", "2", http="reason_header=True") as url:
        answer = requests.get(url, timeout=PATIENCE)
        assert answer.status_code == 502
        assert answer.headers["x-balancer-reason"] in {"upstream-tls", "upstream-gone"}


def test_what_is_offered(program: Callable[[str], str], tmp_path: Path) -> None:
    """The backend may choose among the ciphers that were set, and no others."""
    with spoken_to(program, tmp_path, "1.3", tls="ciphers='TLS_CHACHA20_POLY1305_SHA256'") as url:
        assert "New, TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256" in page(url)
    with spoken_to(program, tmp_path, "1.2", tls="ciphers='ECDHE-ECDSA-AES256-GCM-SHA384'") as url:
        assert "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in page(url)
