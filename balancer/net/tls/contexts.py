"""What a listener presents to each client: one `SSL.Context` for each name of a certificate, chosen by a ClientHello.

A session is resumed only in the context in which it began, for each has ticket keys of its own: never under another
name, and not beyond a change of files or `renew`. Refuses to read a file, and to shake hands.
"""

from __future__ import annotations

import attrs
from OpenSSL import SSL

from balancer.core.hello import ClientHello
from balancer.core.server_names import ServerNames
from balancer.errors import HandshakeFailed, ServerNameRefused
from balancer.net.tls.credentials import Credentials
from balancer.net.tls.pairs import Pair
from balancer.net.tls.presenting import Manner, presented, unpresentable


@attrs.define(eq=False)
class _Entry:
    """What one name stands for; its context is made when first asked for."""

    pairs: tuple[Pair, ...]
    made: SSL.Context | None = None


class ServerContexts:
    """The contexts of one listener, made anew when its certificates change; connections keep what they began with.

    `needs_hello` tells whether the choice depends on what the client's hello says, or several names share a context: of
    a resumed session of TLS 1.2 OpenSSL tells for which of them it was made, not which of them is asked for.
    """

    def __init__(self, manner: Manner, credentials: Credentials) -> None:
        self._manner = manner
        self.use(credentials)

    def use(self, credentials: Credentials) -> None:
        """Present these from now on."""
        self.credentials = credentials
        self.renew()

    def renew(self) -> None:
        """Let no session of before be resumed."""
        manner, credentials = self._manner, self.credentials
        by_name = credentials.by_name(manner.wall())
        entries = {name: _Entry(tuple(kinds.values())) for name, kinds in by_name.items()}
        self._names = ServerNames(entries)
        self._default = None
        if not manner.strict and credentials.pairs:
            first = credentials.pairs[0]
            name = manner.default or next(iter(first.names), "")
            self._default = _Entry(entries[name].pairs if name in entries else (first,))
        self.needs_hello = self._default is None or len(entries) > 1 or any("*" in name for name in entries)

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        """What the client of that hello is presented; without one, what is for everybody else.

        Raises `ServerNameRefused` when that is nothing, and `HandshakeFailed` when OpenSSL or the system does not let
        it be made.
        """
        name = None if hello is None else hello.server_name
        entry = self._default if name is None else self._names.find(name) or self._default
        if entry is None:
            raise ServerNameRefused(f"no certificate is for {name!r}" if name else "the client named no host")
        if entry.made is None:
            try:
                entry.made = presented(self._manner, self.credentials, entry.pairs)
            except (SSL.Error, OSError) as error:
                raise HandshakeFailed(unpresentable(entry.pairs[0], error)) from error
        return entry.made
