"""openssl s_client against a site over TLS: what is refused, what is resumed, and what it may ask for in between."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, LEAN, Process, written
from tests.system.programs import PATIENCE, Program
from tests.system.secured import NAME, SecureSite, Trust

ORIGIN = Path(__file__).with_name("origin.py")
ASKED = f"GET /found HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n"
OLD = ["-tls1", "-tls1_1"]
VERSIONS = ["-tls1_2", "-tls1_3"]

Spoken = Callable[..., str]
"""Asks a site; returns all that s_client says, what it got included."""


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """An authority; its site has another name, with a certificate of its own, and a client has one."""
    trust = Trust(tmp_path)
    trust.sign("other.example", file="other")
    return trust


@pytest.fixture
def site(tmp_path: Path, trust: Trust) -> Iterator[SecureSite]:
    """A site."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(tmp_path / "log")))
        yield stack.enter_context(SecureSite(tmp_path, trust, int(origin.line())))


@pytest.fixture
def spoken(site: SecureSite, trust: Trust, program: Callable[[str], str]) -> Spoken:
    """How to ask it."""

    def speak(*options: str, name: str = NAME) -> str:
        command = [program("openssl"), "s_client", "-connect", f"{HOST}:{site.port}", "-servername", name]
        command += ["-CAfile", trust.ca, "-ign_eof"]
        return told(*command, *options)

    return speak


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request(spoken: Spoken, version: str) -> None:
    """A site is asked, with its certificate verified, in both versions, and it answers and closes in order."""
    told = spoken(version, "-verify_return_error", "-verify_hostname", NAME)
    assert "Verify return code: 0 (ok)" in told
    assert "\nfound" in told
    assert "Compression: NONE" in told
    assert "unexpected eof" not in told


@pytest.mark.parametrize("version", OLD)
def test_old_versions(spoken: Spoken, version: str) -> None:
    """TLS 1.0 and 1.1 are refused with an alert that says so."""
    told = spoken(version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in told
    assert "found" not in told


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "aNULL", "eNULL"])
def test_weak_ciphers(spoken: Spoken, ciphers: str) -> None:
    """Ciphers without forward secrecy, AEAD, a certificate or any secrecy are refused."""
    told = spoken("-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0")
    assert "alert handshake failure" in told


@pytest.fixture
def talk(site: SecureSite, trust: Trust, program: Callable[[str], str]) -> Callable[[str], Program]:
    """Connects s_client, which is then told what to do."""
    command = [program("openssl"), "s_client", "-connect", f"{HOST}:{site.port}", "-CAfile", trust.ca, "-servername"]
    return lambda version: Program(*command, NAME, version)


def test_renegotiation(talk: Callable[[str], Program]) -> None:
    """A client that asks for a new handshake on its connection is refused it."""
    with talk("-tls1_2") as client:
        client.says("Verify return code")
        client.tell("R")
        client.says("RENEGOTIATING")
        client.says("no renegotiation")


def test_new_keys(talk: Callable[[str], Program]) -> None:
    """A client may change its keys, and have ours changed, and is served with them."""
    with talk("-tls1_3") as client:
        client.says("Verify return code")
        for order in "kKkK":
            client.out = ""
            client.tell(order)
            client.says("KEYUPDATE")
        client.tell(ASKED)
        client.says("found")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed(spoken: Spoken, tmp_path: Path, version: str) -> None:
    """A client that comes again with its session has it resumed, once and again."""
    session = str(tmp_path / "session")
    assert "\nNew, TLSv1" in spoken(version, "-sess_out", session)
    for _ in range(3):
        told = spoken(version, "-sess_in", session, "-sess_out", session)
        assert "\nReused, TLSv1" in told
        assert "\nfound" in told


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_not_resumed_for_another_name(spoken: Spoken, tmp_path: Path, version: str) -> None:
    """A session that was made for one name is worth nothing for another: that takes a handshake of its own."""
    session = str(tmp_path / "session")
    assert "\nNew, TLSv1" in spoken(version, "-sess_out", session)
    told = spoken(version, "-sess_in", session, name="other.example")
    assert "\nNew, TLSv1" in told
    assert re.search(r"subject=CN ?= ?other\.example", told)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_not_resumed_where_clients_are_verified(
    tmp_path: Path, trust: Trust, program: Callable[[str], str], version: str
) -> None:
    """A session of a port that asks nobody for a certificate lets nobody in where one is required."""
    open_port, closed_port = free_ports(2)
    text = f"""
pool = Pool("pool", backends=["{HOST}:1"])
config = Config([
    HTTPListener("tcp:{open_port}:interface={HOST}", pool=pool, tls=TLS({trust.tls})),
    HTTPListener("tcp:{closed_port}:interface={HOST}", pool=pool,
                 tls=TLS({trust.tls}, clients="required", client_ca={trust.ca!r})),
])
"""
    session = str(tmp_path / "session")
    command = [program("openssl"), "s_client", "-servername", NAME, "-ign_eof", version]
    with Process("--config", written(tmp_path, text), twist=LEAN) as process:
        process.says(f"HTTP on tcp:{closed_port}")
        first = told(*command, "-connect", f"{HOST}:{open_port}", "-sess_out", session)
        then = told(*command, "-connect", f"{HOST}:{closed_port}", "-sess_in", session)
    assert "\nNew, TLSv1" in first
    assert "HTTP/1.1 502" in first
    assert "Reused" not in then
    assert "HTTP/1.1" not in then
    assert "alert" in then


def told(*command: str) -> str:
    """What s_client says that asks for something."""
    done = subprocess.run(command, input=ASKED, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stdout + done.stderr
