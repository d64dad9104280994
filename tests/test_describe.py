"""The printed plan."""

from __future__ import annotations

from balancer import (
    TLS,
    Backend,
    Config,
    Ejection,
    Health,
    HTTPListener,
    Pool,
    Retry,
    Route,
    TCPListener,
    UDPListener,
    UpstreamTLS,
)
from balancer.describe import plan
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.filters import Redirect
from balancer.plugins.first_bytes import SSH
from balancer.plugins.health import TCPCheck
from balancer.plugins.matchers import Path


class Note:
    """A filter or a check or a companion, for all the plan asks of it."""

    def startService(self) -> None:
        """As a companion."""

    stopService = startService

    async def __call__(self, target: object) -> None:
        """As a health check."""

    def __repr__(self) -> str:
        return "Note()"


SITE = Pool(
    "site",
    backends=["tcp:a:1", Backend("b:1", name="spare", backup=True, max_connections=8)],
    algorithm=LeastConnections(),
    health=Health(Note(), every=5),
)
DATABASE = Pool("database", backends=["unix:/run/db"])
NAMES = Pool("names", backends=["a:53"])
V1 = Route(Path("/v1"), DATABASE, name="v1", max_body=9, timeout=5)
CONFIG = Config(
    [
        HTTPListener(
            "tcp:80", routes=[Route(Path("/v1"), DATABASE, name="v1", max_body=9, timeout=5), Route(pool=SITE)]
        ),
        TCPListener("tcp:5432", pool=SITE, idle=60),
        TCPListener("tcp:53", pool=NAMES),
        UDPListener("udp:53", pool=NAMES),
    ],
    companions=Note(),
    control="unix:/run/balancer.sock",
)


LIMITS = (
    "max_connections=None, max_connections_per_source=None, max_rate=None, max_rate_per_source=None, max_lifetime=None"
)


PACES = "every=5, timeout=5, every_changing=None, every_down=None"
UNSENT = "send_proxy=None, proxy_tlvs=(), starttls=None"


def test_the_whole_plan() -> None:
    """The plan shows every listener, route, pool, check and backend with all settings in force, given or not."""
    pool = "connect_timeout=5.0, attempts=3, on_policy_error=None, latency_half_life=10.0, failure_hold=1.0"
    limited = pool.replace("on_policy", "queue=100, queue_timeout=5.0, on_policy") + ", spill=None, panic=None"
    fate = "on_down='keep', signals=(), resolve_every=None, dns=(), source=None"
    kept = "response_timeout=60.0, stall_timeout=60.0, keepalive=32, keepalive_timeout=4.0"
    http = f"{kept}, max_age=3600.0, max_uses=None, warm=0, max_head=32768, max_fields=100, max_interim=16"
    begin = f"reuse_port=False, accept_proxy=(), proxy='required', proxy_timeout=3.0, {LIMITS}, tls=None"
    told = "trusted_proxies=(), forwarded=False, via='balancer', request_id=True"
    sizes = "max_line=8192, max_head=32768, max_fields=100, max_trailers=8192, max_body=None, max_requests=10000"
    times = "request_timeout=10.0, body_timeout=30.0, idle=75.0, half_closed=1.0, upgrade_idle=3600.0"
    heads = f"{told}, {sizes}, {times}, reason_header=False, access_log=None, filter_timeout=5.0, paths='normal'"
    endings = "replies=None, per_packet=False, requests=None, key=None, send_proxy=None"
    assert list(plan(CONFIG, RoundRobin())) == [
        f"HTTPListener 'tcp:80': {begin}, {heads}",
        "  route 1 'v1': Path('/v1') -> Pool 'database', upgrades=('websocket',), max_body=9, timeout=5",
        "  route 2: everything -> Pool 'site', upgrades=('websocket',)",
        f"TCPListener 'tcp:5432': {begin}, peek_timeout=3.0, idle=60, linger=30.0, {UNSENT}",
        "  route 1: everything -> Pool 'site'",
        f"TCPListener 'tcp:53': {begin}, peek_timeout=3.0, idle=600.0, linger=30.0, {UNSENT}",
        "  route 1: everything -> Pool 'names'",
        f"UDPListener 'udp:53': reuse_port=False, idle=60.0, max_flows=10000, max_flows_per_source=None, {endings}",
        "  route 1: everything -> Pool 'names'",
        f"Pool 'database': algorithm=RoundRobin(), {pool}, {http}, {fate}",
        "  Health: not checked",
        "  UpstreamTLS: none",
        "  Ejection: none",
        "  Backend 'unix:/run/db': weight=1.0, tier=0, zone='', tags=(), max_connections=None, start='up'",
        f"Pool 'site': algorithm=LeastConnections(), {limited}, slow_start=None, {http}, {fate}",
        f"  Health: check=Note(), {PACES}, rise=2, fall=3, jitter=0.1, assume='up', port=None, tls=None",
        "  UpstreamTLS: none",
        "  Ejection: none",
        "  Backend 'a:1': weight=1.0, tier=0, zone='', tags=(), max_connections=None, start='up'",
        "  Backend 'spare': address='b:1', weight=1.0, tier=1, zone='', tags=(), max_connections=8, start='up'",
        f"Pool 'names': algorithm=RoundRobin(), {pool}, {fate}",
        "  Health: not checked",
        "  UpstreamTLS: none",
        "  Ejection: none",
        "  Backend 'a:53': weight=1.0, tier=0, zone='', tags=(), max_connections=None, start='up'",
        "Config: drain=30.0, companions=(Note(),), control='unix:/run/balancer.sock', max_checks=128",
    ]


def test_a_route_without_a_pool() -> None:
    """A route whose filters answer shows no pool, and nothing that would need one."""
    route = Route(filters=Redirect(scheme="https"), timeout=3)
    lines = list(plan(Config(HTTPListener("tcp:80", routes=route)), RoundRobin()))
    assert lines[1] == f"  route 1: everything -> {Redirect(scheme='https')!r}, timeout=3"
    assert lines[2].startswith("Config: ")


def test_what_secures_connections_to_backends() -> None:
    """TLS is shown with all its settings but secrets, with the names of backends, and with a warning if it is vain."""
    backend = Backend("a:1", server_name="a.example")
    tls = UpstreamTLS(certificate="/c.pem", passphrase=str, verify=False)
    lines = list(plan(Config(TCPListener("tcp:80", pool=Pool("site", backends=[backend], tls=tls))), RoundRobin()))
    assert lines[4].startswith("  UpstreamTLS: ca=None, server_name=None, expect=(), certificate=('/c.pem',), crl=None")
    assert "passphrase" not in lines[4]
    assert lines[5].startswith("  warning: certificates of backends are not verified")
    assert lines[7].endswith("start='up', server_name='a.example'")


def test_the_rules_by_which_a_pool_ejects() -> None:
    """The settings of ejection are a line of their own, without the rules for which the pool has too few backends."""
    pool = Pool("site", backends=["a:1", "b:1"], ejection=Ejection(observe="failures"))
    lines = list(plan(Config(HTTPListener("tcp:80", pool=pool)), RoundRobin()))
    assert (
        "  Ejection: failures=5, gateway_errors=5, local_errors=5, success_rate=None, failure_share=None, "
        "observe=('failures',), every=10.0, time=30.0, longest=300.0, jitter=0.1, most=0.1, trials=1, "
        "back_by_check=True" in lines
    )
    assert "ejection" not in lines[2]


def test_what_operators_are_warned_of() -> None:
    """Backends and checks that are not verified, and secrets that are written down, are warned of beneath each."""
    vain = UpstreamTLS(verify=False, keylog="/srv/keys")
    site = Pool("site", backends=["a:1"], tls=vain, health=Health(TCPCheck(), tls=vain))
    lines = list(plan(Config(TCPListener("tcp:80", pool=site)), RoundRobin()))
    told = [line for line in lines if line.startswith("  warning: ")]
    assert told[:2] == told[2:]
    assert told[1] == "  warning: keylog: the secrets of all connections are written to /srv/keys"
    assert [lines[lines.index(one) - 1].split(":")[0] for one in told[:1]] == ["  Health"]


def test_what_a_route_allows_and_tries_again() -> None:
    """A route shows its upgrades and all settings of its retries, and a backend its limit by the name written."""
    site = Pool("site", backends=[Backend("a:1", max_requests=8)])
    route = Route(pool=site, upgrades=(), retry=Retry(statuses=503))
    lines = list(plan(Config(HTTPListener("tcp:80", routes=route)), RoundRobin()))
    assert lines[1].startswith(
        "  route 1: everything -> Pool 'site', upgrades=(), retry=Retry(attempts=None, statuses=(503,), methods=None"
    )
    assert "  Backend 'a:1': weight=1.0, tier=0, zone='', tags=(), max_requests=8, start='up'" in lines


def test_tls_has_its_own_line() -> None:
    """How a listener speaks TLS is a line beneath it, with all settings but how keys are opened."""
    listener = TCPListener("tcp:5432", pool=SITE, tls=TLS("certs", passphrase=lambda path: path, strict=True))
    first, second, *_ = plan(Config(listener), RoundRobin())
    assert " tls=" not in first
    assert second.startswith(
        "  TLS: certificates=('certs',), acme=None, reload_every=10.0, default=None, strict=True, profile="
    )


def test_what_is_served_inside() -> None:
    """A listener inside a route is shown there, with the settings that it has without a port, its routes indented."""
    web = HTTPListener(routes=[Route(Path("/v1"), SITE), Route(pool=DATABASE)], idle=5)
    routes = [Route(SSH(), serve=TCPListener(routes=Route(serve=web))), Route(refuse=True)]
    lines = list(plan(Config(TCPListener("tcp:443", routes=routes)), RoundRobin()))[1:7]
    assert [line.partition("=")[0] for line in lines] == [
        "  route 1: SSH() -> TCPListener: max_lifetime",
        "    route 1: everything -> HTTPListener: max_lifetime",
        "      route 1: Path('/v1') -> Pool 'site', upgrades",
        "      route 2: everything -> Pool 'database', upgrades",
        "  route 2: everything -> refused",
        "Pool 'site': algorithm",
    ]
    assert "idle=5" in lines[1]
    assert "reuse_port" not in lines[0]
