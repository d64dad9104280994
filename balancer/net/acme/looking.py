"""Sees that there is a certificate and that it is not too old; it blocks, and refuses to know how one is obtained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Final

import attrs

from balancer.core.renewal import renewal_time
from balancer.errors import CertificateNotObtained
from balancer.net.acme.obtaining import Authority, Pause, Wish, obtain
from balancer.net.acme.storage import Held, Storage

AGAIN: Final = 6 * 3600.0
"""Seconds until an authority that did not say when to renew is asked again (RFC 9773 4.3.3)."""
AGAIN_LEAST: Final = 600.0
AGAIN_MOST: Final = 86400.0

Now = Callable[[], float]
"""Tells the seconds since 1970."""


@attrs.frozen
class Outlook:
    """A certificate that is there, whether it was obtained just now, and when it is to be looked at again."""

    held: Held
    obtained: bool
    again: float


class Looking:
    """The looks after one certificate. `authority` makes one to ask, for each look that has to."""

    def __init__(
        self, wish: Wish, storage: Storage, authority: Callable[[], Authority], *, now: Now, random: Random
    ) -> None:
        self._wish, self._storage, self._authority = wish, storage, authority
        self._now, self._random = now, random
        self._planned: tuple[Held, float] | None = None
        self._advice: float | None = None
        self._ask_again = 0.0

    def look(self, pause: Pause) -> Outlook:
        """See that there is a good certificate: if it is time, obtain another.

        Raises `CertificateNotObtained`, `Locked` while somebody else obtains it, `Stopped`, and `OSError` of the
        storage.
        """
        found = self._good()
        if found is not None:
            return found
        with self._storage.obtaining():
            found = self._good()  # somebody else may have obtained it meanwhile
            return self._another(pause) if found is None else found

    def _another(self, pause: Pause) -> Outlook:
        with closing(self._authority()) as authority:
            obtain(self._wish, authority, self._storage, pause)
        found = self._good()
        if found is None:
            raise CertificateNotObtained("the certificate is to be renewed as soon as it is made; look at the clock")
        return attrs.evolve(found, obtained=True)

    def _good(self) -> Outlook | None:
        """The certificate that is there; None if another has to be obtained."""
        held = self._storage.held()
        if held is None or not held.names.issuperset(self._wish.names) or held.key != self._wish.key:
            return None
        due = self._due(held)
        return None if due <= self._now() else Outlook(held, False, min(due, self._ask_again))

    def _due(self, held: Held) -> float:
        """When it is to be renewed: as planned, or sooner if the authority says so."""
        if self._planned is None or self._planned[0] != held:
            self._planned = held, renewal_time(held.begin, held.end, self._wish.left, self._random)
            self._advice, self._ask_again = None, 0.0
        planned = self._planned[1]
        if self._ask_again <= self._now() < planned:
            self._take_advice(held)
        return planned if self._advice is None else min(planned, self._advice)

    def _take_advice(self, held: Held) -> None:
        """Ask the authority when it would have it renewed. If it does not say, what it said before still holds.

        Nor is there anything wrong with the certificate if we cannot even ask, on a disk that may not be written.
        """
        now, again = self._now(), 0.0
        try:
            with closing(self._authority()) as authority:
                self._advice, again = authority.advice(held.pem)
        except (CertificateNotObtained, OSError):
            again = now + AGAIN
        self._ask_again = min(max(again, now + AGAIN_LEAST), now + AGAIN_MOST)
