"""The beginning of an exchange: where its request leads, how large it may be, and what filters make of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import attrs

from balancer.core.allowance import Allowance, allowance
from balancer.core.exchange_upgrade import Changing
from balancer.core.filters import Pause
from balancer.core.messages import Message, RequestHead
from balancer.core.passage import Passage
from balancer.core.transforms import Transforms
from balancer.core.upgrade import asking
from balancer.errors import FilterFailed, RequestRefused
from balancer.interfaces import Reply


class Filtered(Changing):
    """The part of an `Exchange` that has its request routed, measured and filtered.

    `request_body` is what becomes of the body of the request; without it, as usual, that passes as it is.
    """

    request_body: Transforms | None
    _allowance: Allowance | None
    _held: Sequence[Message]

    @abstractmethod
    def _connect(self) -> None:
        """Ask for a connection to a backend: all is known that the request is to be."""

    def _prepare(self) -> Reply | Pause | None:
        """Choose a route, and let its filters have their say; an answer is the end of it. Raises what refuses it."""
        head, session = self.head, self.session
        target = self.site.path(head.target)
        if target is not head.target:
            self.head = head = attrs.evolve(head, target=target)
            session.become(request=head)
        self.route = route = self.site.routes.choose(session)
        if route.target.max_body is not None:
            self._allowance = allowance(route.target.max_body, head)
            if self._allowance is not None:
                self._allowance.take(self._held)
        if route.filters is None:
            if head.upgrade:
                self.head = asking(head, route.target.upgrades)
                session.become(request=self.head)
            return None
        answer = route.filters.request(head, session)
        if not isinstance(answer, RequestHead):
            return answer
        self._use(answer)
        return None

    def _use(self, head: RequestHead) -> None:
        """Go on with the head that the filters made, and what they make of the body. Raises `FilterFailed`."""
        assert self.route is not None
        assert self.route.filters is not None
        head, self.request_body = self.route.filters.request_body(head, self.session)
        self.head = asking(head, self.route.target.upgrades) if head.upgrade else head
        self.session.become(request=self.head)
        if self.request_body is not None:
            self._held = self.request_body.all_passed(self._held)

    def _allows(self, allowance: Allowance, messages: Sequence[Message]) -> bool:
        """Whether so much more of the body may come; if not, that is the end."""
        try:
            allowance.take(messages)
        except RequestRefused as error:
            self.fail(error)
            return False
        return True

    def _rewritten(self, body: Transforms, messages: Sequence[Message]) -> Sequence[Message]:
        """What becomes of more of the request's body, which may be nothing yet, or the end of the exchange."""
        if self._left_over is None:
            self.since = self.site.deadlines.now
        try:
            return body.all_passed(messages)
        except FilterFailed as error:
            self.request_body = None
            self.fail(error)
            return ()

    def _wait(self, pause: Pause) -> None:
        """A filter takes its time: until it is done there is nothing to do."""
        site = self.site
        passage = Passage(
            pause, later=site.later, deadlines=site.deadlines, limit=site.filter_timeout, done=self._passed
        )
        self.pending = passage
        passage.start()

    def _passed(self, answer: RequestHead | Reply | FilterFailed) -> None:
        """The filter is done, and so are all behind it."""
        self.pending = None
        self.session.at(self.site.seconds())
        if isinstance(answer, Reply):
            self.reply(answer)
            return
        try:
            if isinstance(answer, FilterFailed):
                raise answer
            self._use(answer)
        except FilterFailed as error:
            self.fail(error)
            return
        self._connect()
