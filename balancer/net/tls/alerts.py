"""What a peer says with the alert by which it ends a connection (RFC 8446 6); refuses to know which side it is."""

from __future__ import annotations

from typing import Final

from OpenSSL import SSL
from twisted.internet import main
from twisted.internet.error import ConnectionLost

from balancer.net.tls.reasons import reasons

_ALERT: Final = "alert "


class Alerted(ConnectionLost):
    """The connection was ended by an alert; `words` are what it says."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


def said(error: BaseException | None) -> str:
    """What OpenSSL has to say of an error; nothing if the connection just ended."""
    if not isinstance(error, SSL.Error) or isinstance(error, (SSL.SysCallError, SSL.ZeroReturnError)):
        return ""
    words = reasons(error)[-1:]
    return "" if not words or words[0].startswith("unexpected eof") else words[0]


def alert(error: BaseException | None) -> str:
    """The alert that the peer has sent, as 'certificate required'; nothing if it was none."""
    return said(error).partition(_ALERT)[2]


def lost(error: SSL.Error) -> ConnectionLost:
    """Why a connection is lost on which OpenSSL has that error."""
    words = alert(error)
    return Alerted(words) if words else main.CONNECTION_LOST
