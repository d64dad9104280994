"""HTTP over TLS in a whole balancer: what routes, filters, backends and logs know of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from balancer.config import TLS, AccessLog, HTTPListener, Pool, Route, TCPListener
from balancer.core.proxy_protocol import ProxyReader
from balancer.plugins.filters import HSTS, ClientCertificateHeaders, Respond
from balancer.plugins.matchers import ClientCertificate, Scheme
from balancer.plugins.matchers import Path as At
from tests.net.authority import EXPIRED, Authority, Leaf
from tests.net.house import FRONT, House, answer, lines, listening, request
from tests.net.tls.calling import visitor

ROOT, STAFF = Authority("Root"), Authority("Staff")
MEMBER = STAFF.leaf("spiffe://example/staff/jo", subject="jo")
GUESTS = [
    STAFF.leaf("spiffe://example/staff/jo", valid=EXPIRED),
    Authority("Staff").leaf("spiffe://example/staff/jo"),
]


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """The settings of TLS for a.example that asks clients for a certificate."""
    certificates = ROOT.leaf("a.example", "b.example").store(tmp_path)
    return {"certificates": certificates, "clients": "optional", "client_ca": STAFF.store(tmp_path)}


def site(house: House, tls: dict[str, Any], **settings: Any) -> Any:
    """Open a site over TLS before one backend, which is returned."""
    far = house.far()
    pool = Pool("site", backends=["127.0.0.1:9001"])
    settings = {"routes": Route(pool=pool)} | settings
    house.open(HTTPListener(f"tcp:{FRONT}", tls=TLS(**tls), **settings))
    return far


def got(path: str = "/", host: str = "a.example", *fields: str) -> bytes:
    """A request to that host."""
    return request(f"GET {path}", *fields).replace(b"host: site", f"host: {host}".encode())


def test_backends_and_browsers_are_told(house: House, tls: dict[str, Any]) -> None:
    """A backend hears of https and the port, a browser of HSTS, and routes match the scheme."""
    pool = Pool("site", backends=["127.0.0.1:9001"])
    far = site(house, tls, routes=Route(Scheme("https"), pool, filters=HSTS()))
    client = visitor(house)
    client.say(got())
    heard = far.last.hear()
    assert b"\r\nx-forwarded-proto: https\r\n" in heard
    assert f"\r\nx-forwarded-port: {FRONT}\r\n".encode() in heard
    far.last.say(answer(b"hello"))
    assert b"\r\nstrict-transport-security: max-age=31536000\r\n" in client.hear()


def test_a_route_of_its_own_for_those_who_are_known(house: House, tls: dict[str, Any]) -> None:
    """Where certificates are optional a route can require one, and its backend is told whose; no other gets there."""
    pool = Pool("site", backends=["127.0.0.1:9001"])
    known = ClientCertificate(names="URI:spiffe://example/staff/*")
    routes = [
        Route(At("/admin") & known, pool, filters=ClientCertificateHeaders()),
        Route(At("/admin"), filters=Respond(403)),
        Route(pool=pool, filters=ClientCertificateHeaders()),
    ]
    far = site(house, tls, routes=routes)
    forged = "X-Client-Certificate-Verified: yes"
    member = visitor(house, MEMBER)
    member.say(got("/admin", "a.example", forged))
    heard = far.last.hear()
    assert heard.count(b"x-client-certificate-verified: ") == 1
    assert b"\r\nx-client-certificate-verified: yes\r\n" in heard
    assert b"\r\nx-client-certificate-subject: CN=jo\r\n" in heard
    assert b"\r\nx-client-certificate-names: URI:spiffe://example/staff/jo\r\n" in heard
    far.last.say(answer())
    for guest in (None, *GUESTS):
        client = visitor(house, guest)
        client.say(got("/admin", "a.example", forged))
        assert client.hear().startswith(b"HTTP/1.1 403 ")
        client.say(got("/", "a.example", forged))
        heard = far.last.hear()
        assert b"-verified: yes" not in heard
        assert (b"x-client-certificate-verified: no: " in heard) is (guest is not None)
        assert b"x-client-certificate-subject" not in heard
        far.last.say(answer())


def test_requests_for_another_host(house: House, tls: dict[str, Any]) -> None:
    """A request for another host than its connection's is told 421, but for those that are allowed."""
    far = site(house, tls | {"other_hosts": ["*.b.example"]})
    client = visitor(house)
    with listening() as told:
        client.say(got("/", "c.example"))
        assert client.hear().startswith(b"HTTP/1.1 421 Misdirected Request\r\n")
    why = "the host is not the one that its TLS connection was made for; see TLS(other_hosts=...)"
    assert lines(told) == [f"421 misdirected: {why}, client 127.0.0.1, 1 so far"]
    for host in ("a.example", "A.example:443", "x.b.example"):
        client.say(got("/", host))
        far.last.say(answer(b"hello"))
        assert client.hear().endswith(b"hello")
    client.say(got("/", "c.example"))
    assert client.hear().startswith(b"HTTP/1.1 421 ")


def test_http_to_a_port_of_tls(house: House, tls: dict[str, Any]) -> None:
    """Who forgets the s is answered in his own language."""
    site(house, tls)
    client = house.client(request())
    heard = client.hear()
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"use https://" in heard
    client.close()


def test_a_log_of_tls(house: House, tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line tells version, cipher, name and certificate, and why the latter was not believed."""
    logged: list[str] = []
    log: Any = type("Log", (), {"add": staticmethod(logged.append)})
    monkeypatch.setattr("balancer.assembly.logs.AccessLog", lambda *_where, **_how: log)
    far = site(house, tls, access_log=AccessLog("-"))
    for identity in (MEMBER, GUESTS[0], None):
        client = visitor(house, identity)
        client.say(got())
        far.last.say(answer())
    member, guest, nobody = (json.loads(line) for line in logged)
    for told in (member, guest, nobody):
        assert (told["scheme"], told["tls_version"], told["server_name"]) == ("https", "TLSv1.3", "a.example")
    assert (member["certificate_subject"], member["certificate_error"]) == ("CN=jo", None)
    assert guest["certificate_error"] == "it has expired"
    assert (nobody["certificate_subject"], nobody["certificate_fingerprint"]) == (None, None)


@pytest.mark.parametrize("identity", [MEMBER, None], ids=["a member", "nobody"])
def test_a_relay_tells_its_backend(house: House, tls: dict[str, Any], identity: Leaf | None) -> None:
    """A listener that ends TLS of any protocol tells its backend of it by a PROXY header."""
    far, pool = house.far(), Pool("site", backends=["127.0.0.1:9001"])
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool, tls=TLS(**tls), send_proxy="v2"))
    client = visitor(house, identity)
    client.say(b"hello")
    read = ProxyReader().receive(far.last.hear())
    assert read is not None
    header, rest = read
    assert header is not None
    assert (header.server_name, rest) == ("a.example", b"hello")
    assert header.tls is not None
    assert (header.tls.version, header.tls.client_verified) == ("TLSv1.3", identity is not None)
    assert header.tls.cn == (None if identity is None else "jo")


def test_a_relay_for_those_who_are_known(house: House, tls: dict[str, Any]) -> None:
    """A route of a listener of TCP can require a certificate; all others are turned away."""
    far, pool = house.far(), Pool("site", backends=["127.0.0.1:9001"])
    routes = [Route(ClientCertificate(names="URI:spiffe://example/staff/*"), pool), Route(refuse=True)]
    house.open(TCPListener(f"tcp:{FRONT}", routes=routes, tls=TLS(**tls)))
    client = visitor(house, MEMBER)
    client.say(b"hello")
    assert far.last.hear() == b"hello"
    far.last.say(b"welcome")
    assert client.hear() == b"welcome"
    for guest in (None, *GUESTS):
        assert visitor(house, guest).wire.gone
    assert len(far.calls) == 1
