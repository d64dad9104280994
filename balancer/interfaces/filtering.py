"""The filter that leaves everything as it is, to write one's own from; knows no request and no session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from balancer.interfaces.contracts import IFilter

if TYPE_CHECKING:
    from balancer.core.messages import RequestHead, ResponseHead


@implementer(IFilter)
class Filter:
    """Passes both heads on; inherit it to write only the step that matters. A step that is left out costs nothing."""

    def request(self, head: RequestHead, session: Any) -> Any:
        """See `IFilter`."""
        return head

    def response(self, head: ResponseHead, session: Any) -> Any:
        """See `IFilter`."""
        return head
