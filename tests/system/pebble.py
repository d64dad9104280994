"""Pebble, an ACME authority for tests, as a process of its own, and its DNS; knows nothing of its clients."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Final, Self
from urllib.request import urlopen

from tests.net.authority import Authority
from tests.ports import free_ports
from tests.system.process import HOST, is_free
from tests.system.programs import PATIENCE, Program

TICK: Final = 0.05
"""Seconds between two looks at what has no way to call."""


class Pebble:
    """One that proves names at `http` and `tls`, ports of this machine, to which every name leads.

    Its certificates are good for `life` seconds. Unless `prompt` it takes its time before it looks at a proof. Within
    one block it may be killed and started again, and then knows of nothing that was before.
    """

    def __init__(self, program: Callable[[str], str], folder: Path, *, life: int = 86400, prompt: bool = True) -> None:
        self._pebble, self._resolver = program("pebble"), program("pebble-challtestsrv")
        self.prompt = prompt
        self._port, self._office, self._dns, _, self.http, self.tls = free_ports(6)
        authority = Authority()
        certificate, key = authority.leaf("localhost", HOST).store_apart(folder, "pebble")
        self.ca = authority.store(folder, "pebble-ca")
        self._config = folder / "pebble.json"
        self._config.write_text(json.dumps({"pebble": self._settings(certificate, key, life)}))
        self._log = folder / "pebble.log"
        self._stack = ExitStack()
        self._running: Program

    def _settings(self, certificate: str, key: str, life: int) -> dict[str, object]:
        return {
            "listenAddress": f"{HOST}:{self._port}",
            "managementListenAddress": f"{HOST}:{self._office}",
            "certificate": certificate,
            "privateKey": key,
            "httpPort": self.http,
            "tlsPort": self.tls,
            "certificateValidityPeriod": life,
        }

    def __enter__(self) -> Self:
        places = {"dns01": f"{HOST}:{self._dns}", "defaultIPv4": HOST, "defaultIPv6": "", "management": ""}
        silent = dict.fromkeys(("http01", "https01", "tlsalpn01"), "")
        words = [word for name, value in {**places, **silent}.items() for word in (f"-{name}", value)]
        self._stack.enter_context(Program(self._resolver, *words))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Run it."""
        command = [self._pebble, "-config", str(self._config), "-dnsserver", f"{HOST}:{self._dns}"]
        pace = "PEBBLE_VA_NOSLEEP=1" if self.prompt else "PEBBLE_VA_SLEEPTIME=9"
        # Into a file, for it says more than a pipe holds.
        shell = ["sh", "-c", 'exec env "$@" >>"$0" 2>&1', str(self._log), pace, *command]
        self._running = self._stack.enter_context(Program(*shell))
        until(lambda: not is_free(self._port))

    def kill(self) -> None:
        """End it at once."""
        self._running.kill()

    def count(self, text: str) -> int:
        """How often its log says so."""
        return self._log.read_text().count(text)

    @property
    def directory(self) -> str:
        """Its URL."""
        return f"https://localhost:{self._port}/dir"

    def trusting(self) -> ssl.SSLContext:
        """What verifies the certificates that it makes, until it is started again."""
        mine = ssl.create_default_context(cafile=self.ca)
        with urlopen(f"https://localhost:{self._office}/roots/0", context=mine, timeout=PATIENCE) as answer:
            return ssl.create_default_context(cadata=answer.read().decode())


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so. Raises `AssertionError` when it is not in time."""
    for _ in range(int(PATIENCE / TICK)):
        if true():
            return
        Event().wait(TICK)
    raise AssertionError("it has not come so far")
