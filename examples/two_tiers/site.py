"""The second of two tiers: a process that ends TLS for one site, and believes `front.py` who the client is.

For a try, make a certificate for each site, `shop` and `api`, in the folder where this file is:

    mkdir -p certificates
    openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=shop \
        -addext subjectAltName=DNS:shop.example.com -keyout certificates/shop.pem -out certificates/shop.pem

Run one process there with `SITE=shop twist balancer --config site.py`, one with `SITE=api`, and that of
`front.py`. What the application is told, the client's address among it, is then shown by

    curl --cacert certificates/shop.pem --resolve shop.example.com:8443:127.0.0.1 https://shop.example.com:8443/headers
"""

import os
from pathlib import Path

from balancer import TLS, Config, HTTPListener, Pool
from balancer.demo import DemoBackend, DemoBackends

SITES = {
    "shop": (8444, DemoBackend("shop", http=9001, echo=9101), 9201),
    "api": (8445, DemoBackend("api", http=9002, echo=9102), 9202),
}
name = os.environ.get("SITE", "shop")
port, application, control = SITES[name]

site = Pool(name, backends=[f"127.0.0.1:{application.http}"])

config = Config(
    HTTPListener(
        f"tcp:{port}:interface=127.0.0.1",
        tls=TLS(str(Path(__file__).with_name("certificates") / f"{name}.pem")),
        accept_proxy="127.0.0.1",
        pool=site,
    ),
    companions=[DemoBackends([application], control=control)],
)
