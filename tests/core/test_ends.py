"""Why exchanges end: every error has its place, and codes read as HAProxy's do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from balancer import errors
from balancer.core.ends import Ending, Stage, ending_of
from balancer.errors import BalancerError

ENDS_NO_EXCHANGE = {
    "certificate-not-obtained",
    "check-failed",
    "config",
    "control-refused",
    "limit",
    "max-connections",
    "max-connections-per-source",
    "max-rate",
    "max-rate-per-source",
    "not-tls",
    "overtaken",
    "peek-timeout",
    "proxy-header",
    "proxy-source",
    "proxy-timeout",
    "read-only",
    "route-refused",
    "start",
    "starttls",
    "tls-certificate",
    "tls-full",
    "tls-handshake",
    "tls-name",
    "tls-timeout",
}


def below(error: type[BalancerError]) -> Iterator[type[BalancerError]]:
    """The error and the tree below it."""
    yield error
    for child in error.__subclasses__():
        yield from below(child)


def test_every_error_has_its_ending() -> None:
    """The reasons of the errors that can end an exchange are the endings, each once."""
    told = {error.reason for error in below(BalancerError) if error.__module__.startswith(errors.__name__)}
    endings = {ending.value for ending in Ending} - {Ending.DONE.value, Ending.REPLIED.value}
    assert told == endings | ENDS_NO_EXCHANGE
    assert len(endings) == len(Ending) - 2


def test_endings_of_errors() -> None:
    """An error ends an exchange for its reason, none means that all went well, and an unlisted one is ours."""

    class Unheard(BalancerError):
        reason: ClassVar[str] = "unheard-of"

    assert ending_of(errors.PoolFull("full")) is Ending.POOL_FULL
    assert ending_of(None) is Ending.DONE
    assert ending_of(Unheard()) is Ending.INTERNAL_ERROR


def test_codes() -> None:
    """A code is HAProxy's for the same: the client left, a backend was silent, all is well, a reply of one's own."""
    assert Ending.DOWNSTREAM_GONE.code(Stage.DATA) == "CD"
    assert Ending.UPSTREAM_TIMEOUT.code(Stage.RESPONSE) == "sH"
    assert Ending.DONE.code(Stage.DONE) == "--"
    assert Ending.REPLIED.code(Stage.REQUEST) == "LR"


def test_everything_is_told_in_a_sentence() -> None:
    """Each ending and each stage says what it means, in one sentence."""
    assert all(one.text.endswith(".") and one.text.count(".") == 1 for one in (*Ending, *Stage))
