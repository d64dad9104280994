"""Requests over TLS: what their sessions are told, and what becomes of one for another host."""

from __future__ import annotations

from typing import Any

from balancer.core.conversation import Conversation
from balancer.core.secured import Secured
from tests.core.stage import CLIENT
from tests.core.test_conversation import Talk, request

SECURED = Secured("TLSv1.3", "TLS_AES_128_GCM_SHA256", "site", "http/1.1")


def talk_over_tls(scene: Talk) -> Conversation:
    """The same conversation over TLS."""
    scene.talk = scene.line.talk = Conversation(scene.site, scene.line, CLIENT, secured=SECURED)
    return scene.talk


def test_a_session_over_tls() -> None:
    """A request over TLS has the scheme, and its session tells of the TLS."""
    scene = Talk()
    talk = talk_over_tls(scene)
    talk.receive(request("/1"))
    assert talk.exchange is not None
    session, head = talk.exchange.session, talk.exchange.head
    assert (head.scheme, head.get("x-forwarded-proto")) == ("https", "https")
    assert (session.tls, session.tls_version, session.cipher) == (True, "TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (session.server_name, session.alpn, session.certificate) == ("site", "http/1.1", None)
    scene.answer()


def test_a_request_for_another_host() -> None:
    """It is refused with 421 before any route is asked, even where it may travel no further; the connection goes on."""
    matched: list[Any] = []

    def everything(session: Any) -> bool:
        matched.append(session)
        return True

    scene = Talk(matcher=everything)
    talk = talk_over_tls(scene)
    wrong = request("/1").replace(b"Host: site", b"Host: other")
    last_hop = request("/", "Max-Forwards: 0", method="OPTIONS").replace(b"Host: site", b"Host: other")
    talk.receive(wrong + last_hop + request("/2"))
    refused = ["client refused 421 misdirected", "client done"]
    asked = ["client asks GET /1", *refused, "client asks OPTIONS /", *refused, "client asks GET /2", "dial"]
    assert scene.take() == asked
    assert [line.partition(" one")[0] for line in scene.told] == ["421 misdirected: the host is not the"] * 2
    assert len(matched) == 1
    scene.answer()
    assert scene.stage.at_rest()
