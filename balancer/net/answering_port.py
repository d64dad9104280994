"""A UDP port that answers from the address that was called; refuses to know who is answered what.

A port that is bound to one address cannot do otherwise. For one that is bound to all the kernel chooses where an answer
leaves from, and a client of a host with several addresses may hear from one that it never called, and take that for a
stranger's (RFC 1122 4.1.3.5). So on Linux such a port asks with each datagram for the address that was called, and
gives it with each answer (ip(7), RFC 3542 6).
"""

# ruff: noqa: N802  Twisted's names

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from socket import AF_INET6, CMSG_SPACE, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, IPV6_RECVPKTINFO
from typing import Any, Final

from balancer.net.datagram_port import DatagramPort

ALL: Final = frozenset({"0.0.0.0", "::"})

IP_PKTINFO: Final = 8
"""As Linux has it, which `socket` does not tell."""

SPACE: Final = CMSG_SPACE(20)
"""Of what comes with a datagram: a struct in_pktinfo or in6_pktinfo."""

UNKNOWN_4: Final = bytes(4)
UNKNOWN_6: Final = bytes(16)
"""Leave the choice to the kernel."""

LINK: Final = b"\xfe\x80"
"""How an IPv6 address begins that is of a link alone (RFC 4291 2.5.6)."""

MANY: Final = 0xFF
"""The first byte of an IPv6 address of many (RFC 4291 2.7), which nobody can answer from."""


class AnsweringPort(DatagramPort):
    """A UDP socket. When it is bound to all addresses, its senders have a third part: what they called, packed.

    Behind an address of a link alone is the number of the interface.
    """

    def _bindSocket(self) -> None:
        super()._bindSocket()
        if sys.platform != "linux" or self.socket.getsockname()[0] not in ALL:
            return
        if self.addressFamily == AF_INET6:
            self.socket.setsockopt(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            self.take = self._take_v6
        else:
            self.socket.setsockopt(IPPROTO_IP, IP_PKTINFO, 1)
            self.take = self._take_v4

    @property
    def answer(self) -> Callable[[bytes, Any], object]:
        """Sends a datagram to a sender. Raises `OSError` when it is not taken, as when the port is closed by then."""
        if self.take is None:
            sendto: Callable[[bytes, Any], object] = self.socket.sendto
            return sendto
        return _answer_v6(self.socket.sendmsg) if self.addressFamily == AF_INET6 else _answer_v4(self.socket.sendmsg)

    def _take_v4(self, size: int) -> Any:
        data, told, _, address = self.socket.recvmsg(size, SPACE)
        return data, (*address, told[0][2][4:8] if told else UNKNOWN_4)  # ours, behind the interface's number

    def _take_v6(self, size: int) -> Any:
        data, told, _, address = self.socket.recvmsg(size, SPACE)
        return data, (*address, _source(told[0][2]) if told else UNKNOWN_6)


def _source(called: bytes) -> bytes:
    """What to answer from, of a struct in6_pktinfo; only with an address of a link does the interface belong to it."""
    if called[0] == MANY:
        return UNKNOWN_6
    return called if called.startswith(LINK) else called[:16]


def _answer_v4(sendmsg: Callable[..., object]) -> Callable[[bytes, Any], object]:
    def answer(data: bytes, client: tuple[str, int, bytes]) -> object:
        host, port, called = client
        return sendmsg((data,), _from_v4(called), 0, (host, port))

    return answer


def _answer_v6(sendmsg: Callable[..., object]) -> Callable[[bytes, Any], object]:
    def answer(data: bytes, client: tuple[str, int, bytes]) -> object:
        host, port, called = client
        return sendmsg((data,), _from_v6(called), 0, (host, port))

    return answer


@lru_cache(maxsize=1024)
def _from_v4(called: bytes) -> Any:
    return ((IPPROTO_IP, IP_PKTINFO, bytes(4) + called + bytes(4)),)


@lru_cache(maxsize=1024)
def _from_v6(called: bytes) -> Any:
    return ((IPPROTO_IPV6, IPV6_PKTINFO, called.ljust(20, b"\0")),)
