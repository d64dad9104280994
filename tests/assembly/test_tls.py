"""How listeners speak TLS as parts: read once for all that share it, and no start without."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.assembly.tls import certificates_of, contexts_of
from balancer.config import TLS
from balancer.core.hello import ClientHello
from balancer.errors import ServerNameRefused, StartError
from tests.assembly.parts import assembled, relay
from tests.net.authority import Authority
from tests.net.house import listening
from tests.net.tls.meeting import Client

AUTHORITY = Authority()


def test_listeners_share_what_is_read(tmp_path: Path) -> None:
    """Listeners with the same TLS share its certificates, its files are watched once, and each speaks its protocols."""
    parts, settings = assembled(relay()), TLS(AUTHORITY.leaf("a.example").store(tmp_path))
    http, tcp = contexts_of(parts, settings, ("http/1.1",)), contexts_of(parts, settings, ())
    assert contexts_of(parts, settings, ()) is tcp
    assert list(parts.reloads) == list(parts.certificates) == [settings]
    speaking = Client(alpn=[b"h2", b"http/1.1"])
    assert speaking.meet(http.choose(None)).alpn == b"http/1.1"
    assert speaking.meet(tcp.choose(None)).alpn == b""
    own = TLS(settings.certificates, alpn=["h2"])
    assert speaking.meet(contexts_of(parts, own, own.alpn).choose(None)).alpn == b"h2"


def test_every_setting_arrives(tmp_path: Path) -> None:
    """What the user has set is how certificates are read and presented."""
    parts, revoked = assembled(relay()), AUTHORITY.leaf("me")
    path = AUTHORITY.leaf("a.example").store(tmp_path, passphrase=b"secret")
    other = AUTHORITY.leaf("b.example").store(tmp_path, "other")
    (tmp_path / "crl").write_bytes(AUTHORITY.crl(revoked))
    settings = TLS(
        [path, other],
        passphrase=lambda asked: "secret" if asked == path else "",
        default="b.example",
        profile="strict",
        clients="optional",
        client_ca=AUTHORITY.store(tmp_path, "ca"),
        client_crl=str(tmp_path / "crl"),
        keylog=str(tmp_path / "keys"),
    )
    contexts = contexts_of(parts, settings, ())
    met = Client(identity=revoked).meet(contexts.choose(None), None)
    assert (met.version, met.verdict.error) == ("TLSv1.3", "it is revoked")
    assert met.shown == certificates_of(parts, settings).credentials.pairs[1].certificate
    assert b"CLIENT_TRAFFIC_SECRET_0" in (tmp_path / "keys").read_bytes()
    parts.close()
    strict = contexts_of(parts, TLS(other, strict=True), ())
    with pytest.raises(ServerNameRefused):
        strict.choose(ClientHello("c.example"))


def test_no_start_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read, and a log of keys that cannot be written, stop the start with a line that says why."""
    monkeypatch.chdir(tmp_path)
    parts = assembled(relay())
    with pytest.raises(StartError) as caught:
        contexts_of(parts, TLS("a.pem"), ())
    reason = "cannot be read: No such file or directory; give a file that the balancer may read"
    assert str(caught.value) == f"TLS 'a.pem': a.pem: {reason}"
    path = AUTHORITY.leaf("a.example").store(tmp_path)
    with pytest.raises(
        StartError, match=r"keylog: '.*': Not a directory; give the path of a file that the balancer may"
    ):
        contexts_of(parts, TLS(path, keylog=f"{path}/keys"), ())


def test_what_is_read_anew_is_told(tmp_path: Path) -> None:
    """The operator is told what is read anew, and what stays since it cannot be."""
    parts, settings = assembled(relay()), TLS(AUTHORITY.leaf("a.example").store(tmp_path))
    contexts = contexts_of(parts, settings, ())
    with listening() as events:
        new = AUTHORITY.leaf("a.example")
        new.store(tmp_path)
        parts.reloads[settings].now()
        (tmp_path / "site.pem").write_bytes(new.pem)
        parts.reloads[settings].now()
    assert Client().meet(contexts.choose(None)).shown == new.certificate
    path = tmp_path / "site.pem"
    refusal = "there is no key for the certificate of a.example, there is no key at all; give its key as well"
    assert [(event["log_level"].name, event["line"]) for event in events] == [
        ("info", "its files were read anew"),
        ("warn", f"{path}: {refusal}; what was there before stays in use"),
    ]
