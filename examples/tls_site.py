"""A site over TLS: plain HTTP is sent there, browsers are told to stay, and the backend is reached over TLS as well.

Make a certificate for localhost, in the folder where this file is:

    mkdir certificates
    openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout certificates/localhost.pem -out certificates/localhost.pem

Run it there with `twist balancer --config tls_site.py`, then
`curl --location --include --cacert certificates/localhost.pem http://localhost:8080/headers`.
"""

from pathlib import Path

from balancer import TLS, Config, HTTPListener, Pool, Route, UpstreamTLS
from balancer.demo import DemoBackend, DemoBackends
from balancer.plugins.filters import HSTS, Redirect

CERTIFICATE = str(Path(__file__).with_name("certificates") / "localhost.pem")

site = Pool("site", backends=["127.0.0.1:8444"], tls=UpstreamTLS(ca=CERTIFICATE, server_name="localhost"))
demo = Pool("demo", backends=["127.0.0.1:9001"])

config = Config(
    [
        HTTPListener("tcp:8080:interface=127.0.0.1", routes=Route(filters=Redirect(scheme="https", port=8443))),
        HTTPListener(
            "tcp:8443:interface=127.0.0.1",
            tls=TLS(CERTIFICATE),
            routes=Route(pool=site, filters=HSTS()),
        ),
        # In place of a backend that speaks TLS, as the demo's do not.
        HTTPListener("tcp:8444:interface=127.0.0.1", tls=TLS(CERTIFICATE), pool=demo),
    ],
    companions=[DemoBackends([DemoBackend("b1", http=9001, echo=9101)], control=9000)],
)
