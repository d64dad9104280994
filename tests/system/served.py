"""A site whose backend is a server of the `websockets` library, behind the balancer as a process of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from websockets.sync.server import ServerConnection, serve

from tests.ports import free_ports
from tests.system.process import HOST, LEAN, Process, written


@contextmanager
def served(
    folder: Path, talk: Callable[[ServerConnection], None], *, listener: str = "", drain: float = 1, **settings: Any
) -> Iterator[tuple[Process, int]]:
    """The balancer and its port, before a backend that has that talk on every WebSocket.

    `listener` are further settings of the listener, as they stand in a config, and `settings` those of the backend.
    """
    (port,) = free_ports(1)
    with socket.create_server((HOST, 0)) as far, serve(talk, sock=far, **settings) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        text = f"""
site = Pool("site", backends=["{HOST}:{far.getsockname()[1]}"])
config = Config(HTTPListener("tcp:{port}:interface={HOST}", pool=site, {listener}), drain={drain})
"""
        try:
            with Process("--config", written(folder, text), twist=LEAN) as process:
                process.says("HTTP on tcp:")
                yield process, port
        finally:
            server.shutdown()
            thread.join()
