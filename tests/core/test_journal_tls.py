"""What records tell of the TLS that requests came over."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from balancer.core.access import OF_TLS, UNKNOWN, Record, Stamps
from balancer.core.conversation import Conversation
from balancer.core.journal import Access
from balancer.core.secured import ClientCertificate, Secured
from tests.core.stage import CLIENT
from tests.core.test_conversation import Talk, request

SHOWN = ClientCertificate("CN=a", "CN=b", "1", (), "00ff", 0.0, 1.0, verified=False, error="it has expired")
SECURED = Secured("TLSv1.3", "X", "site", certificate=SHOWN)


def told(secured: Secured | None, *, tls: bool = True) -> list[Any]:
    """The records of a request that was answered, and of one that was no request."""
    scene = Talk()
    records: list[Any] = []
    scene.site.access = Access(records.append, Stamps(lambda: 0.0), tls=tls)
    talk = scene.talk = scene.line.talk = Conversation(scene.site, scene.line, CLIENT, secured=secured)
    talk.receive(request())
    scene.answer()
    talk.receive(b"nonsense\r\n\r\n")
    return records


@pytest.mark.parametrize(
    ("secured", "texts"),
    [
        (SECURED, ("TLSv1.3", "X", "site", "CN=a", "00ff", "it has expired")),
        (
            attrs.evolve(SECURED, certificate=attrs.evolve(SHOWN, subject="", verified=True, error="")),
            ("TLSv1.3", "X", "site", UNKNOWN, "00ff", UNKNOWN),
        ),
        (Secured("TLSv1.2", "Y"), ("TLSv1.2", "Y", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)),
        (None, (UNKNOWN,) * len(OF_TLS)),
    ],
)
def test_records_tell_of_tls(secured: Secured | None, texts: tuple[str, ...]) -> None:
    """Where a log tells of TLS each record ends with what is known of it, that of a request refused as well."""
    size = len(Record._fields)
    records = told(secured)
    assert [(len(record), record[size:]) for record in records] == [(size + len(OF_TLS), texts)] * 2


def test_other_logs_tell_nothing_of_it() -> None:
    """Where a log does not, records are what they are without TLS."""
    assert [type(record) for record in told(SECURED, tls=False)] == [Record, Record]
