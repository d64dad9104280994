"""The balancers under measurement: their configs, and their start."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

from balancer.config import load
from balancer.interfaces import Kind
from benchmarks.peers import HERE, PEERS, Peer, PeerFailed, filled, free_ports, start
from benchmarks.processes import children_of

CORE = min(os.sched_getaffinity(0))
KINDS = [Kind.HTTP, Kind.HTTP, Kind.TCP, Kind.TCP, Kind.UDP]
BACKENDS = ("backend1", "backend2", "backend_iperf", "backend_udp", "backend_ws")


def test_only_known_placeholders_are_filled() -> None:
    """Braces that name no value stay, so that a config may have its own."""
    assert filled("{ listen {port}; {other} }", {"port": "1"}) == "{ listen 1; {other} }"


def test_our_config_is_without_mistake(tmp_path: Path) -> None:
    """Filled with ports, the config of the balancer has a listener for every workload."""
    config = tmp_path / "config.py"
    config.write_text(filled(PEERS["ours"].config, free_ports((*PEERS["ours"].ports, *BACKENDS))))
    assert [listener.kind for listener in load(str(config)).listeners] == KINDS


@pytest.mark.parametrize("peer", PEERS.values(), ids=lambda peer: peer.name)
def test_configs_leave_nothing_to_be_filled(peer: Peer) -> None:
    """Every placeholder of a config has a value, and every port of a peer stands in its config."""
    given = (*peer.ports, *BACKENDS, "dir", "pem", "stream_module")
    text = filled(peer.config, dict.fromkeys(given, "1"))
    assert re.findall(r"\{\w+\}", text) == []
    assert all(f"{{{port}}}" in peer.config for port in peer.ports)


def test_our_peer_file_names_our_config() -> None:
    """The file for other benchmark programs starts the balancer with the config beside it."""
    peer = tomllib.loads((HERE / "ours.toml").read_text())
    assert (HERE / peer["config"]).is_file()
    assert peer["cmd"].split()[-4:] == ["--log-level=warn", "balancer", "--config", "{config}"]


def test_peer_that_is_not_installed_is_named_so(tmp_path: Path) -> None:
    """A program that is not there is no error but a reason to leave the peer out."""
    with pytest.raises(PeerFailed, match="not installed"):
        start(Peer("absent", "", ("no-such-balancer",)), {}, CORE, tmp_path)


def test_peer_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The reason is the peer's own last words, and nothing of it is left running."""
    peer = Peer("broken", "", (sys.executable, "-Sc", "import sys; sys.exit('no {port_h1}')"), ("port_h1",))
    with pytest.raises(PeerFailed, match=r"exited with status 1: no \d+"):
        start(peer, {}, CORE, tmp_path)
    assert list(children_of(os.getpid())) == []
