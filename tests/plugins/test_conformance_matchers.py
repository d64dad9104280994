"""Every built-in matcher keeps what it promises, by the same kit that strangers use."""

from __future__ import annotations

from balancer.plugins.client_matchers import ClientIP, Percent
from balancer.plugins.first_bytes import (
    ALPN,
    HTTP1,
    HTTP2,
    SNI,
    SSH,
    MQTTClientID,
    Postgres,
    PostgresSSL,
    Redis,
    TLSHello,
)
from balancer.plugins.matchers import Always, Host, Path
from balancer.plugins.request_matchers import Cookie, Header, Method, Query, Scheme
from balancer.plugins.tls_matchers import ClientCertificate
from balancer.testing import conformance

TestAlways = conformance(Always, profile="quick")
TestHost = conformance(lambda: Host("example.com", "*.example.org"), profile="quick")
TestHostByExpression = conformance(lambda: Host(regex="(?P<tenant>[a-z]+)[.]example[.]com"), profile="quick")
TestPath = conformance(lambda: Path("/v1"), profile="quick")
TestBoth = conformance(lambda: Host("example.com") & Path("/v1") | ~Method("GET"), profile="quick")
TestMethod = conformance(lambda: Method("GET", "POST"), profile="quick")
TestScheme = conformance(lambda: Scheme("https"), profile="quick")
TestHeader = conformance(lambda: Header("x-user", "beta"), profile="quick")
TestQuery = conformance(lambda: Query("q", "1"), profile="quick")
TestCookie = conformance(lambda: Cookie("a", "1"), profile="quick")
TestClientIP = conformance(lambda: ClientIP("10.0.0.0/8", "2001:db8::/32"), profile="quick")
TestPercent = conformance(lambda: Percent(20), profile="quick")
TestClientCertificate = conformance(ClientCertificate, profile="quick")
TestTLSHello = conformance(TLSHello, profile="quick")
TestSNI = conformance(lambda: SNI("example.com"), profile="quick")
TestALPN = conformance(lambda: ALPN("h2"), profile="quick")
TestHTTP1 = conformance(HTTP1, profile="quick")
TestHTTP2 = conformance(HTTP2, profile="quick")
TestPostgresSSL = conformance(PostgresSSL, profile="quick")
TestPostgres = conformance(Postgres, profile="quick")
TestMQTTClientID = conformance(MQTTClientID, profile="quick")
TestRedis = conformance(Redis, profile="quick")
TestSSH = conformance(SSH, profile="quick")
