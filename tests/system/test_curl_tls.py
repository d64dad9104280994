"""A site over TLS as a process, with curl for a client: with certificates of its own, for other hosts, without TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.net.authority import EXPIRED, Authority
from tests.ports import free_ports
from tests.system.process import HOST, Orderly

NAMES = ("a.example", "b.example")
CONFIG = """
from balancer import TLS, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackend, DemoBackends
from balancer.plugins.filters import ClientCertificateHeaders, Redirect, Respond
from balancer.plugins.matchers import ClientCertificate, Path

pool = Pool("site", backends=["127.0.0.1:{0}"])
known = ClientCertificate(names="URI:spiffe://example/staff/*")
tls = TLS("{5}/site.pem", clients="optional", client_ca="{5}/staff.pem")
routes = [
    Route(Path("/headers") & known, pool, filters=ClientCertificateHeaders()),
    Route(Path("/headers"), filters=Respond(403, "who are you?")),
    Route(pool=pool),
]
config = Config(
    [
        HTTPListener("tcp:{3}:interface=127.0.0.1", routes=Route(filters=Redirect(scheme="https", port={4}))),
        HTTPListener("tcp:{4}:interface=127.0.0.1", tls=tls, routes=routes),
    ],
    drain=1,
    companions=[DemoBackends([DemoBackend("b1", http={0}, echo={1})], control={2})],
)
"""
Curl = Callable[..., "subprocess.CompletedProcess[bytes]"]


class Secured(Orderly):
    """The process; `port` is that of TLS, `plain` that without."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(5)
        self.plain, self.port = ports[3:]
        config = folder / "conf.py"
        config.write_text(CONFIG.format(*ports, folder))
        super().__init__("--config", str(config))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates of all."""
    folder = tmp_path_factory.mktemp("secured")
    root, staff = Authority("Root"), Authority("Staff")
    root.store(folder, "root")
    root.leaf(*NAMES).store(folder)
    staff.store(folder, "staff")
    staff.leaf("spiffe://example/staff/jo", subject="jo").store(folder, "member")
    staff.leaf("spiffe://example/staff/jo", valid=EXPIRED).store(folder, "late")
    Authority("Staff").leaf("spiffe://example/staff/jo").store(folder, "stranger")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Secured]:
    """The process, running."""
    with Secured(folder) as site:
        site.says(f"HTTP on tcp:{site.plain}:")
        site.says(f"HTTP on tcp:{site.port}:")
        yield site


@pytest.fixture
def curl(program: Callable[[str], str], folder: Path, site: Secured) -> Curl:
    """Runs curl, which finds both names here and trusts the root."""
    command = [program("curl"), "--silent", "--show-error", "--include", "--http1.1", "--max-time", "20"]
    command += ["--cacert", str(folder / "root.pem")]
    for name in NAMES:
        command += ["--resolve", f"{name}:{site.port}:{HOST}", "--resolve", f"{name}:{site.plain}:{HOST}"]

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *arguments], capture_output=True, check=False)

    return run


def test_a_route_for_known_clients(curl: Curl, site: Secured, folder: Path) -> None:
    """Who shows a certificate of the staff is let in, and the backend is told; what else is shown or said is not."""
    url = f"https://a.example:{site.port}/headers"
    member = ["--cert", str(folder / "member.pem")]
    heard = curl(*member, "--header", "x-client-certificate-subject: CN=root", url).stdout
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"x-client-certificate-subject: CN=jo" in heard
    assert b"CN=root" not in heard
    for other in ([], ["--cert", str(folder / "late.pem")], ["--cert", str(folder / "stranger.pem")]):
        assert curl(*other, url).stdout.startswith(b"HTTP/1.1 403 ")
    assert curl(*member, url, url).stdout.count(b"x-client-certificate-verified: yes") == 2


def test_another_host(curl: Curl, site: Secured) -> None:
    """The host is that of the connection, or the answer is 421."""
    url = f"https://a.example:{site.port}/"
    assert curl("--header", "host: b.example", url).stdout.startswith(b"HTTP/1.1 421 ")
    assert curl(url, f"https://b.example:{site.port}/").stdout.count(b"HTTP/1.1 200 ") == 2


def test_the_way_to_tls(curl: Curl, site: Secured) -> None:
    """In the clear a client is sent to TLS, which curl follows; at the port of TLS it is told to come over TLS."""
    assert b"HTTP/1.1 200 " in curl("--location", f"http://a.example:{site.plain}/").stdout
    heard = curl(f"http://a.example:{site.port}/").stdout
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"use https://" in heard


def test_tls_where_there_is_none(curl: Curl, site: Secured) -> None:
    """A client that speaks TLS to the port of HTTP gets no answer, and the log says what is wrong."""
    done = curl(f"https://a.example:{site.plain}/")
    assert (done.returncode != 0, done.stdout) == (True, b"")
    site.says("400 tls-to-plain-port: it speaks TLS, and this port does not")
