"""Listens for calls that make the whole process wait: what they are called by and why does not matter here."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any, Final

_FUNCTIONS: Final = frozenset(
    {
        ("time", "sleep"),
        ("select", "select"),
        ("_socket", "getaddrinfo"),
        ("_socket", "gethostbyname"),
        ("_socket", "gethostbyname_ex"),
        ("_socket", "gethostbyaddr"),
        ("_posixsubprocess", "fork_exec"),
        ("posix", "system"),
        ("posix", "posix_spawn"),
        ("posix", "posix_spawnp"),
    }
)
_OF_SOCKETS: Final = frozenset(
    {"connect", "connect_ex", "accept", "recv", "recv_into", "recvfrom", "sendall", "sendto"}
)


def waits_in(happens: Callable[[], object]) -> str:
    """The first call in which all had to wait while that happened; empty if there was none. Raises what it raises."""
    heard: list[Any] = []
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, called: heard.append(called) if event == "c_call" else None)
    try:
        happens()
    finally:
        sys.setprofile(before)
    return next(filter(None, map(_name, heard)), "")


def _name(called: Any) -> str:
    owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
    if isinstance(owner, socket.socket) and name in _OF_SOCKETS:
        return f"socket.{name}"
    module = getattr(called, "__module__", None) or ""
    return f"{module.lstrip('_')}.{name}" if (module, name) in _FUNCTIONS else ""
