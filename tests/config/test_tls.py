"""TLS in a config: what a user is told of settings that cannot be meant, and that what is right is taken as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.config import TLS, HTTPListener, Pool, TCPListener
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
NO_PATH = "is no path; give the path of a PEM file or of a folder, such as '/etc/balancer/certs'"
NO_HOURS = "is not a number of hours from 0.01 to 168; give one such as 12"
WRONG = {
    "": "TLS: certificates: there is none; give the path of a PEM file or of a folder, such as '/etc/balancer/certs'",
    "[]": "TLS: certificates: there is none; give the path of a PEM file or of a folder, such as '/etc/balancer/certs'",
    "7": f"TLS 7: certificates: 7 {NO_PATH}",
    "'a', client_ca=['', 'b'], clients='required'": f"TLS 'a': client_ca: '' {NO_PATH}",
    "'a', passphrase='secret'": "TLS 'a': passphrase: is no function; give one that is told the path of a file and "
    "returns what opens its key",
    "'a', acme='b.example'": "TLS 'a': acme: 'b.example' is not an ACME; "
    "give one such as ACME('example.com', storage='/var/lib/acme')",
    "acme=ACME('b.example', storage='s', agree_to_terms=True, challenge='tls-alpn-01'), passphrase=lambda path: b''": ""
    "TLS by ACME 'b.example': passphrase: would be ignored, for what acme obtains is not encrypted; leave it out",
    "'a', strict='yes'": "TLS 'a': strict: 'yes' is not a choice; give True or False",
    "'a', default='*.example.com'": "TLS 'a': default: '*.example.com' is no name; give one such as 'www.example.com'",
    "'a', default='b.example', strict=True": "TLS 'a': default: would be ignored, for with strict=True nobody is shown "
    "it; leave one of them out",
    "'a', profile='old'": "TLS 'a': profile: 'old' is not a choice; give 'modern' or 'compatible' or 'strict'",
    "'a', minimum=1.2": "TLS 'a': minimum: 1.2 is not a choice; give '1.2' or '1.3'",
    "'a', minimum='1.3', profile='strict'": "TLS 'a': minimum: would be ignored, for profile='strict' is TLS 1.3 "
    "alone; leave it out",
    "'a', ciphers=''": "TLS 'a': ciphers: '' is not text of one line; give a name in quotes",
    "'a', ciphers='ECDHE+AESGCM', minimum='1.3'": "TLS 'a': ciphers: would be ignored, for TLS 1.3 has its own; "
    "give some such as 'TLS_AES_128_GCM_SHA256'",
    "'a', ciphers='ECDHE+AESGCM', profile='strict'": "TLS 'a': ciphers: would be ignored, for TLS 1.3 has its own; "
    "give some such as 'TLS_AES_128_GCM_SHA256'",
    "'a', alpn=['', 'h1']": "TLS 'a': alpn: '' is no protocol's name; give one such as 'http/1.1'",
    "'a', clients='maybe', client_ca='b'": "TLS 'a': clients: 'maybe' is not a choice; "
    "give 'none' or 'optional' or 'required'",
    "'a', clients='required'": "TLS 'a': client_ca: there is none; give the PEM file of the authority that clients' "
    "certificates come from",
    "'a', client_ca='b'": "TLS 'a': client_ca: would be ignored with clients='none'; leave it out, or give 'required'",
    "'a', client_crl='b'": "TLS 'a': client_crl: would be ignored with clients='none'; leave it out, "
    "or give 'required'",
    "'a', ticket_hours=0": f"TLS 'a': ticket_hours: 0 {NO_HOURS}",
    "'a', ticket_hours=169": f"TLS 'a': ticket_hours: 169 {NO_HOURS}",
    "'a', ticket_hours='1'": f"TLS 'a': ticket_hours: '1' {NO_HOURS}",
    "'a', reload_every=0.5": "TLS 'a': reload_every: 0.5 is less than 1 seconds; give one such as 10",
    "'a', handshake_timeout=None": "TLS 'a': handshake_timeout: None is not a positive number of seconds; "
    "give one such as 10",
    "'a', max_handshakes=0": "TLS 'a': max_handshakes: 0 is not a whole number of at least 1",
    "'a', other_hosts='*'": "TLS 'a': other_hosts: '*' is no name; give some such as '*.example.com', or 'any'",
    "'a', other_hosts=5": "TLS 'a': other_hosts: 5 is no name; give some such as '*.example.com', or 'any'",
    "'a', keylog=True": "TLS 'a': keylog: True is no path of a file; give one such as '/tmp/keys.log'",
}


@pytest.mark.parametrize("given", WRONG)
def test_mistakes(told: Told, given: str) -> None:
    """What is wrong with a setting, or would change nothing, is told in a line with what to do."""
    kind = "TCPListener" if "alpn" in given else "HTTPListener"
    assert told(f"config = Config({kind}('tcp:1', tls=TLS({given}), pool=Pool('site', backends=['a:1'])))") == [
        WRONG[given]
    ]


def test_a_passphrase_is_not_waited_for(told: Told) -> None:
    """A passphrase that is a coroutine function would never be awaited, and that is told."""
    text = "async def ask(path): pass\nconfig = Config(HTTPListener('tcp:1', tls=TLS('a', passphrase=ask), pool=5))"
    assert told(text)[0] == "TLS 'a': passphrase: ask is asynchronous, but is not waited for; write def, not async def"


def test_all_that_is_right_is_taken() -> None:
    """Each setting that makes sense with the others is taken as it is given, and paths may stand without a list."""
    tls = TLS(
        Path("certs"),
        passphrase=lambda path: path,
        default="xn--bcher-kva.example",
        profile="compatible",
        minimum="1.2",
        ciphers="ECDHE+AESGCM:TLS_AES_128_GCM_SHA256",
        alpn="http/1.1",
        clients="optional",
        client_ca="ca.pem",
        client_crl=["crl.pem", "more.pem"],
        other_hosts=["*.example.com", "any"],
        keylog="keys.log",
    )
    assert (tls.certificates, tls.client_ca, tls.alpn) == (("certs",), ("ca.pem",), ("http/1.1",))
    assert HTTPListener("tcp:443", tls=tls, pool=SITE).tls is tls
    assert TCPListener("tcp:443", tls=TLS("a", strict=True), pool=SITE).tls is not None


def test_how_keys_are_opened_is_not_shown() -> None:
    """Whatever is told of the settings, how keys are opened is no part of it."""
    assert "passphrase" not in repr(TLS("a", passphrase=lambda path: "secret" if path else ""))


@pytest.mark.parametrize(("settings", "only"), [({}, False), ({"minimum": "1.3"}, True), ({"profile": "strict"}, True)])
def test_only_the_newest(settings: dict[str, str], only: bool) -> None:
    """It can be told whether nothing but TLS 1.3 is spoken."""
    tls = TLS("a", **settings)  # type: ignore[arg-type]  # the names of settings are texts here
    assert tls.only_newest is only
