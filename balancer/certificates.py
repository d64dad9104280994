"""The certificates that a config presents, and those to be obtained, as lines to read; presents and obtains none.

They are read as the balancer reads them when it starts, and what would stop its start is a mistake here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from balancer.assembly import key_logs
from balancer.assembly.proofs import storage_of
from balancer.assembly.tls import manner_of, presented_by, sources_of
from balancer.config import TLS, Config
from balancer.errors import ConfigError
from balancer.net.tls.credentials import DAY, Credentials, Unusable, day, read
from balancer.net.tls.presenting import prove
from balancer.tables import table

Row = tuple[str, ...]


def certificates(config: Config, wall: Callable[[], float]) -> Iterator[str]:
    """The lines of the table, if there are certificates; `wall` tells the seconds since 1970.

    Several TLS may read the same files: what is the same of them is told once.
    Raises `ConfigError` with a line for each file that cannot be used.
    """
    known = _known(config, wall)
    rows = dict.fromkeys(row for credentials in known.values() for row in _rows(credentials, wall()))
    if rows:
        yield from table(("CERTIFICATE OF", "KEY", "CHAIN", "EXPIRES", "DAYS LEFT", "FILE"), rows)
    yield from dict.fromkeys(f"warning: {line}" for settings in known for line in _remarks(settings, known, wall()))


def holdings(config: Config, now: float) -> Iterator[str]:
    """What is there of the certificates to be obtained, a line for each; `now` in seconds since 1970."""
    for acme in config.acmes:
        try:
            held = storage_of(acme).held()
        except OSError as error:
            yield f"{acme}: {acme.certificate}: cannot be read: {error.strerror}"
            continue
        if held is None:
            yield f"{acme}: there is no certificate yet; it is obtained when the balancer runs"
            continue
        missing = sorted(set(acme.names) - held.names)
        short = f", but not for {', '.join(missing)}" if missing else ""
        yield f"{acme}: there is a certificate until {day(held.end)}, in {(held.end - now) / DAY:.1f} days{short}"


def _known(config: Config, wall: Callable[[], float]) -> dict[TLS, Credentials]:
    """What is read for each TLS."""
    known, faults = dict[TLS, Credentials](), list[str]()
    for settings in presented_by(config):
        try:
            known[settings] = read(sources_of(settings))
            prove(manner_of(settings, wall), known[settings])
        except Unusable as error:
            faults += (f"{settings}: {fault}" for fault in error.faults)
        faults += (f"{settings}: {fault}" for fault in key_logs.faults(settings.keylog))
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    return known


def _remarks(settings: TLS, known: Mapping[TLS, Credentials], now: float) -> Iterator[str]:
    yield from (f"{settings}: {remark}" for remark in known[settings].remarks(now))
    if settings.keylog is not None:
        yield f"{settings}: keylog: the secrets of all connections are written to {settings.keylog}"


def _rows(credentials: Credentials, now: float) -> Iterator[Row]:
    for pair in credentials.pairs:
        left = int((pair.ends - now) // DAY)
        names = ", ".join((*pair.names, *pair.addresses))
        yield names, pair.strength, str(len(pair.chain)), day(pair.ends), str(left), pair.paths[0]
