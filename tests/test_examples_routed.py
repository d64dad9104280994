"""Where requests go in the examples, as `routed` tells it; the how-to page on tests shows these."""

from __future__ import annotations

from balancer.testing import routed
from tests.explain.golden import EXAMPLES

ROUTES, FILTERS = EXAMPLES / "routes.py", EXAMPLES / "filters.py"


def test_the_cookie_leads_to_the_beta_site() -> None:
    """Who has the cookie gets the beta site, and nobody in its place while that is down."""
    beta = routed(ROUTES, "GET http://www.example.com:8080/", headers=["Cookie: beta=on"])
    assert (beta.pool, beta.backend) == ("beta", "b3")
    gone = routed(ROUTES, "GET http://www.example.com:8080/", headers=["Cookie: beta=on"], down=["beta/b3"])
    assert (gone.backend, gone.refused) == (None, "no-backend")
    assert gone.reasons == {"b3": ("down",)}


def test_the_api_gets_its_own_paths_without_cookies() -> None:
    """The API is asked without the prefix and without cookies; old pages lead elsewhere."""
    api = routed(FILTERS, "GET http://app.example.com:8080/v1/users?page=2", headers=["Cookie: id=7"])
    assert api.request is not None
    assert (api.backend, api.request.target, api.request.get("cookie")) == ("b3", "/users?page=2", None)
    docs = routed(FILTERS, "GET http://app.example.com:8080/docs/start")
    assert docs.reply is not None
    assert dict(docs.reply.fields)["location"] == "https://docs.example.com/docs/start"
