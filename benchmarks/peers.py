"""The balancers that are compared, each as one process or one worker with logs off, and how each is started.

All of them listen, all the time, on ports of their own; whoever is not at work costs nothing. A peer that is not
installed, or does not start, is left out and named. Refuses to measure.
"""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import attrs

from benchmarks.certificates import certificate
from benchmarks.load import NAME
from benchmarks.processes import Program

HERE = Path(__file__).parent
BACKEND_PORTS = ("backend1", "backend2", "backend_iperf", "backend_udp", "backend_source")
"""What the configs call the ports of `backends.py`, in its order."""
NO_WEBSOCKET = {"backend_ws": "1"}
"""What a config calls a backend that is never asked for here."""
PORTS = ("port_h1", "port_tls", "port_l4", "port_bulk", "port_udp")
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""Where Debian keeps what other builds of nginx have inside."""
STARTS_WITHIN = 20.0
"""Seconds that a peer has to listen."""

HAPROXY = """
global
    nbthread 1
    log /dev/null local0 emerg
defaults
    mode tcp
    timeout connect 5s
    timeout client 120s
    timeout server 120s
    backlog 4096
    balance roundrobin
listen h1
    mode http
    option forwardfor
    http-reuse always
    bind 127.0.0.1:{port_h1}
    server a 127.0.0.1:{backend1} check inter 2s
    server b 127.0.0.1:{backend2} check inter 2s
listen tls
    mode http
    option forwardfor
    http-reuse always
    bind 127.0.0.1:{port_tls} ssl crt {pem} ssl-min-ver TLSv1.2
    server a 127.0.0.1:{backend1} check inter 2s
    server b 127.0.0.1:{backend2} check inter 2s
listen l4
    bind 127.0.0.1:{port_l4}
    server a 127.0.0.1:{backend1} check inter 2s
    server b 127.0.0.1:{backend2} check inter 2s
listen bulk
    bind 127.0.0.1:{port_bulk}
    server a 127.0.0.1:{backend_iperf}
"""

NGINX = """
{stream_module}
worker_processes 1;
daemon off;
pid {dir}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; multi_accept on; }
http {
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_requests 1000000000;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    upstream web {
        server 127.0.0.1:{backend1};
        server 127.0.0.1:{backend2};
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:{port_h1} backlog=4096;
        location / { proxy_pass http://web; }
    }
    server {
        listen 127.0.0.1:{port_tls} ssl backlog=4096;
        ssl_certificate {pem};
        ssl_certificate_key {pem};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:8m;
        location / { proxy_pass http://web; }
    }
}
stream {
    upstream l4 {
        server 127.0.0.1:{backend1};
        server 127.0.0.1:{backend2};
    }
    server { listen 127.0.0.1:{port_l4} backlog=4096; proxy_pass l4; }
    server { listen 127.0.0.1:{port_bulk}; proxy_pass 127.0.0.1:{backend_iperf}; }
    server { listen 127.0.0.1:{port_udp} udp; proxy_pass 127.0.0.1:{backend_udp}; }
}
"""


@attrs.frozen
class Peer:
    """How a balancer is started: its config, a template, and its command; `ports` are those it listens on."""

    name: str
    config: str
    command: tuple[str, ...]
    ports: tuple[str, ...] = PORTS


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "ours",
            (HERE / "ours_config.py").read_text(),
            (
                sys.executable,
                "-m",
                "twisted",
                "--log-level=warn",
                "balancer",
                "--config",
                "{config}",
            ),
        ),
        Peer("haproxy", HAPROXY, ("haproxy", "-db", "-f", "{config}"), PORTS[:-1]),
        Peer("nginx", NGINX, ("nginx", "-e", "stderr", "-c", "{config}")),
    )
}


class PeerFailed(Exception):
    """A peer cannot be measured; the message says why in a line."""


@attrs.frozen
class Running:
    """A peer that is listening."""

    program: Program
    ports: Mapping[str, str]


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{name}` of `values` replaced; other braces stay as they are."""
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def free_ports(names: tuple[str, ...]) -> dict[str, str]:
    """A port that nothing listens on for each name, all different, and below those that connections are given."""
    found: dict[str, str] = {}
    random = Random()
    with ExitStack() as closing:
        while len(found) < len(names):
            port = random.randint(10_240, 32_767)
            with suppress(OSError):  # somebody has it
                closing.enter_context(socket.create_server(("127.0.0.1", port)))
                found[names[len(found)]] = str(port)
    return found


def start(peer: Peer, backends: Mapping[str, str], core: int, folder: Path) -> Running:
    """Start a peer and wait until it listens; raises `PeerFailed`, with nothing left behind."""
    if shutil.which(peer.command[0]) is None:
        raise PeerFailed("not installed")
    home = folder / peer.name
    home.mkdir()
    ports = free_ports(peer.ports)
    module = f"load_module {STREAM_MODULE};" if STREAM_MODULE.exists() else ""
    values = {
        **NO_WEBSOCKET,
        **backends,
        **ports,
        "dir": str(home),
        "stream_module": module,
        "config": str(home / "config.py"),
        "pem": str(home / "site.pem"),
    }
    (home / "site.pem").write_bytes(certificate(NAME))
    (home / "config.py").write_text(filled(peer.config, values))
    program = Program([filled(word, values) for word in peer.command], core, log=home / "log")
    try:
        await_listening(program, [int(port) for name, port in ports.items() if name != "port_udp"])
    except PeerFailed as failure:
        program.stop()
        raise PeerFailed(f"{failure}: {(home / 'log').read_text().strip()[-300:]}") from None
    return Running(program, ports)


def await_listening(program: Program, ports: list[int]) -> None:
    """Return once all these ports accept connections; raises `PeerFailed` when that takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    for port in ports:
        while not accepts(port):
            if program.status is not None:
                raise PeerFailed(f"exited with status {program.status}")
            if time.monotonic() > deadline:
                raise PeerFailed(f"does not listen after {STARTS_WITHIN:g} s")
            time.sleep(0.05)


def accepts(port: int) -> bool:
    """Whether a connection to that port of this machine can be made."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
