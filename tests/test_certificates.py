"""The table of certificates: each with its names and its end, and what is wrong or remarkable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer import TLS, Config, HTTPListener, Pool, TCPListener
from balancer.certificates import certificates, holdings
from balancer.config import Listener
from balancer.errors import ConfigError
from balancer.net.tls.credentials import DAY
from tests.assembly.acmes import site, stored, wish
from tests.net.authority import FUTURE, PAST, Authority

ROOT = Authority()
SITE = Pool("site", backends=["a:1"])
SHORT = (PAST, PAST + timedelta(days=90))


def now() -> float:
    """Ten days before the end of what is short."""
    return PAST.timestamp() + 80 * DAY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where certificates are, and the test as well."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_whole_table(folder: Path) -> None:
    """Each certificate is a line, once though listeners or several TLS share it, and warnings follow."""
    ROOT.below().leaf("a.example", "192.0.2.1").store(folder, "a")
    ROOT.leaf("b.example", kind="rsa", valid=SHORT).store(folder, "b")
    shared = TLS(["a.pem", "b.pem"], keylog="keys.log")
    listeners: list[Listener] = [
        HTTPListener("tcp:443", tls=shared, pool=SITE),
        TCPListener("tcp:444", tls=shared, pool=SITE),
    ]
    listeners.append(TCPListener("tcp:445", tls=TLS("a.pem"), pool=SITE))
    plain = HTTPListener("tcp:80", pool=SITE)
    assert list(certificates(Config([*listeners, plain]), now)) == [
        "CERTIFICATE OF        KEY              CHAIN  EXPIRES     DAYS LEFT  FILE",
        "a.example, 192.0.2.1  ECDSA secp256r1  1      2119-12-08  36420      a.pem",
        "b.example             RSA 2048         0      2020-03-31  10         b.pem",
        "warning: TLS 'a.pem': b.pem: the certificate of b.example expires on 2020-03-31, in 10 days; renew it",
        "warning: TLS 'a.pem': keylog: the secrets of all connections are written to keys.log",
    ]
    assert list(certificates(Config(plain), now)) == []


def test_everything_that_would_stop_the_start(folder: Path) -> None:
    """What cannot be read or presented is told in a line each, of every TLS, and the same line once."""
    ROOT.leaf("a.example").store(folder, "a")
    nothing, again, nonsense = TLS("gone.pem"), TLS("gone.pem"), TLS("a.pem", ciphers="NONSENSE")
    every = enumerate((nothing, again, nonsense), 1)
    config = Config([TCPListener(f"tcp:{port}", tls=tls, pool=SITE) for port, tls in every])
    with pytest.raises(ConfigError) as caught:
        list(certificates(config, now))
    assert caught.value.mistakes == (
        "TLS 'gone.pem': gone.pem: cannot be read: No such file or directory; give a file that the balancer may read",
        "TLS 'a.pem': ciphers: OpenSSL offers none of 'NONSENSE'; give names that it has, such as 'ECDHE+AESGCM'",
    )


def test_holdings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told of: that there is none, until when it is good, what it lacks, and why it cannot be looked at."""
    now = FUTURE.timestamp() - 30.5 * DAY
    acme = wish(tmp_path, "a.example", "b.example")
    config = Config(site(acme))
    (line,) = holdings(config, now)
    assert line == "ACME 'a.example': there is no certificate yet; it is obtained when the balancer runs"
    stored(acme, "a.example")
    (line,) = holdings(config, now)
    assert (
        line == f"ACME 'a.example': there is a certificate until {FUTURE:%Y-%m-%d}, in 30.5 days, but not for b.example"
    )
    stored(acme)
    (line,) = holdings(config, now)
    assert line.endswith("in 30.5 days")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert list(holdings(config, now)) == [f"ACME 'a.example': {acme.certificate}: cannot be read: Permission denied"]
