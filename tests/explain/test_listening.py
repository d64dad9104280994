"""Which listener is asked, and what a client says to it first."""

from __future__ import annotations

import pytest

from balancer.config import TLS, HTTPListener, Listener, Route, TCPListener, UDPListener
from balancer.core.hello import ClientHello, read_client_hello
from balancer.errors import ConfigError
from balancer.explain import question
from balancer.explain.listening import client_hello, first_bytes, listener_for, wanting
from balancer.plugins.datagrams import DNSName
from balancer.plugins.first_bytes import SNI
from tests.explain.configs import API, NAMES, SITE

PLAIN = HTTPListener("tcp:8080", pool=SITE)
TLS_SITE = HTTPListener("tcp:8443:interface=127.0.0.1", tls=TLS("/certs"), pool=SITE)
RELAY = TCPListener("tcp:5432", pool=API)
OTHER = TCPListener("unix:/run/db", pool=API)
DNS = UDPListener("udp:53", pool=NAMES)
ALL: tuple[Listener, ...] = (RELAY, PLAIN, TLS_SITE, OTHER, DNS)


@pytest.mark.parametrize(
    ("line", "named", "expected", "note"),
    [
        ("http://a.example:8080/", None, PLAIN, ""),
        ("https://a.example:8443/", None, TLS_SITE, ""),
        ("https://a.example:8080/", None, PLAIN, "it speaks no TLS, and so the question is put"),
        (
            "http://a.example:8443/",
            None,
            TLS_SITE,
            "it speaks TLS, and so the question is put",
        ),
        ("http://a.example:5432/", None, RELAY, ""),
        ("http://a.example/", None, PLAIN, "there is none at port 80; --listener chooses another"),
        ("https://a.example/", None, TLS_SITE, "there is none at port 443; --listener chooses another"),
        ("tcp://:5432", None, RELAY, ""),
        ("tcp://:1", None, RELAY, "there is none at port 1; --listener chooses another"),
        ("tcp://", None, OTHER, ""),
        ("udp://:53", None, DNS, ""),
        ("udp://", None, DNS, ""),
        ("udp://:54", None, DNS, "there is none at port 54; it is the only one"),
        ("http://a.example", "tcp:8443", TLS_SITE, "it speaks TLS, and so the question is put"),
        ("http://a.example", "unix:/run/db", OTHER, ""),
    ],
)
def test_the_listener_that_is_asked(line: str, named: str | None, expected: Listener, note: str) -> None:
    """It is the one that was named, or that at the port, or the first that speaks so; a guess is said to be one."""
    assert listener_for(ALL, question(line, listener=named)) == (expected, note)


def test_nobody_to_ask() -> None:
    """Where no listener takes what is asked, the mistake names those that there are."""
    with pytest.raises(ConfigError, match="no listener takes what 'udp://:53' is; there is HTTPListener 'tcp:8080'"):
        listener_for([PLAIN], question("udp://:53"))
    for line, listener in (("http://a.example", "udp:53"), ("tcp://:8080", "tcp:8080"), ("udp://:53", "tcp:5432")):
        with pytest.raises(ConfigError, match=f"listener: .*'{listener}' does not take what '{line}' is"):
            listener_for(ALL, question(line, listener=listener))
    with pytest.raises(ConfigError, match="listener: there is none at 'tcp:80'; there is HTTPListener 'tcp:8080'"):
        listener_for([PLAIN], question("http://a.example", listener="tcp:80"))


def test_what_is_said_first() -> None:
    """A client begins with TLS where it is not ended before, else with its request; or with what was given."""
    https = question("https://a.example/")
    hello = read_client_hello(first_bytes(https, secured=False))
    assert isinstance(hello, ClientHello)
    assert (hello.server_name, hello.alpn) == ("a.example", ("http/1.1",))
    assert first_bytes(https, secured=True) == https.wire
    assert first_bytes(question("http://a.example"), secured=False).startswith(b"GET / HTTP/1.1\r\n")
    relayed = read_client_hello(first_bytes(question("tcp://:5432", sni="b.example"), secured=False))
    assert isinstance(relayed, ClientHello)
    assert (relayed.server_name, relayed.alpn) == ("b.example", ())
    assert first_bytes(question("tcp://:5432"), secured=False) == b""
    assert first_bytes(question("tcp://:5432", peek="abc", sni="b.example"), secured=False) == b"abc"
    assert isinstance(read_client_hello(client_hello(None, ())), ClientHello)


@pytest.mark.parametrize("name", [".", "a..b", "x" * 64 + ".example", "x." * 200 + "example"])
def test_names_that_tls_cannot_ask_for(name: str) -> None:
    """A name that cannot be put into a hello is a mistake, not a failure."""
    with pytest.raises(ConfigError, match=r"sni: '.*' is not a name that TLS can ask for"):
        client_hello(name, ())


def test_what_is_wanting() -> None:
    """Where routes look at first bytes that nobody gave, that is said."""
    note = "its routes look at what the client says first; --peek tells that"
    looking = TCPListener("tcp:1", routes=[Route(SNI("a.example"), API), Route(pool=API)])
    names = UDPListener("udp:53", routes=[Route(DNSName("a.example"), NAMES)])
    assert wanting(looking, question("tcp://:1")) == wanting(names, question("udp://:53")) == note
    for line in ({"peek": "a"}, {"sni": "a.example"}):
        assert wanting(looking, question("tcp://:1", **line)) == ""
    assert wanting(looking, question("https://a.example:1")) == ""
    for quiet in (RELAY, DNS, PLAIN):
        assert wanting(quiet, question("tcp://:1")) == ""
