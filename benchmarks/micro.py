"""What single parts of the core cost, in microseconds a call, in this process: no sockets, no reactor.

The best of several runs counts, as whatever else the machine does only ever adds. The call itself, some 0.05 us, is
part of each figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from math import inf
from random import Random
from timeit import Timer
from typing import Any

import attrs
from twisted.plugin import getPlugins

import balancer.plugins
from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.http1 import RequestDecoder, RequestEncoder, ResponseDecoder, ResponseEncoder
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import Algorithm, Policy, Ports
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.core.session import Session
from balancer.interfaces import IAlgorithmPlugin, Kind
from balancer.plugins.combinators import BoundedLoad
from balancer.plugins.hashing import Ketama, Rendezvous, SourceHash
from balancer.plugins.matchers import Host, Path
from benchmarks.results import table

ARMED = 10_000
REPEATS = 7
CALLS = 1000
SIZES = (8, 64, 512)
"""How many backends are picked from."""
ROUTES = (5, 50, 500)
"""How many routes are chosen from."""

BROWSER = b"""\
GET /articles/2026/11/load?page=2&sort=newest HTTP/1.1
Host: www.example.com
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: https://www.example.com/articles/2026/11/
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes
Upgrade-Insecure-Requests: 1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: same-origin
Priority: u=0, i

""".replace(b"\n", b"\r\n")
ANSWER = b"""\
HTTP/1.1 200 OK
Date: Fri, 20 Nov 2026 12:00:00 GMT
Content-Type: text/html; charset=utf-8
Content-Length: 2
Cache-Control: max-age=60
ETag: "5f3a-61e8"
Vary: accept-encoding

ok""".replace(b"\n", b"\r\n")

Call = Callable[[], object]


@attrs.frozen
class Case:
    """One part: `prepare` returns the call to be measured, afresh for each run."""

    name: str
    prepare: Callable[[], Call]

    def measure(self, repeats: int = REPEATS, calls: int = CALLS) -> float:
        """Microseconds a call."""
        return min(Timer(self.prepare()).timeit(calls) for _ in range(repeats)) / calls * 1e6


def decode_request() -> Call:
    """A request head of a browser: twelve fields beside the host."""
    decoder = RequestDecoder()

    def call() -> None:
        decoder.receive(BROWSER)
        decoder.next()

    return call


def encode_request() -> Call:
    """The same head on its way to a backend."""
    head = RequestDecoder().receive(BROWSER)[0]
    assert isinstance(head, RequestHead)
    encoder = RequestEncoder()
    return lambda: encoder.head(head)


def decode_response() -> Call:
    """An answer with six fields and a body of two bytes."""
    decoder = ResponseDecoder()

    def call() -> None:
        decoder.expect("GET")
        decoder.receive(ANSWER)

    return call


def encode_response() -> Call:
    """The same answer's head on its way to the client."""
    decoder = ResponseDecoder()
    decoder.expect("GET")
    head = decoder.receive(ANSWER)[0]
    assert isinstance(head, ResponseHead)
    request = RequestHead(method="GET", target="/", authority="www.example.com")
    return lambda: ResponseEncoder(request).head(head, close=False)


def choose(count: int) -> Call:
    """A route of so many, by host and path, in the middle."""
    routes = Routes([Route(Host(f"h{n}.example.com") & Path(f"/v{n % 7}"), n) for n in range(count)])
    wanted = count // 2
    head = RequestHead("GET", f"/v{wanted % 7}/articles?page=2", f"h{wanted}.example.com")
    session = Session(Kind.HTTP, ("192.0.2.1", 40000), 0.0, head)
    return lambda: routes.choose(session)


def ports() -> Ports:
    """What a pool needs of the outside, with chance that repeats itself."""
    return Ports(random=Random(1), seconds=time.monotonic, later=lambda call: call())


def backends(count: int) -> list[Backend]:
    """So many alike, all up, busy to different degrees."""
    chance = Random(2)
    found = [Backend(f"b{n}", f"127.0.0.1:{n}", ("127.0.0.1", n), seconds=time.monotonic) for n in range(count)]
    for backend in found:
        backend.become(active=chance.randrange(count))
    return found


def sessions() -> Iterator[Session]:
    """Sessions of many clients, without end."""
    return cycle([Session(Kind.TCP, (f"192.0.2.{n % 256}", 40000 + n), 0.0) for n in range(1024)])


def pick(algorithm: Algorithm, count: int) -> Call:
    """A pick from so many backends."""
    policy = Policy(algorithm, "benchmark", ports())
    policy.prepare(backends(count), first=inf)
    snapshot = policy.snapshot
    assert snapshot is not None
    picker, clients = snapshot.picker, sessions()
    return lambda: picker(next(clients))


def lease() -> Call:
    """A pool's pick of eight backends in turn, and its end."""
    algorithm = next(made for made in algorithms() if made.name == "round-robin")
    pool, clients = Pool("benchmark", backends(8), algorithm, ports=ports()), sessions()
    return lambda: pool.pick(next(clients)).end()


def nothing() -> None:
    """What a deadline calls when it is due, which none of these ever is."""


class Stopped:
    """An alarm whose time stands still."""

    def seconds(self) -> float:
        """No time passes."""
        return 0.0

    def wake_after(self, seconds: float, call: Call) -> None:
        """Never wake."""


def armed(count: int) -> tuple[Deadlines, list[Any]]:
    """So many deadlines, due within the minute."""
    deadlines, chance = Deadlines(Stopped()), Random(3)
    return deadlines, [deadlines.after(chance.uniform(1, 60), nothing) for _ in range(count)]


def arm() -> Call:
    """One more deadline."""
    deadlines, _ = armed(ARMED)
    return lambda: deadlines.after(30, nothing)


def move() -> Call:
    """A deadline that is put off, as a time-out is whenever bytes come."""
    _, found = armed(ARMED)
    following = cycle(found)
    return lambda: next(following).move(60)


def cancel() -> Call:
    """A deadline that is not needed any more."""
    _, found = armed(ARMED)
    following = iter(found)
    return lambda: next(following).cancel()


def algorithms() -> list[Algorithm]:
    """The built-in algorithms that need no settings, by name."""
    found: set[Any] = set(getPlugins(IAlgorithmPlugin, balancer.plugins))
    plain = [plugin for plugin in found if not required(plugin) and plugin.__module__.startswith("balancer.plugins.")]
    return sorted((plugin() for plugin in plain), key=lambda made: str(made.name))


def combined() -> dict[str, Any]:
    """Other ways of hashing, and an algorithm of an algorithm, by what they are."""
    return {
        "source-hash by Ketama": SourceHash(Ketama()),
        "source-hash by Rendezvous": SourceHash(Rendezvous()),
        "bounded source-hash": BoundedLoad(SourceHash()),
    }


def required(plugin: Any) -> list[str]:
    """The settings that a plugin cannot do without."""
    return [field.name for field in attrs.fields(plugin) if field.init and field.default is attrs.NOTHING]


def cases() -> list[Case]:
    """All that is measured, in the order of the table."""
    return [
        Case("request, twelve fields: decode", decode_request),
        Case("request, twelve fields: encode", encode_request),
        Case("response, six fields: decode", decode_response),
        Case("response, six fields: encode", encode_response),
        *(Case(f"route of {count}, by host and path: choose", partial(choose, count)) for count in ROUTES),
        *(
            Case(f"{name}: pick of {size}", partial(pick, algorithm, size))
            for name, algorithm in [*((plain.name, plain) for plain in algorithms()), *combined().items()]
            for size in SIZES
        ),
        Case("pool, round-robin of 8: pick and end", lease),
        Case(f"deadline, {ARMED} armed: arm", arm),
        Case(f"deadline, {ARMED} armed: move", move),
        Case(f"deadline, {ARMED} armed: cancel", cancel),
    ]


def main() -> None:
    """Measure everything and print the table."""
    print("Parts of the core on their own, microseconds a call.")
    print(table(("what", "us"), [(case.name, f"{case.measure():.2f}") for case in cases()]))


if __name__ == "__main__":
    main()
