"""Which listener a question is put to, by its scheme and port, and what its client would say first; asks no route."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress

from balancer import config as nouns
from balancer.errors import ConfigError
from balancer.explain.question import Question
from balancer.interfaces import Kind


def listener_for(listeners: Sequence[nouns.Listener], asked: Question) -> tuple[nouns.Listener, str]:
    """The one that takes it, and what is to be said of that, if anything.

    It is the one that was named, or the first of those at that port, if there are any, and of those the one that
    speaks what is asked: HTTP with TLS or without. Raises `ConfigError` where there is none.
    """
    if asked.listener is not None:
        named = _named(listeners, asked.listener)
        if not _takes(named, asked):
            raise ConfigError(
                [f"listener: {named} does not take what {asked.line!r} is; leave it out, or name another"]
            )
        return named, "".join(_over_tls(named, asked))
    fitting = [one for one in listeners if _takes(one, asked)]
    if not fitting:
        raise ConfigError([f"no listener takes what {asked.line!r} is; there is {_listed(listeners)}"])
    best = max(
        fitting, key=lambda one: (port_of(one) == asked.wanted_port, one.kind is asked.kind, _speaks(one, asked))
    )
    return best, "; ".join([*_remark(best, asked, others=len(fitting) > 1), *_over_tls(best, asked)])


def _named(listeners: Sequence[nouns.Listener], name: str) -> nouns.Listener:
    found = [one for one in listeners if one.endpoint == name or one.endpoint.startswith(f"{name}:")]
    if not found:
        raise ConfigError([f"listener: there is none at {name!r}; there is {_listed(listeners)}"])
    return found[0]


def _listed(listeners: Sequence[nouns.Listener]) -> str:
    return ", ".join(str(one) for one in listeners)


def _takes(listener: nouns.Listener, asked: Question) -> bool:
    """Whether it is for that kind; HTTP goes through a listener of connections, too."""
    return listener.kind is asked.kind or (asked.kind is Kind.HTTP and listener.kind is Kind.TCP)


def port_of(listener: nouns.Listener) -> int | None:
    """The port that it is at, if it is at one."""
    place = listener.place if listener.endpoint else ""
    return None if isinstance(place, str) else place[1]


def _speaks(listener: nouns.Listener, asked: Question) -> bool:
    """Whether it ends the TLS there is, or there is none."""
    return (getattr(listener, "tls", None) is not None) is (asked.scheme == "https")


def _remark(listener: nouns.Listener, asked: Question, *, others: bool) -> Iterator[str]:
    if port_of(listener) != asked.wanted_port and (others or asked.port is not None):
        at = "without a port" if asked.wanted_port is None else f"at port {asked.wanted_port}"
        yield f"there is none {at}; " + ("--listener chooses another" if others else "it is the only one")


def _over_tls(listener: nouns.Listener, asked: Question) -> Iterator[str]:
    """What is put to a listener of HTTP is put as it speaks."""
    if listener.kind is Kind.HTTP and asked.kind is Kind.HTTP and not _speaks(listener, asked):
        yield f"it speaks {'TLS' if asked.scheme == 'http' else 'no TLS'}, and so the question is put"


def wanting(listener: nouns.Listener, asked: Question) -> str:
    """What is to be said where routes look at what nobody told."""
    looking = isinstance(listener, nouns.TCPListener | nouns.UDPListener) and any(
        route.peeks or (asked.kind is Kind.UDP and not route.always) for route in listener.routes
    )
    told = asked.peek or asked.sni is not None or asked.kind is Kind.HTTP
    return "its routes look at what the client says first; --peek tells that" if looking and not told else ""


def first_bytes(asked: Question, *, secured: bool) -> bytes:
    """What the client says first, where TLS is `secured` by the balancer already, or is not."""
    if asked.peek or asked.kind is Kind.UDP:
        return asked.peek
    if not secured and (asked.scheme == "https" or asked.sni is not None):
        return client_hello(asked.server_name, () if asked.kind is Kind.TCP else ("http/1.1",))
    return asked.wire if asked.kind is Kind.HTTP else b""


def client_hello(server_name: str | None, protocols: Sequence[str]) -> bytes:
    """The first bytes of a client that speaks TLS. Raises `ConfigError` for a name that TLS cannot ask for."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False
    if protocols:
        settings.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    try:
        with suppress(ssl.SSLWantReadError):
            settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=server_name).do_handshake()
    except (TypeError, ValueError, ssl.SSLError) as error:
        raise ConfigError([f"sni: {server_name!r} is not a name that TLS can ask for: {error}"]) from error
    return sent.read()
