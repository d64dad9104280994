"""How listeners speak TLS, from what a user wrote: certificates read, and looked at again as long as they are used.

Listeners that share a `TLS` share what is read for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from balancer import config as nouns
from balancer.assembly.key_logs import key_log
from balancer.assembly.parts import Parts
from balancer.assembly.proofs import proving_contexts
from balancer.assembly.reading import read_files, warn
from balancer.net.tls.certificates import Certificates
from balancer.net.tls.credentials import Sources
from balancer.net.tls.presenting import Manner
from balancer.net.tls.profiles import profile_of
from balancer.net.tls.terminating import Contexts

HOUR = 3600.0


def contexts_of(parts: Parts, settings: nouns.TLS, protocols: tuple[str, ...]) -> Contexts:
    """What a listener presents to its clients that agrees with them on one of these protocols, if it looks at any.

    Raises `StartError` for what cannot be read or presented.
    """
    return proving_contexts(settings.acme, certificates_of(parts, settings).contexts(protocols))


def certificates_of(parts: Parts, settings: nouns.TLS) -> Certificates:
    """The certificates that were read for it. Raises `StartError` for what cannot be read or presented."""
    if settings not in parts.certificates:
        keylog = key_log(parts, str(settings), settings.keylog)
        made = Certificates(
            sources_of(settings),
            manner_of(settings, parts.wall, keylog),
            rotation=settings.ticket_hours * HOUR,
            seconds=parts.reactor.seconds,
            warn=partial(warn, str(settings)),
        )
        parts.reloads[settings] = read_files(parts, str(settings), made, every=settings.reload_every)
        parts.certificates[settings] = made
    return parts.certificates[settings]


def presented_by(config: nouns.Config) -> tuple[nouns.TLS, ...]:
    """The TLS of all listeners of a config, in order and each once."""
    every = (getattr(listener, "tls", None) for listener in config.all_listeners)
    return tuple(dict.fromkeys(settings for settings in every if settings is not None))


def sources_of(settings: nouns.TLS) -> Sources:
    """Where it is read from."""
    return Sources(
        settings.certificates,
        settings.passphrase,
        authorities=settings.client_ca,
        lists=settings.client_crl,
        default=settings.default,
        later=() if settings.acme is None else (settings.acme.certificate,),
    )


def manner_of(settings: nouns.TLS, wall: Callable[[], float], keylog: Callable[[bytes], None] | None = None) -> Manner:
    """How it is presented."""
    return Manner(
        profile_of(settings.profile, settings.minimum, settings.ciphers),
        wall,
        default=settings.default,
        strict=settings.strict,
        clients=settings.clients,
        lifetime=settings.ticket_hours * HOUR,
        keylog=keylog,
    )
