"""Every built-in filter keeps what it promises, by the same kit that strangers use."""

from __future__ import annotations

from balancer.plugins.filters import AddPrefix, RequestHeaders, ResponseHeaders, RewriteHost, RewritePath, StripPrefix
from balancer.plugins.replies import Redirect, Respond
from balancer.plugins.tls_filters import HSTS, ClientCertificateHeaders
from balancer.testing import conformance

TestStripPrefix = conformance(lambda: StripPrefix("/v1"), profile="quick")
TestAddPrefix = conformance(lambda: AddPrefix("/v1"), profile="quick")
TestRewriteHost = conformance(lambda: RewriteHost("{tenant}.internal:8080"), profile="quick")
TestRewritePath = conformance(lambda: RewritePath("^/a/(.*)$", r"/b/\1"), profile="quick")
TestRequestHeaders = conformance(lambda: RequestHeaders(set={"x-client": "{client}"}), profile="quick")
TestResponseHeaders = conformance(lambda: ResponseHeaders(add={"x-by": "us"}, remove=["etag"]), profile="quick")
TestRedirect = conformance(lambda: Redirect(scheme="https"), profile="quick")
TestRespond = conformance(lambda: Respond(404, "gone"), profile="quick")
TestHSTS = conformance(HSTS, profile="quick")
TestClientCertificateHeaders = conformance(ClientCertificateHeaders, profile="quick")
