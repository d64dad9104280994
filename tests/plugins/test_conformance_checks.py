"""Every built-in health check and signal source keeps what it promises, by the same kit that strangers use."""

from __future__ import annotations

from balancer.interfaces import IHealthCheckPlugin, ISignalSourcePlugin
from balancer.plugins import health, signals
from balancer.plugins.composite_checks import All, Any, Composite
from balancer.plugins.dns_check import DNSCheck
from balancer.plugins.health import TCPCheck
from balancer.plugins.http_checks import HTTPCheck
from balancer.plugins.postgres_check import PostgresCheck
from balancer.plugins.script_check import Script
from balancer.plugins.send_expect import Expect, Send, SendExpect
from balancer.plugins.service_checks import MQTTCheck, SMTPCheck
from balancer.plugins.signals import LoadReports, Prometheus, Reported
from balancer.plugins.store_checks import MySQLCheck, RedisCheck
from balancer.plugins.tls_check import TLSCheck
from balancer.testing import conformance
from tests.plugins.answering import Naming, Shaking
from tests.plugins.test_postgres_check import IN, row
from tests.plugins.test_store_checks import GREETING, OK, PRIMARY, packet

TestTCPCheck = conformance(TCPCheck, profile="quick")
TestHTTPCheck = conformance(lambda: HTTPCheck("/healthz", body="ok"), profile="quick")
TestSendExpect = conformance(lambda: SendExpect([Send("PING"), Expect("PONG")]), profile="quick")
TestTLSCheck = conformance(lambda: TLSCheck(verify=False), healthy=Shaking, profile="quick")
TestSMTPCheck = conformance(SMTPCheck, profile="quick")
TestMQTTCheck = conformance(MQTTCheck, profile="quick")
TestRedisCheck = conformance(RedisCheck, healthy=b"+PONG\r\n" + PRIMARY, profile="quick")
TestMySQLCheck = conformance(lambda: MySQLCheck(user="me"), healthy=GREETING + packet(2, OK), profile="quick")
TestPostgresCheck = conformance(lambda: PostgresCheck(user="me"), healthy=[IN, row(b"f")], profile="quick")
TestDNSCheck = conformance(lambda: DNSCheck("example.com"), healthy=Naming, profile="quick")
TestScript = conformance(lambda: Script(["true"]), profile="quick")
TestAll = conformance(lambda: All(TCPCheck(), HTTPCheck("/")), profile="quick")
TestAny = conformance(lambda: Any(TCPCheck(), HTTPCheck("/")), profile="quick")
TestComposite = conformance(lambda: Composite(1, port=TCPCheck(), app=HTTPCheck("/")), profile="quick")
TestPrometheus = conformance(lambda: Prometheus("/metrics", {"queue": "waiting"}), profile="quick")
TestLoadReports = conformance(lambda: LoadReports("cpu_utilization"), profile="quick")
TestReported = conformance(lambda: Reported("queue"), profile="quick")


def test_none_is_left_out() -> None:
    """Every health check and every signal source that there is has its tests here."""
    there = [*vars(health).values(), *vars(signals).values()]
    markers = (IHealthCheckPlugin, ISignalSourcePlugin)
    names = {one.__name__ for one in there if any(marker.providedBy(one) for marker in markers)}
    assert len(names) > 15
    assert {f"Test{name}" for name in names} <= globals().keys()
