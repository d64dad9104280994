"""All that the TLS of a listener is made of, read from files at once; refuses to present any of it.

What cannot be used is told in full, a line for each fault. What can be used, but not for long or not by everybody, is
remarked on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Final

import attrs

from balancer.net.tls.files import AUTHORITIES, CERTIFICATES, LISTS, Look, Unreadable, found, look
from balancer.net.tls.pairing import Passphrase, read_pairs
from balancer.net.tls.pairs import Pair
from balancer.net.tls.staples import Staple, read_staple
from balancer.net.tls.trust import Trust, read_trust

DAY: Final = 86400.0

SOON: Final = 14 * DAY
"""Seconds before the end of a certificate from which on it is remarked on."""


class Unusable(Exception):
    """What was read cannot be presented; `faults` are lines, each of which names a file and says what to do."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


@attrs.frozen(eq=False)
class Sources:
    """Where it is read from: files and folders of certificates and keys, of authorities, and of revocation lists.

    `later` are files of certificates and keys that are passed over as long as they are not there; then there may be no
    certificate at all. `default` is a name that one of the certificates must be for.
    """

    certificates: tuple[str, ...] = ()
    passphrase: Passphrase | None = None
    authorities: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    default: str | None = None
    later: tuple[str, ...] = ()

    def look(self) -> Look:
        """How all these files are now."""
        paths = (*self.certificates, *self.later)
        seen = look(paths, CERTIFICATES), look(self.authorities, AUTHORITIES), look(self.lists, LISTS)
        return frozenset().union(*seen)


@attrs.frozen(eq=False)
class Credentials:
    """Certificates with their keys, in order, and OCSP answers for some, by their fingerprints; and who is trusted."""

    pairs: tuple[Pair, ...] = ()
    staples: Mapping[bytes, Staple] = attrs.field(factory=dict)
    trust: Trust | None = None
    ignored: tuple[str, ...] = ()
    """Lines that tell what was left out."""

    def by_name(self, now: float) -> dict[str, dict[str, Pair]]:
        """The pairs for each name, by the kind of their keys; of two that compete, the one valid now and longer."""
        names: dict[str, dict[str, Pair]] = {}
        for pair in sorted(self.pairs, key=lambda one: (one.begins <= now < one.ends, one.ends)):
            for name in pair.names:
                names.setdefault(name, {})[pair.kind] = pair
        return names

    def turn(self, now: float) -> float:
        """When the next certificate begins or ceases to be valid; infinity if none does."""
        moments = (moment for pair in self.pairs for moment in (pair.begins, pair.ends))
        return min((moment for moment in moments if moment > now), default=inf)

    def remarks(self, now: float) -> Iterator[str]:
        """What an operator should know, a line for each."""
        yield from self.ignored
        for pair in self.pairs:
            yield from _remarks_on_dates(pair, now)
        for staple in self.staples.values():
            if not staple.holds(now):
                yield f"{staple.path}: holds from {day(staple.begins)} to {day(staple.ends)}; it is not sent; renew it"
        for one in self.trust.lists if self.trust is not None else ():
            if one.next_update_utc is not None and one.next_update_utc.timestamp() <= now:
                whose, over = one.issuer.rfc4514_string(), day(one.next_update_utc.timestamp())
                yield f"the revocation list of {whose} ended on {over}, so that nobody passes; renew it"


def read(sources: Sources) -> Credentials:
    """Read all. Raises `Unusable`."""
    faults: list[str] = []
    pairs = _pairs(sources, faults)
    trust = None
    try:
        if sources.authorities:
            trust = read_trust(sources.authorities, sources.lists)
    except Unreadable as error:
        faults.append(str(error))
    staples, ignored = _staples(pairs)
    if faults:
        raise Unusable(faults)
    return Credentials(tuple(pairs), staples, trust, ignored)


def day(moment: float) -> str:
    """The day of a moment, in seconds since 1970, as UTC has it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _pairs(sources: Sources, faults: list[str]) -> list[Pair]:
    paths = [*sources.certificates, *(path for path in sources.later if Path(path).exists())]
    try:
        known = read_pairs(found(paths, CERTIFICATES), sources.passphrase)
    except Unreadable as error:
        faults.append(str(error))
        return []
    faults += known.faults
    for pair in known.pairs:
        if not pair.names and not pair.addresses:
            faults.append(f"{pair.paths[0]}: the certificate names no host (subjectAltName); make one that does")
    if not known.pairs and not known.faults and paths:
        without = "no certificate there names a host (subjectAltName) and has its key"
        faults.append(f"{', '.join(paths)}: {without}; put both there")
    if sources.default is not None and known.pairs and all(sources.default not in pair.names for pair in known.pairs):
        faults.append(f"default: no certificate is for {sources.default!r}; give a name that one is for")
    return known.pairs


def _staples(pairs: Iterable[Pair]) -> tuple[dict[bytes, Staple], tuple[str, ...]]:
    """The OCSP answers, and what is wrong with others, which spoils nothing else."""
    staples, ignored = dict[bytes, Staple](), list[str]()
    for pair in pairs:
        try:
            staple = read_staple(pair)
        except Unreadable as error:
            ignored.append(str(error))
        else:
            staples |= {pair.fingerprint: staple} if staple is not None else {}
    return staples, tuple(ignored)


def _remarks_on_dates(pair: Pair, now: float) -> Iterator[str]:
    if pair.begins <= now <= pair.ends - SOON:
        return
    whose = f"{pair.paths[0]}: the certificate of {', '.join((*pair.names, *pair.addresses)[:3])}"
    if pair.ends <= now:
        yield f"{whose} expired on {day(pair.ends)}; renew it"
    elif now < pair.begins:
        yield f"{whose} is valid only from {day(pair.begins)}; set the clock, or put one there that is valid"
    else:
        yield f"{whose} expires on {day(pair.ends)}, in {int((pair.ends - now) / DAY)} days; renew it"
