"""What the clients of a listener that speaks TLS share."""

from __future__ import annotations

import socket
from typing import Any

from balancer.core.deadlines import Deadlines
from balancer.core.secured import Secured
from balancer.net.clock import ReactorAlarm
from balancer.net.limits import Refusals
from balancer.net.sessions import Sessions
from balancer.net.tls.terminating import Terminating
from tests.net.lean import Lean
from tests.net.tls.ends import accepting


def test_our_side_accepts(lean: Lean) -> None:
    """A connection that is made for a client waits for its hello, and without a hint nobody is told anything."""
    contexts: Any = None
    terminating = Terminating(
        contexts,
        timeout=1,
        most=1,
        clock=lean.reactor,
        deadlines=Deadlines(ReactorAlarm(lean.reactor)),
        sessions=Sessions(),
        refusals=Refusals(print),
        secured=lambda _tls, _hello: Secured("TLSv1.3", "x"),
    )
    with socket.socket() as sock:
        assert terminating.make(accepting(), sock).get_state_string() == b"before SSL initialization"
    assert terminating.hint(b"GET / HTTP/1.1") == b""
