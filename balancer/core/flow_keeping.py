"""Which flows are kept, and for how long: makes room for new ones, and ends those that were idle; picks no backend."""

from __future__ import annotations

from collections.abc import Iterator

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.flow import Flow
from balancer.core.flow_bounds import Bounds, Counts
from balancer.core.flow_table import FlowTable
from balancer.core.slices import Work, at_once
from balancer.errors import BalancerError, UpstreamTimeout
from balancer.interfaces import Phase


class KeptFlows:
    """The flows of one listener, those that are moving included; `table` finds them.

    `work` ends the many that may have become idle at once.
    """

    def __init__(self, bounds: Bounds, deadlines: Deadlines, counts: Counts, work: Work = at_once) -> None:
        self.table: FlowTable[Flow] = FlowTable(bounds.max_flows_per_source, deadlines.granule)
        self._room, self._idle = bounds.max_flows, bounds.idle
        self._deadlines, self._counts = deadlines, counts
        self._deadline = Deadline(deadlines, self._expire)
        self._hurried, self._work = False, work

    def keep(self, flow: Flow) -> None:
        """Have the flow, which moves now; when all room is taken, the flow idle longest makes some."""
        table = self.table
        if flow not in table:
            if len(table) >= self._room:
                oldest = table.oldest()
                self._counts.evicted += oldest.lease is not None
                self.drop(oldest)
            if not table:
                self._deadline.move(self._idle)
            flow.last = self._deadlines.now
            table.add(flow)
        flow.last = self._deadlines.now

    def drop(self, flow: Flow, phase: Phase = Phase.DONE, error: BalancerError | None = None) -> None:
        """Forget the flow, whose lease, if it has one, ends so."""
        self.table.remove(flow)
        if not self.table:
            self._deadline.cancel()
        flow.release(phase, error)

    def hurry(self, idle: float) -> None:
        """Keep only those that have a backend, and end them after so many seconds of silence, if that is less."""
        self._idle, self._hurried = min(self._idle, idle), True
        for flow in [flow for flow in self.table if flow.lease is None]:
            self.drop(flow)
        if self.table:
            self._deadline.move(self._idle)

    def _expire(self) -> None:
        """The deadline fired."""
        self._work(self._expired())

    def _expired(self) -> Iterator[None]:
        """End what was idle for long enough, one with each step, and wait for the next."""
        while self.table:
            flow = self.table.oldest()
            remaining = self._idle - (self._deadlines.now - flow.last)
            if remaining > 0:
                self._deadline.move(remaining)
                return
            self._counts.expired += flow.lease is not None
            self.drop(flow, *self._judged(flow))
            yield

    def _judged(self, flow: Flow) -> tuple[Phase, BalancerError | None]:
        """How a flow ends that was idle for long enough; not a failure when a drain has cut its time short."""
        if flow.lease is None or not flow.owed or self._hurried:
            return Phase.DONE, None
        self._counts.unanswered += 1
        return Phase.DATA, UpstreamTimeout(f"{flow.lease.backend.name}: {flow.owed} replies are missing")
