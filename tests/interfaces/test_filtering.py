"""The filter to write one's own from."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead, ResponseHead
from balancer.interfaces import Filter, IFilter


class Beta(Filter):
    """Three lines."""

    def request(self, head: RequestHead, session: Any) -> RequestHead:
        return head.with_field("x-env", "beta")


def test_leaves_what_is_not_written_as_it_is() -> None:
    """A filter that inherits provides the interface, with the steps of its own and heads unchanged in the others."""
    request, response = RequestHead("GET", "/"), ResponseHead(200)
    for one in (Filter(), Beta()):
        assert verifyObject(IFilter, one)
        assert one.response(response, None) is response
    assert Filter().request(request, None) is request
    assert Beta().request(request, None).get("x-env") == "beta"
