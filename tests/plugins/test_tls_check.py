"""A TLS handshake and the certificate that it shows, with a server in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin
from balancer.plugins.health import TLSCheck
from tests.net.authority import EXPIRED, FUTURE, PAST, Authority, Leaf
from tests.plugins.examined import Examination, FakeTarget

AUTHORITY = Authority()
LEAF = AUTHORITY.leaf("a.example", "192.0.2.9")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def ca(tmp_path: Path) -> str:
    """The path of the authority's certificate."""
    return AUTHORITY.store(tmp_path)


class Server:
    """The other side of a handshake; `asked` is the name that it was asked for."""

    def __init__(self, leaf: Leaf, *, version: int = SSL.TLS1_3_VERSION) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_max_proto_version(version)
        context.use_certificate(leaf.certificate)
        for one in leaf.chain:
            context.add_extra_chain_cert(one)
        context.use_privatekey(leaf.key)
        self.connection = SSL.Connection(context, None)
        self.connection.set_accept_state()

    def shake(self, examined: Examination) -> Examination:
        """Carry bytes to and fro as long as there are any."""
        transport: Any = examined.target.transport
        while said := transport.value():
            transport.clear()
            self.connection.bio_write(said)
            try:
                self.connection.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                break
            self._answer(examined)
        return examined

    def _answer(self, examined: Examination) -> None:
        try:
            examined.says(self.connection.bio_read(65536))
        except SSL.WantReadError:
            return


def shaken(check: TLSCheck, leaf: Leaf = LEAF, address: str = "a.example:443", **server: Any) -> Examination:
    """A check whose handshake with a server of that certificate is over."""
    target = FakeTarget(address=address, wall=NOW.timestamp)
    return Server(leaf, **server).shake(Examination(check, target))


def ending(days: float) -> Leaf:
    """A certificate that ends so many days from now."""
    return AUTHORITY.leaf("a.example", valid=(PAST, NOW + timedelta(days=days)))


def test_provides_the_interface() -> None:
    """It is a health check that wants connections in the clear, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, TLSCheck())
    assert IPlugin.providedBy(TLSCheck)
    assert IHealthCheckPlugin.providedBy(TLSCheck)
    assert TLSCheck.plain


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("address", ["a.example:443", "192.0.2.9:443"])
def test_a_handshake(ca: str, address: str, version: int) -> None:
    """A handshake with who was meant is health, by name or address, and the connection is closed."""
    examined = shaken(TLSCheck(ca=ca), address=address, version=version)
    assert examined.outcome[0].detail.startswith("its certificate ends in ")
    assert examined.target.protocol.disconnecting
    examined.ends()
    assert len(examined.outcome) == 1


@pytest.mark.parametrize(
    ("check", "address", "name"),
    [
        (TLSCheck(), "a.example:443", b"a.example"),
        (TLSCheck(), "a.example.:443", b"a.example"),
        (TLSCheck(name="b.example"), "a.example:443", b"b.example"),
        (TLSCheck(name="b.example"), "/run/a.sock", b"b.example"),
        (TLSCheck(), "[::1]:443", None),
        (TLSCheck(verify=False), "/run/a:443", None),
    ],
)
def test_asks_for_a_name(check: TLSCheck, address: str, name: bytes | None) -> None:
    """The backend's host is asked for, if it is a name, or the name that was set."""
    server = Server(LEAF)
    server.shake(Examination(check, FakeTarget(address=address)))
    assert server.connection.get_servername() == name


@pytest.mark.parametrize(
    ("leaf", "address", "evidence"),
    [
        (LEAF, "b.example:443", "its certificate is not for b.example"),
        (LEAF, "192.0.2.1:443", "its certificate is not for 192.0.2.1"),
        (LEAF, "/run/a.sock", "it has no name that its certificate could be for; give TLSCheck(name=...)"),
        (
            AUTHORITY.leaf("a.example", valid=EXPIRED),
            "a.example:443",
            "its certificate is not accepted: it has expired",
        ),
        (
            AUTHORITY.leaf("a.example", purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
            "a.example:443",
            "its certificate is not accepted: it is not for this purpose",
        ),
        (
            Authority("Other").leaf("a.example"),
            "a.example:443",
            "its certificate is not accepted: its issuer is not known",
        ),
    ],
)
def test_a_certificate_that_is_not_accepted(ca: str, leaf: Leaf, address: str, evidence: str) -> None:
    """What is wrong with the certificate is the evidence, and with `verify=False` of no concern."""
    assert shaken(TLSCheck(ca=ca), leaf, address).evidence == evidence
    lenient = TLSCheck(0, verify=False)
    expired = leaf.certificate.not_valid_after_utc < NOW
    assert hasattr(shaken(lenient, leaf, address).outcome[0], "detail") is not expired


def test_the_system_s_authorities() -> None:
    """Without `ca` those of the system are believed, who do not know ours."""
    assert shaken(TLSCheck()).evidence == "its certificate is not accepted: its issuer is not known"


@pytest.mark.parametrize(
    ("days", "left", "healthy"), [(14, 14.5, True), (14, 13.5, False), (0, 0.01, True), (0, -1, False)]
)
def test_days_left(days: float, left: float, healthy: bool) -> None:
    """A certificate that ends too soon is a failure, and when it ends is told."""
    examined = shaken(TLSCheck(days, verify=False), ending(left))
    at = f"{NOW + timedelta(days=left):%Y-%m-%d %H:%M} UTC"
    said = examined.outcome[0].detail if healthy else examined.evidence
    assert said == f"its certificate ends in {left:.1f} days, at {at}" + (
        "" if healthy else f"; {days} or more are wanted"
    )


def test_what_is_no_tls() -> None:
    """A backend that speaks something else, or leaves, is told as that."""
    wrong = Examination(TLSCheck()).says(b"SSH-2.0-OpenSSH\r\n").ends()
    assert wrong.evidence == "no TLS: wrong version number"
    alert = Examination(TLSCheck()).says(b"\x15\x03\x03\0\x02\x02\x28").ends()
    assert "alert handshake failure" in alert.evidence
    assert Examination(TLSCheck()).ends().evidence == "no TLS: the connection ended during the handshake"


def test_a_flood() -> None:
    """What is no handshake ends it, however much it is."""
    examined = Examination(TLSCheck()).says(b"\x16\x03\x03\x40\0" + b"x" * 2**20)
    assert examined.ends().evidence.startswith("no TLS: ")


def test_a_cancelled_handshake() -> None:
    """Whoever is cancelled closes the connection."""
    examined = Examination(TLSCheck())
    examined.running.cancel()
    assert examined.outcome[0].check(CancelledError)
    assert examined.target.protocol.disconnecting
    connecting = Examination(TLSCheck(), FakeTarget(answer=Deferred()))
    connecting.running.cancel()
    assert connecting.outcome[0].check(CancelledError)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_authorities_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A file of authorities that is of no use is told at every check, until it is."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    check = TLSCheck(ca=str(path))
    for _ in range(2):
        assert Examination(check).evidence == f"the certificates of authorities in '{path}' cannot be read"
    AUTHORITY.store(tmp_path)
    assert shaken(check).outcome[0].detail


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"days": -1}, "days: -1 is not a number of days from 0 up; "),
        ({"days": "14"}, "days: '14' is not a number "),
        ({"name": ""}, "name: '' is no name; "),
        ({"name": "https://a"}, "name: 'https://a' is no name; "),
        ({"name": "gr\u00fcn.example"}, "name: 'gr\u00fcn.example' is no name; "),
        ({"ca": ""}, "ca: '' is no path of a PEM file"),
        ({"verify": None}, "verify: None is neither True nor False"),
        ({"ca": "/ca.pem", "verify": False}, "ca: '/ca.pem' would be ignored, for verify=False; "),
    ],
)
def test_refuses_settings_that_could_not_work(settings: dict[str, Any], mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy."""
    with pytest.raises(ConfigError) as caught:
        TLSCheck(**settings)
    (line,) = caught.value.mistakes
    assert line.startswith(f"TLSCheck: {mistake}")


def test_are_values() -> None:
    """Checks made alike are equal and hash alike, used or not."""
    used = TLSCheck(verify=False)
    assert shaken(used, AUTHORITY.leaf("a.example", valid=(PAST, FUTURE))).outcome
    assert {used, TLSCheck(verify=False)} == {used}
