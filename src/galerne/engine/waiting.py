"""Who waits, and whose turn it is: by priority, then fairly between tenants, then first come first served."""

from __future__ import annotations

from collections import deque

from galerne.engine.sequence import Sequence


class WaitingQueue:
    """Fair between tenants by virtual token counters (Sheng et al., arXiv:2401.00588).

    Each tenant has a counter of the tokens that were computed for it; the one with the smallest goes next. A tenant
    that comes (back) starts level with the least served of those present, so that idling earns nothing. Priorities
    have queues of their own, but a tenant's counter is one.
    """

    def __init__(self) -> None:
        self._queues: dict[int, dict[str, deque[Sequence]]] = {}  # by priority, tenant
        self._served: dict[str, int] = {}  # tokens, of the tenants that are present
        self._present: dict[str, int] = {}  # requests waiting or running, by tenant
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def enter(self, sequence: Sequence) -> None:
        """A new request; its tenant is present until it leaves."""
        tenant = sequence.request.tenant
        if tenant not in self._present:
            self._served[tenant] = min(self._served.values(), default=0)
            self._present[tenant] = 0
        self._present[tenant] += 1
        self._queue(sequence).append(sequence)
        self._size += 1

    def leave(self, sequence: Sequence) -> None:
        """The request has ended, waiting or not."""
        tenant = sequence.request.tenant
        self._present[tenant] -= 1
        if not self._present[tenant]:
            del self._present[tenant], self._served[tenant]

    def charge(self, sequence: Sequence, tokens: int) -> None:
        self._served[sequence.request.tenant] += tokens

    def turn(self, sequence: Sequence) -> tuple[int, int, int]:
        """The smallest goes first."""
        return sequence.request.priority, self._served[sequence.request.tenant], sequence.arrival

    def peek(self) -> Sequence | None:
        """Whose turn it is."""
        if not self._queues:
            return None
        tenants = self._queues[min(self._queues)]
        return min((queue[0] for queue in tenants.values()), key=self.turn)

    def push_front(self, sequence: Sequence) -> None:
        """A preempted one: it goes on before those of its tenant that came later."""
        self._queue(sequence).appendleft(sequence)
        self._size += 1

    def remove(self, sequence: Sequence) -> None:
        priority, tenant = sequence.request.priority, sequence.request.tenant
        queue = self._queues[priority][tenant]
        queue.remove(sequence)
        self._size -= 1
        if not queue:
            del self._queues[priority][tenant]
            if not self._queues[priority]:
                del self._queues[priority]

    def _queue(self, sequence: Sequence) -> deque[Sequence]:
        tenants = self._queues.setdefault(sequence.request.priority, {})
        return tenants.setdefault(sequence.request.tenant, deque())
