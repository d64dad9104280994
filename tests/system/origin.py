"""A backend of aiohttp's make, as a process of its own: `origin.py LOG [PORT]` says the port it listens at.

Every request but those of health checks is written to the log, a line with its method and path, before it is answered;
so what a backend did outlives it. SIGUSR1 makes it reset all its connections; from SIGUSR2 on it answers what it is
asked for its name with 500, until the next one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import signal
import socket
import struct
import sys

from aiohttp import web

HOST = "127.0.0.1"
BLOCK = bytes(range(256)) * 256
"""64 KiB."""
CUT = struct.pack("ii", 1, 0)
"""Have a close send a RST."""


class Origin:
    """What it serves."""

    def __init__(self, log: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._transports: set[asyncio.BaseTransport] = set()
        self._failing = False

    def app(self) -> web.Application:
        """Where what is served."""
        app = web.Application(client_max_size=0)
        app.router.add_get("/healthz", self.well)
        app.router.add_get("/pour/{mebibytes}", self.pour)
        app.router.add_post("/drink", self.drink)
        app.router.add_route("*", "/{name:.*}", self.name)
        return app

    async def well(self, request: web.Request) -> web.Response:
        """For health checks."""
        return web.Response(text="well")

    async def name(self, request: web.Request) -> web.Response:
        """Anything else: its own name."""
        self._note(request)
        await request.read()
        return web.Response(text=request.match_info["name"], status=500 if self._failing else 200)

    async def pour(self, request: web.Request) -> web.StreamResponse:
        """So many MiB in chunks, or with a length if `?length`; the checksum comes first."""
        self._note(request)
        count = int(request.match_info["mebibytes"]) * 16
        summed = hashlib.sha256()
        for _ in range(count):
            summed.update(BLOCK)
        answer = web.StreamResponse(headers={"x-sum": summed.hexdigest()})
        if "length" in request.query:
            answer.content_length = count * len(BLOCK)
        await answer.prepare(request)
        for _ in range(count):
            await answer.write(BLOCK)
        return answer

    async def drink(self, request: web.Request) -> web.Response:
        """Takes a body, and tells its checksum."""
        self._note(request)
        summed = hashlib.sha256()
        async for data in request.content.iter_any():
            summed.update(data)
        return web.Response(text=summed.hexdigest())

    def fail(self) -> None:
        """Fail from now on, or no more."""
        self._failing = not self._failing

    def cut(self) -> None:
        """Reset all connections."""
        for transport in list(self._transports):
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CUT)
            transport.abort()  # type: ignore[attr-defined]  # those of sockets have it
        self._transports.clear()

    def _note(self, request: web.Request) -> None:
        if request.transport is not None:
            self._transports.add(request.transport)
        os.write(self._log, f"{request.method} {request.path}\n".encode())


async def main(log: str, port: str = "0") -> None:
    """Serve until killed, and be silent about requests that break off: nobody reads what is said."""
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    origin = Origin(log)
    runner = web.AppRunner(origin.app(), access_log=None)
    await runner.setup()
    listening = web.TCPSite(runner, HOST, int(port))
    await listening.start()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, origin.cut)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, origin.fail)
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
