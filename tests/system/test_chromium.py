"""Chromium opening a page with a WebSocket, all of it through the balancer, in the clear and over TLS."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from tests.net.authority import Authority, Leaf
from tests.system.process import HOST
from tests.system.programs import PATIENCE, Program
from tests.system.served import served

BINARY = 100_000
PAGE = f"""<!doctype html><meta charset="utf-8"><title>page</title><script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "/talk", ["chat"]), heard = [];
socket.binaryType = "arraybuffer";
socket.onopen = () => {{ socket.send("ünïcödé"); socket.send(new Uint8Array({BINARY})); socket.send("bye"); }};
socket.onmessage = one => heard.push(typeof one.data == "string" ? one.data : one.data.byteLength);
socket.onerror = () => heard.push("error");
socket.onclose = end => fetch("/result?" + encodeURIComponent(JSON.stringify(
    [heard, socket.protocol, end.code, end.reason, end.wasClean])));
</script>"""


def talk(connection: ServerConnection) -> None:
    """Say again what is said, and close when that is enough."""
    try:
        for message in connection:
            connection.send(message)
            if message == "bye":
                connection.close(4321, "farewell")
    except ConnectionClosed:
        return


def answering(results: Queue[Any]) -> Callable[[ServerConnection, Request], Response | None]:
    """What the backend says to requests: the page, and thanks for its results, which are put there."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        path, _, query = request.path.partition("?")
        if path == "/talk":
            return None
        if path == "/result":
            results.put(json.loads(unquote(query)))
        response = connection.respond(HTTPStatus.OK, PAGE if path == "/" else "thanks")
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        return response

    return answer


def trusted(leaf: Leaf) -> str:
    """How Chromium is told to trust that key."""
    key = leaf.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={b64encode(sha256(key).digest()).decode()}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_page_with_a_websocket(program: Callable[[str], str], tmp_path: Path, scheme: str) -> None:
    """The page hears its own words, as text and as bytes, and then the code and the reason of the close."""
    leaf = Authority().leaf(HOST)
    tls = f"tls=TLS({leaf.store(tmp_path)!r})" if scheme == "https" else ""
    results: Queue[Any] = Queue()
    command = [program("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--no-first-run", "--disable-background-networking", "--no-proxy-server"]
    command += ["--remote-debugging-port=0", trusted(leaf), f"--user-data-dir={tmp_path / 'profile'}"]
    with (
        served(tmp_path, talk, listener=tls, process_request=answering(results), subprotocols=["chat"]) as (_, port),
        Program(*command, f"{scheme}://{HOST}:{port}/"),
    ):
        heard, *ending = results.get(timeout=3 * PATIENCE)
    assert heard == ["ünïcödé", BINARY, "bye"]
    assert ending == ["chat", 4321, "farewell", True]
