"""Backends that work for as long as each request says: `working.py COUNT SERVERS SLOWER` says the ports in a line.

Each works on so many requests at once, and others wait in order; every COUNTth takes so many times as long. A request
says in its field `x-work` how many seconds of work it is, and is answered with the number of the backend.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

HOST: Final = "127.0.0.1"
KINDS: Final = 3
"""How often there are so many backends, for a pool each."""


class Backend:
    """One of them; its number is from 1 up."""

    def __init__(self, number: int, servers: int, slower: float) -> None:
        self._number, self._slower, self._free = number, slower, asyncio.Semaphore(servers)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""
        while head := await reader.readline():
            work = 0.0
            while (line := await reader.readline()).strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"x-work":
                    work = float(value)
            async with self._free:
                await asyncio.sleep(work * self._slower)
            assert head.startswith(b"GET ")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % self._number)
        writer.close()


async def main(each: int, servers: int, slower: float) -> None:
    """Serve until the end."""
    ports = []
    for number in range(KINDS * each):
        place = number % each + 1
        backend = Backend(place, servers, slower if place == each else 1.0)
        listening = await asyncio.start_server(backend.talk, HOST, 0, backlog=512)
        ports.append(str(listening.sockets[0].getsockname()[1]))
    print(*ports, flush=True)  # noqa: T201  what whoever started it waits for
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
