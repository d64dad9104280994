"""Where numbers come from that backends report of themselves: their metrics, their answers, their health checks.

Each source is settings, and one way to read a number; when that is done, and for whom, is the pool's business. Refuses
to know what the numbers are used for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

import attrs
from twisted.internet.protocol import Factory
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, ISignalSource, ISignalSourcePlugin, Kind
from balancer.plugins.http_asking import Asking
from balancer.plugins.load_reports import HEADER, load_report
from balancer.plugins.metrics_text import Metric, metric, read_all
from balancer.plugins.settings import is_count, is_number, told

EXPIRE: Final = 30.0
LONGEST: Final = 1 << 20
"""The most bytes of metrics that are read."""

_ALL: Final = frozenset(Kind)
_STREAMS: Final = frozenset({Kind.TCP, Kind.HTTP})
_PATH: Final = re.compile(r"/[!\"$-~]*")
_ABOVE: Final = "is not a number of seconds above 0; give one such as 30"
_NAMES: Final = "is no name of a signal; write it in quotes"


def _all_names(names: Collection[Any]) -> bool:
    return bool(names) and all(isinstance(name, str) and name for name in names)


def _own(given: Any) -> Any:
    """What nobody else can change."""
    return dict(given) if isinstance(given, Mapping) else given


def _is_metric(asked: Any) -> bool:
    try:
        metric(asked)
    except (TypeError, ValueError):
        return False
    return True


@provider(IPlugin, ISignalSourcePlugin)
@implementer(ISignalSource)
@attrs.frozen
class Prometheus:
    """Metrics that backends expose to Prometheus: `Prometheus("/metrics", {"queue": "vllm:num_requests_waiting"})`.

    `metrics` says for each signal which metric it is: `name`, `name{label="value"}`, or `max(name)` (sum, max, min or
    avg) where several samples have that name; without one of those they are added up. They are asked for `every` so
    many seconds, in the clear on `port` if that is given, else as sessions reach the backend, with `timeout` seconds
    for an answer; the first 1 MiB of it is read. A number counts for `expire` seconds. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = _STREAMS

    path: str
    metrics: Mapping[str, str] = attrs.field(converter=_own)
    port: int | None = attrs.field(default=None, kw_only=True)
    every: float = attrs.field(default=5.0, kw_only=True)
    timeout: float = attrs.field(default=2.0, kw_only=True)
    expire: float = attrs.field(default=EXPIRE, kw_only=True)
    _read: tuple[tuple[str, Metric], ...] = attrs.field(init=False, repr=False, eq=False)

    @_read.default
    def _checked(self) -> tuple[tuple[str, Metric], ...]:
        mapped = isinstance(self.metrics, Mapping) and _all_names(self.metrics)
        told(
            self,
            path=(
                isinstance(self.path, str) and _PATH.fullmatch(self.path) is not None,
                "is not a path; write '/metrics'",
            ),
            metrics=(
                mapped and all(map(_is_metric, self.metrics.values())),
                "does not say which metrics; write {'queue': 'name', 'usage': 'max(other{label=\"value\"})'}",
            ),
            port=(self.port is None or is_count(self.port, 1, 65535), "is not a port; give a number from 1 to 65535"),
            every=(is_number(self.every, 0.1), "is not a number of seconds from 0.1 up; give one such as 5"),
            timeout=(is_number(self.timeout, 0.01), "is not a number of seconds from 0.01 up; give one such as 2"),
            expire=(is_number(self.expire, above=0), _ABOVE),
        )
        told(self, expire=(self.expire >= self.every, f"is over before the next every={self.every}; give more"))
        return tuple((name, metric(asked)) for name, asked in self.metrics.items())

    @property
    def names(self) -> frozenset[str]:
        """See `ISignalSource`."""
        return frozenset(self.metrics)

    async def collect(self, target: ICheckTarget) -> dict[str, float]:
        """See `ISignalSource`."""
        asking = Asking(self._request(target.address), wanted=LONGEST)
        await target.connect(Factory.forProtocol(lambda: asking))
        try:
            status, body = await asking.answer
        finally:
            asking.transport.loseConnection()
        if status != 200:
            raise CheckFailed(f"status {status}, expected 200")
        if len(body) == LONGEST:
            body = body[: body.rfind(b"\n") + 1]  # what is cut off within a number would be another
        return read_all(body.decode(errors="replace"), self._read)

    def _request(self, address: str) -> RequestHead:
        is_path = "/" in address or ":" not in address  # a unix socket has no name
        fields = (("user-agent", "balancer"), ("accept", "text/plain;version=0.0.4"), ("connection", "close"))
        return RequestHead("GET", self.path, "localhost" if is_path else address, fields=fields)


@attrs.frozen(init=False)
class _Named:
    """A source of the signals that it is told by name, each of which counts for `expire` seconds."""

    names: tuple[str, ...]
    expire: float = EXPIRE

    def __init__(self, *names: str, expire: float = EXPIRE) -> None:
        self.__attrs_init__(names, expire)

    def __attrs_post_init__(self) -> None:
        told(self, names=(_all_names(self.names), _NAMES), expire=(is_number(self.expire, above=0), _ABOVE))


@provider(IPlugin, ISignalSourcePlugin)
@implementer(ISignalSource)
@attrs.frozen(init=False)
class LoadReports(_Named):
    """Numbers in the `endpoint-load-metrics` header of answers (ORCA): `LoadReports("cpu_utilization")`.

    Names are as in the report, `named_metrics.kv` for those of its own; each counts for `expire` seconds after the
    answer that brought it. Clients do not get the header. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.HTTP})
    fields: ClassVar[frozenset[str]] = frozenset({HEADER})

    def answered(self, head: ResponseHead) -> dict[str, float]:
        """See `ISignalSource`."""
        try:
            return load_report(head.get(HEADER) or "")
        except ValueError as error:
            raise CheckFailed(f"{HEADER}: {error}") from error


@provider(IPlugin, ISignalSourcePlugin)
@implementer(ISignalSource)
@attrs.frozen(init=False)
class Reported(_Named):
    """Numbers that the pool's health check or agent reports: `Reported("queue")`.

    That is `Report(signals={"queue": 3})`, or `signal:queue=3` on an agent's line; each counts for `expire` seconds
    after it. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = _ALL
    reported: ClassVar[bool] = True
