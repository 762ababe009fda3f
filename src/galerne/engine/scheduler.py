"""Which rows the next step computes: continuous batching (Yu et al., Orca) with chunked prompts (Agrawal et al.,
Sarathi-Serve, arXiv:2403.02310)."""

from __future__ import annotations

from bisect import insort
from operator import attrgetter

from galerne.engine.batches import BatchBuilder, Share, Step
from galerne.engine.cache import Cache, next_block
from galerne.engine.events import EndReason
from galerne.engine.limits import EngineLimits
from galerne.engine.pace import Pace
from galerne.engine.prefix import Node
from galerne.engine.sequence import Sequence, blocks_for
from galerne.engine.speculation import Guess, Proposer
from galerne.engine.waiting import WaitingQueue
from galerne.kernels.batch import BLOCK

FEW_ROWS = 32
"""Up to here a step is mostly reading the weights, and a few rows more cost little."""

_rank = attrgetter("rank")

Plan = dict[Sequence, int]
"""Rows of the next step, by sequence."""

Claim = tuple[Node | None, str, tuple[int, ...]]
"""A block that somebody computes in this step: what comes before it, and its tokens."""


class Scheduler:
    """Keeps the running sequences in order of rank (priority, then age) and serves them in it.

    Why it always goes on: the first of the running sequences gets at least a row in every step, and is never preempted
    in favour of another that runs. Alone it fits (`Engine.submit` refuses it otherwise), so it ends; then the next one
    is first. Only the arrival of a request of a higher priority can preempt it, and of those too the first one ends.
    """

    def __init__(
        self, cache: Cache, limits: EngineLimits, batches: BatchBuilder, proposer: Proposer | None = None
    ) -> None:
        self._cache = cache
        self._proposer = proposer
        self._batches = batches
        self._max_rows = batches.max_rows
        self._max_running = batches.max_sequences
        self.pace = Pace(limits.step_seconds, self._max_rows)
        self.waiting = WaitingQueue()
        self.running: list[Sequence] = []
        self.preemptions = 0

    def add(self, sequence: Sequence) -> None:
        self.waiting.enter(sequence)

    def remove(self, sequence: Sequence) -> None:
        """The sequence has ended: its blocks are free for others."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._cache.release(sequence)
        else:
            self.waiting.remove(sequence)
        self.waiting.leave(sequence)
        if self._proposer is not None:
            self._proposer.release(sequence)

    def schedule(self) -> Step | None:
        """The rows of the next step: answers first, prompts with what is left. None when there is nothing to do."""
        self._admit()
        plan: Plan = {}
        for sequence in self.running:  # while we go, only the last of them can be preempted
            if sequence.pending == 1 and self._reserve(sequence, 1, plan):
                plan[sequence] = 1
        guesses = {}
        if len(plan) == len(self.running):
            guesses = self._guess(plan)
        else:
            self._fill_with_prompts(plan)
        if not plan:
            return None
        shares = [Share(each, rows, rows == each.pending, guesses.get(each, ())) for each, rows in plan.items()]
        return self._batches.build(sorted(shares, key=lambda share: share.sequence.in_prompt))

    def settle(self, step: Step, seconds: float) -> None:
        """The step was computed in so many seconds: what it left in the cache can be shared from now on."""
        self.pace.observe(step.rows, seconds)
        for share in step.shares:
            sequence = share.sequence
            self.waiting.charge(sequence, share.rows)
            if sequence.end is EndReason.FAILED:
                self._cache.forget(sequence)
                continue
            self._cache.share(sequence)
            if sequence.generated == 1:  # the prompt is complete, and others may come with the same one
                self._cache.share_tail(sequence)

    def _fill_with_prompts(self, plan: Plan) -> None:
        """Half of the room for whose turn it is; the others then from the shortest on, so that a short prompt does not
        wait for a long one; what they leave is the first one's again."""
        prompts = sorted((each for each in self.running if each.pending > 1), key=self.waiting.turn)
        if not prompts:
            return
        first, *others = prompts
        room = min(self.pace.room(beside=len(plan)), self._max_rows - len(plan))
        claims: set[Claim] = set()
        room -= self._take(first, -(-room // 2), plan, claims)
        for sequence in sorted(others, key=attrgetter("pending")):
            room -= self._take(sequence, room, plan, claims)
        self._take(first, room, plan, claims)

    def _take(self, sequence: Sequence, room: int, plan: Plan, claims: set[Claim]) -> int:
        """Plan (more) rows of a prompt, at most `room`. Returns how many."""
        if room <= 0 or sequence not in self.running:  # it was preempted for another
            return 0
        planned = plan.get(sequence, 0)
        if not planned:
            self._cache.adopt(sequence)
            claim = _claim(sequence)
            if claim in claims:
                return 0  # after this step the block is there to be adopted
            self._cache.adopt_part(sequence)
            if claim is not None:
                claims.add(claim)
        end = len(sequence.request.prompt) if sequence.in_prompt else len(sequence.tokens)
        rows = min(end - sequence.computed - planned, room)  # a share is of a prompt or of an answer
        if rows <= 0 or not self._reserve(sequence, planned + rows, plan):
            return 0
        plan[sequence] = planned + rows
        return rows

    def _guess(self, plan: Plan) -> dict[Sequence, Guess]:
        """Guesses to check beside the rows of a step without prompts, as far as there is room without taking any."""
        room = min(FEW_ROWS, self._max_rows) - len(plan)
        plan = {sequence: rows for sequence, rows in plan.items() if not sequence.in_prompt}
        if self._proposer is None or not plan or room < len(plan):
            return {}
        guesses = {}
        for sequence, guess in self._proposer.propose(plan, room // len(plan)).items():
            possible = guess[: sequence.request.max_tokens - sequence.generated - 1]
            if possible and self._cache.reserve(sequence, sequence.computed + 1 + len(possible)):
                guesses[sequence] = possible
        return guesses

    def _admit(self) -> None:
        while (sequence := self.waiting.peek()) is not None:
            if len(self.running) < self._max_running and self._has_room(sequence):
                self.waiting.remove(sequence)
                insort(self.running, sequence, key=_rank)
            elif self.running and sequence.request.priority < self.running[-1].request.priority:
                self._preempt_last({})
            else:
                return

    def _has_room(self, newcomer: Sequence) -> bool:
        """Whether the cache has room for its prompt beside what the running ones still need, and a block to grow."""
        if not self.running:
            return True
        promised = sum(max(blocks_for(len(other.tokens) + 1) - len(other.table), 0) for other in self.running)
        missing = blocks_for(len(newcomer.tokens) + 1) + promised - self._cache.pool.available
        return missing <= 0 or missing <= self._cache.held_by_others(newcomer)

    def _reserve(self, sequence: Sequence, rows: int, plan: Plan) -> bool:
        """Take room in the cache, from the running sequence of the last rank if need be. False: that was this one."""
        while not self._cache.reserve(sequence, sequence.computed + rows):
            if self._preempt_last(plan) is sequence:
                return False
        return True

    def _preempt_last(self, plan: Plan) -> Sequence:
        """Take its blocks; it computes again later what is not in the cache any more by then."""
        sequence = self.running.pop()
        plan.pop(sequence, None)
        self._cache.release(sequence)
        if self._proposer is not None:
            self._proposer.release(sequence)
        self.waiting.push_front(sequence)
        self.preemptions += 1
        return sequence


def _claim(sequence: Sequence) -> Claim | None:
    tokens = next_block(sequence)
    return (sequence.node, sequence.request.tenant, tokens) if len(tokens) == BLOCK else None
