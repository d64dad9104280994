"""The phrases, held against the standard library's, and against the RFC where that is behind it."""

from __future__ import annotations

from http import HTTPStatus

from balancer.core.phrases import PHRASES

RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
UNUSED = {418, 510}
"""Codes that are unused or obsolete by IANA's list."""


def test_phrases_are_those_of_the_rfc() -> None:
    """Every status that was registered by HTTP's makers has its phrase, the new one where RFC 9110 renamed it."""
    assert {code: RENAMED.get(code) or HTTPStatus(code).phrase for code in PHRASES} == PHRASES
    assert {404, 408, 413, 414, 417, 431, 502, 503, 504, 505} < set(PHRASES)
    assert not UNUSED & set(PHRASES)
