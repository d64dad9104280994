"""Ends a connection whose peer keeps OpenSSL at work and says nothing; refuses to know what is said.

OpenSSL reads on and on while there are messages of TLS itself to read: new keys (RFC 8446 4.6.3), and hellos, each of
which it refuses (RFC 5246 7.2.2). So whoever sends these as fast as they are read holds the whole process in one call.
"""

from __future__ import annotations

from typing import Final

import attrs
from OpenSSL import SSL

MOST: Final = 1000
"""Steps of OpenSSL's after the handshake, in the life of a connection: a new key takes up to seven."""


@attrs.define
class _Steps:
    """How many a connection has taken."""

    taken: int = 0


def guard(connection: SSL.Connection) -> None:
    """Have a connection end that takes too many; its handshake is done, and its application data not needed any more.

    To OpenSSL that looks like an end in order: `flooded` tells. Before, the steps of the handshake would count.
    """
    connection.set_app_data(_Steps())
    connection.set_context(_GUARDING)


def flooded(connection: SSL.Connection) -> bool:
    """Whether that is why a connection has ended."""
    steps = connection.get_app_data()
    return isinstance(steps, _Steps) and steps.taken > MOST


def orderly(connection: SSL.Connection, error: SSL.Error) -> bool:
    """Whether what OpenSSL says of reading is that the peer has ended in order, and not that we had it end."""
    return isinstance(error, SSL.ZeroReturnError) and not flooded(connection)


def _step(connection: SSL.Connection, _where: int, _result: int) -> None:
    """OpenSSL has taken one, and looks for this after each message."""
    steps: _Steps = connection.get_app_data()
    steps.taken += 1
    if steps.taken > MOST:
        connection.set_shutdown(SSL.RECEIVED_SHUTDOWN)


_GUARDING: Final = SSL.Context(SSL.TLS_METHOD)
"""What a handshake has settled stays as it is; of this only the callback counts."""
_GUARDING.set_info_callback(_step)
