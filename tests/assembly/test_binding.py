"""What cannot be bound is told in one line: which, why, and what to do."""

from __future__ import annotations

import pytest
from twisted.internet.error import CannotListenError

from balancer.assembly import BACKLOG, bind
from balancer.errors import StartError
from tests.assembly.parts import Network, assembled, relay
from tests.net.house import FRONT, now


@pytest.mark.parametrize(("endpoint", "backlog"), [("tcp:8080", BACKLOG), ("tcp:8080:backlog=7", 7)])
def test_the_backlog(endpoint: str, backlog: int) -> None:
    """A listener has a long queue unless its endpoint names one."""
    network = Network()
    ((settings, listener),) = assembled(relay(endpoint=endpoint), network=network).listeners
    now(bind(settings, listener))
    assert network.backlogs == {8080: backlog}


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (
            CannotListenError("", 80, PermissionError(13, "Permission denied")),
            "Permission denied; ports below 1024 and some paths need a privilege; choose another or run with it",
        ),
        (
            CannotListenError("", 80, OSError(98, "Address already in use")),
            "Address already in use; stop what has it, or choose another",
        ),
        (CannotListenError("", 80, OSError(99, "Cannot assign it")), "Cannot assign it; correct the endpoint"),
        (CannotListenError("", 80, "unknown host"), "unknown host; correct the endpoint"),
        (
            CannotListenError("", "/x", "Cannot acquire lock"),
            "Address already in use; stop what has it, or choose another",
        ),
        (FileNotFoundError(2, "No such file or directory"), "the folder does not exist; make it, or choose another"),
        (OverflowError("signed integer is greater"), "a number in it is too large; correct the endpoint"),
        (ValueError("no\nendpoint"), "no endpoint; correct the endpoint"),
        (LookupError("no endpoint"), "no endpoint; correct the endpoint"),
        (OSError("no descriptors"), "no descriptors; correct the endpoint"),
        (ValueError("no endpoint"), "no endpoint; correct the endpoint"),
    ],
)
def test_what_cannot_be_bound(refusal: Exception, line: str) -> None:
    """An endpoint that cannot be bound is told in one line: which, why, and what to do."""
    network = Network()
    network.refusal = refusal
    ((settings, listener),) = assembled(relay(), network=network).listeners
    with pytest.raises(StartError) as caught:
        now(bind(settings, listener))
    assert str(caught.value) == f"TCPListener 'tcp:{FRONT}': cannot listen: {line}"


@pytest.mark.parametrize("which", ["index=7", "name=http"])
def test_what_systemd_did_not_pass(which: str) -> None:
    """A socket that systemd should have passed and did not is told as that."""
    ((settings, listener),) = assembled(relay(endpoint=f"systemd:domain=INET:{which}")).listeners
    with pytest.raises(StartError) as caught:
        now(bind(settings, listener))
    assert str(caught.value) == (
        f"TCPListener 'systemd:domain=INET:{which}': cannot listen: systemd has passed no such socket; "
        "start the balancer by a socket unit that has it, or bind tcp:"
    )
