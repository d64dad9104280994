"""The built-in flow keys: what they call a datagram, what they learn, and the mistakes they tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IFlowKey, IFlowKeyPlugin
from balancer.plugins.flow_keys import QUICConnectionID, TokenKey

CLIENT, SERVER = b"client's", b"\x00server1"
INITIAL, HANDSHAKE = 0xC3, 0xE3


def long_header(destination: bytes, source: bytes, first: int = HANDSHAKE) -> bytes:
    """A QUIC packet with a long header, of version 1."""
    return bytes([first, 0, 0, 0, 1, len(destination)]) + destination + bytes([len(source)]) + source + b"payload"


def short_header(destination: bytes) -> bytes:
    """A QUIC packet with a short header."""
    return b"\x43" + destination + b"payload"


@pytest.mark.parametrize("key", [QUICConnectionID(), TokenKey(0, 4)])
def test_it_is_a_plugin(key: Any) -> None:
    """Each does what the interface says, and its class can be listed."""
    assert verifyObject(IFlowKey, key)
    assert IFlowKeyPlugin.providedBy(type(key))
    assert IPlugin.providedBy(type(key))


def test_an_id_that_a_backend_chose_is_recognized_in_every_packet() -> None:
    """What is learned from a backend's packet is what clients' packets with long and short headers are called by."""
    key = QUICConnectionID()
    assert key.learn(long_header(CLIENT, SERVER)) == (SERVER,)
    assert key.key(long_header(SERVER, CLIENT)) == key.key(short_header(SERVER)) == SERVER


def test_packets_without_an_id_have_no_name() -> None:
    """An empty id, a short header with too few bytes, and what is not QUIC name nothing and teach nothing."""
    key = QUICConnectionID()
    assert key.key(long_header(b"", CLIENT)) is None
    assert key.key(short_header(b"")) is None
    assert key.learn(long_header(CLIENT, b"")) == key.learn(short_header(SERVER)) == ()


@pytest.mark.parametrize(
    ("datagram", "name"),
    [
        (short_header(b"\x07\x01nonce6"), "b1"),
        (short_header(b"\x27\x02nonce6"), "b2"),
        (short_header(b"\x07\x03nonce6"), None),
        (short_header(b"\xe7\x01nonce6"), None),
        (long_header(b"\x07\x01nonce6", CLIENT), "b1"),
        (long_header(b"\x07\x01nonce6", CLIENT, INITIAL), None),
        (long_header(b"", CLIENT), None),
        (b"", None),
    ],
)
def test_an_id_may_say_whose_it_is(datagram: bytes, name: str | None) -> None:
    """The bytes behind the first name the backend, unless the id is said to tell nothing or the client made it up."""
    key = QUICConnectionID(server_ids={"b1": b"\1", "b2": b"\2"})
    assert (key.backend(datagram), key.backends) == (name, ("b1", "b2"))


def test_without_server_ids_none_is_named() -> None:
    """Ids say nothing that was not agreed upon."""
    assert (QUICConnectionID().backend(short_header(SERVER)), QUICConnectionID().backends) == (None, ())


@given(st.binary(max_size=80), st.integers(1, 20))
def test_quic_never_raises(datagram: bytes, length: int) -> None:
    """Whatever is sent, by whomever, an answer is a name or none."""
    key = QUICConnectionID(length=length)
    name = key.key(datagram)
    assert name is None or 0 < len(name) <= 20
    assert all(0 < len(one) <= 20 for one in key.learn(datagram))
    assert key.backend(datagram) is None


@given(st.binary(max_size=20), st.integers(0, 12), st.integers(1, 12))
def test_a_token_is_the_bytes_at_its_place(datagram: bytes, offset: int, length: int) -> None:
    """A datagram that is long enough is called by its token, and others by nothing."""
    name = TokenKey(offset, length).key(datagram)
    assert name == (datagram[offset:][:length] if len(datagram) >= offset + length else None)


@pytest.mark.parametrize(
    ("make", "mistakes"),
    [
        (lambda: TokenKey(-1, 0), ["TokenKey: offset: -1 is not", "TokenKey: length: 0 is not"]),
        (lambda: QUICConnectionID(length=0), ["QUICConnectionID: length: 0 is not a number of bytes from 1 to 20"]),
        (
            lambda: QUICConnectionID(server_ids=["b1"]),
            ["QUICConnectionID: server_ids: ['b1'] does not tell ids by names; write {'b1': b'\\x01'}"],
        ),
        (lambda: QUICConnectionID(server_ids={1: b"\1"}), ["QUICConnectionID: server_ids: 1 is not the name"]),
        (lambda: QUICConnectionID(2, {"a": b"\1\2"}), ["QUICConnectionID: server_ids: 'a': b'\\x01\\x02' is not an"]),
        (lambda: QUICConnectionID(8, {"a": b"1", "b": b"22"}), ["QUICConnectionID: server_ids: they are not of one"]),
        (
            lambda: QUICConnectionID(8, {"a": b"1", "b": b"1"}),
            ["QUICConnectionID: server_ids: 'a': b'1' is given twice", "QUICConnectionID: server_ids: 'b': b'1' is"],
        ),
    ],
)
def test_what_cannot_be_is_told(make: Any, mistakes: list[str]) -> None:
    """A setting that cannot work is a mistake that names it, its value and the remedy."""
    with pytest.raises(ConfigError) as caught:
        make()
    told = caught.value.mistakes
    assert len(told) == len(mistakes)
    assert all(line.startswith(begins) for line, begins in zip(told, mistakes, strict=True))


def test_settings_do_not_change() -> None:
    """What was given can be changed by nobody, and is shown as it was given."""
    given_ids = {"b1": b"\1"}
    key = QUICConnectionID(server_ids=given_ids)
    given_ids["b2"] = b"\2"
    assert repr(key) == "QUICConnectionID(length=8, server_ids={'b1': b'\\x01'})"
