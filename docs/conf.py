"""Sphinx's settings; before the build, the generated pages are written to `_generated`, from the code."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "plugins")]

import balancer  # noqa: E402 - only now can it be found
from balancer import interfaces  # noqa: E402 - the same
from balancer.config.access_log import LOG_FIELDS  # noqa: E402 - the same
from balancer.core import ends, exchange_states, messages, relay  # noqa: E402 - the same
from balancer.interfaces import contracts  # noqa: E402 - the same
from balancer.plugins import (  # noqa: E402 - the same
    algorithms,
    combinators,
    datagrams,
    filters,
    first_bytes,
    flow_keys,
    hashing,
    health,
    matchers,
    score,
    signals,
    sticky,
)
from balancer.testing import simulation  # noqa: E402 - the same
from docs._ext import diagrams, reference  # noqa: E402 - the same

project = "balancer"
author = "the balancer authors"
version = release = balancer.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 2
exclude_patterns = ["_build", "_generated"]
nitpicky = True

html_theme = "furo"
html_title = f"balancer {release}"

ALGORITHMS = [
    algorithms.RoundRobin,
    algorithms.Random,
    algorithms.LeastConnections,
    algorithms.PowerOfTwo,
    algorithms.PeakEWMA,
    algorithms.LeastTime,
    algorithms.First,
    hashing.SourceHash,
    hashing.Hash,
]
HASHING = [hashing.Maglev, hashing.Ketama, hashing.Rendezvous]
COMBINATORS = [
    combinators.Fallback,
    combinators.Subset,
    combinators.Exact,
    combinators.BoundedLoad,
    combinators.Zones,
]
STICKY = [sticky.Sticky, sticky.OwnCookie, sticky.AppCookie, sticky.Learned, sticky.Remembered]
SCORE = [score.Score, score.Below, score.Affinity]
SIGNALS = [signals.Prometheus, signals.LoadReports, signals.Reported]
FIRST_BYTES = [
    first_bytes.TLSHello,
    first_bytes.SNI,
    first_bytes.ALPN,
    first_bytes.HTTP1,
    first_bytes.HTTP2,
    first_bytes.PostgresSSL,
    first_bytes.Postgres,
    first_bytes.MQTTClientID,
    first_bytes.Redis,
    first_bytes.SSH,
]
MATCHERS = [
    matchers.Host,
    matchers.Path,
    matchers.Method,
    matchers.Header,
    matchers.Query,
    matchers.Cookie,
    matchers.ClientIP,
    matchers.ClientCertificate,
    matchers.Scheme,
    matchers.Percent,
    matchers.Always,
]
SIMULATED = [
    simulation.Trace,
    simulation.Fault,
    simulation.Poisson,
    simulation.Steady,
    simulation.At,
    simulation.Constant,
    simulation.Exponential,
    simulation.LogNormal,
    simulation.Recorded,
]
GENERATED = {
    "exchange.svg": diagrams.svg(exchange_states.TRANSITIONS),
    "exchange.md": diagrams.table(exchange_states.TRANSITIONS),
    "relay.svg": diagrams.svg(relay.TRANSITIONS),
    "relay.md": diagrams.table(relay.TRANSITIONS),
    "config.md": reference.nouns(getattr(balancer, name) for name in balancer.__all__),
    "interfaces.md": reference.interfaces(inspect.getsource(contracts)),
    "values.md": reference.nouns([interfaces.Report, interfaces.Outcome, interfaces.Reply], heading="###"),
    "heads.md": reference.values(inspect.getsource(messages), ["Head", "RequestHead", "ResponseHead"]),
    "algorithms.md": reference.nouns(ALGORITHMS, heading="###"),
    "hashing.md": reference.nouns(HASHING, heading="###"),
    "combinators.md": reference.nouns(COMBINATORS, heading="###"),
    "sticky.md": reference.nouns(STICKY, heading="###"),
    "score.md": reference.nouns(SCORE, heading="###"),
    "signals.md": reference.nouns(SIGNALS, heading="###"),
    "health.md": reference.nouns((getattr(health, name) for name in health.__all__), heading="###"),
    "matchers.md": reference.nouns(MATCHERS, heading="###"),
    "first_bytes.md": reference.nouns(FIRST_BYTES, heading="###"),
    "datagrams.md": reference.nouns([datagrams.DNSName, datagrams.Token, datagrams.QUIC], heading="###"),
    "flow_keys.md": reference.nouns([flow_keys.QUICConnectionID, flow_keys.TokenKey], heading="###"),
    "filters.md": reference.nouns([getattr(filters, name) for name in filters.__all__], heading="###"),
    "simulation.md": reference.nouns(SIMULATED, heading="###"),
    "errors.md": reference.errors(),
    "log_fields.md": reference.rows(
        ("field", "what it tells"), ((f"`{name}`", text) for name, text in LOG_FIELDS.items())
    ),
    "endings.md": reference.rows(
        ("ending", "letter", "meaning", "Envoy"),
        ((f"`{one.value}`", one.who, one.text, one.envoy) for one in ends.Ending),
    ),
    "stages.md": reference.rows(
        ("stage", "letter", "meaning"), ((f"`{one.value}`", one.letter, one.text) for one in ends.Stage)
    ),
}

(HERE / "_generated").mkdir(exist_ok=True)
for name, text in GENERATED.items():
    (HERE / "_generated" / name).write_text(text, encoding="utf-8")
