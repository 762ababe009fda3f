"""Submit, step, cancel, evict, fail in any order: nothing is lost, nothing is shared wrongly, every request ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.engine.fake_model import VOCABULARY, FakeModel, Transcript, answer, key_of

from galerne.engine.cache import Cache
from galerne.engine.draft import DraftModel
from galerne.engine.engine import PATIENCE, Engine
from galerne.engine.events import EndReason
from galerne.engine.limits import EngineLimits
from galerne.engine.lookup import PromptLookup
from galerne.engine.prefix import Node
from galerne.engine.request import GenerationRequest, Priority, Sampling
from galerne.engine.sequence import Sequence
from galerne.engine.speculation import InTurn
from galerne.errors import PromptTooLong, QueueFull
from galerne.kernels.batch import BLOCK

TEXT = np.random.Generator(np.random.Philox(5)).integers(0, VOCABULARY, 300).tolist()

samplings = st.one_of(
    st.just(Sampling(temperature=0)),
    st.builds(Sampling, temperature=st.sampled_from([0.4, 1.0]), top_k=st.integers(0, 5), seed=st.integers(0, 9)),
)


texts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=40).map(tuple)
requests = st.builds(
    GenerationRequest,
    id=st.just(""),
    prompt=st.builds(lambda common, own: (*TEXT[:common], *own), st.integers(0, 150), texts),
    max_tokens=st.integers(1, 60),
    sampling=samplings,
    stop_tokens=st.frozensets(st.integers(0, VOCABULARY - 1), max_size=1),
    min_tokens=st.integers(0, 5),
    tenant=st.sampled_from(["", "a", "b"]),
    priority=st.sampled_from(Priority),
)


class RaisesOnce(FakeModel):
    raises = False

    def forward(self, batch):  # type: ignore[no-untyped-def]
        logits = super().forward(batch)
        if self.raises:
            self.raises = False
            raise RuntimeError("once")
        return logits


class Vague(RaisesOnce):
    """A draft that is right half of the time."""

    def forward(self, batch):  # type: ignore[no-untyped-def]
        return super().forward(batch) + np.sin(np.arange(VOCABULARY, dtype=np.float32) + batch.tokens[0])


class EngineMachine(RuleBasedStateMachine):
    @initialize(
        blocks=st.integers(2, 24),
        rows=st.sampled_from([1, 7, 33, 100]),
        running=st.integers(1, 12),
        waiting=st.integers(0, 12),
        prefix_cache=st.sampled_from([True, True, True, False]),
        guessing=st.sampled_from(["", "lookup", "draft", "both"]),
        apart=st.booleans(),
        some=st.lists(requests, min_size=2, max_size=8),
    )
    def start(
        self,
        blocks: int,
        rows: int,
        running: int,
        waiting: int,
        prefix_cache: bool,
        guessing: str,
        apart: bool,
        some: list[GenerationRequest],
    ) -> None:
        self.model = RaisesOnce(blocks, context_length=400, answers_apart=apart)
        self.small = Vague(blocks, context_length=300)
        self.draft = DraftModel(self.small)
        proposers = {"lookup": PromptLookup(), "draft": self.draft, "both": InTurn(PromptLookup(), self.draft)}
        limits = EngineLimits(rows, running, waiting, prefix_cache=prefix_cache, speculation=bool(guessing))
        self.engine = Engine(self.model, limits, proposer=proposers.get(guessing))
        self.requests: dict[str, GenerationRequest] = {}
        self.cancelled: set[str] = set()
        self.said = Transcript()
        for request in some:
            self._submit(request)

    @rule(request=requests)
    def submit(self, request: GenerationRequest) -> None:
        self._submit(request)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 30), max_tokens=st.integers(1, 60), more=texts, said=st.booleans())
    def submit_again(self, which: int, max_tokens: int, more: tuple[int, ...], said: bool) -> None:
        """The same prompt, while the other one waits, runs, or has ended; or what was said until now, and more."""
        id = f"r{which % len(self.requests)}"
        tail = (*self.said.tokens.get(id, ()), *more) if said else ()
        self._submit(replace(self.requests[id], prompt=(*self.requests[id].prompt, *tail), max_tokens=max_tokens))

    def _submit(self, request: GenerationRequest) -> None:
        request = replace(request, id=f"r{len(self.requests)}")
        try:
            self.engine.submit(request)
        except PromptTooLong:
            assert len(request.prompt) + request.max_tokens - 1 > self.model.blocks * BLOCK
        except QueueFull:
            assert len(self.requests) > len(self.said.ends)
        else:
            self.requests[request.id] = request

    @rule(count=st.integers(1, 30))
    def step(self, count: int) -> None:
        for _ in range(count):
            self.said.add(self.engine.step())

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        id = f"r{which}"
        self.engine.cancel(id)
        if id in self.requests and id not in self.said.ends:
            self.cancelled.add(id)

    @rule(count=st.integers(1, 24))
    def evict(self, count: int) -> None:
        """Somebody else uses the memory for a moment."""
        pool = self.engine._cache.pool
        taken = [pool.take() for _ in range(min(count, pool.available))]
        for block in taken:
            self.model._cache[block] = 7
            pool.release(block)

    @precondition(lambda self: self.engine._failures + 1 < PATIENCE)
    @rule(often=st.integers(0, 3))
    def fail(self, often: int) -> None:
        if often:
            return
        self.model.raises = True
        self.said.add(self.engine.step())
        self.model.raises = False

    @rule(steps=st.integers(0, 3))
    def fail_to_draft(self, steps: int) -> None:
        self.small.raises = True
        self.step(steps)
        self.small.raises = False

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        steps = sum(len(each.prompt) + each.max_tokens for each in self.requests.values()) * 4 + 10
        while self.engine.has_work:
            self.step(1)
            self.check()
            steps -= 1
            assert steps > 0, "no progress"
        assert set(self.said.ends) == set(self.requests)
        for id, request in self.requests.items():
            self._check_answer(request, self.said.tokens.get(id, []), self.said.ends[id].reason)
        assert self.engine.statistics()["blocks_held"] == self.draft.blocks_held == 0

    def _check_answer(self, request: GenerationRequest, tokens: list[int], reason: EndReason) -> None:
        expected = answer(request, apart=self.model.answers_apart)
        if reason is EndReason.CANCELLED:
            assert request.id in self.cancelled
        if reason in (EndReason.CANCELLED, EndReason.FAILED):
            assert tokens == expected[: len(tokens)]
        else:
            assert tokens == expected
            assert reason is (EndReason.LENGTH if len(tokens) == request.max_tokens else EndReason.STOP)
        work = self.said.ends[request.id].work
        assert work.prompt_tokens == len(request.prompt)
        assert 0 <= work.cached_tokens < work.prompt_tokens
        assert work.completion_tokens == len(tokens) + (reason is EndReason.STOP)

    @invariant()
    def check(self) -> None:
        if hasattr(self, "engine"):
            running = self.engine._scheduler.running
            self._check_queue(running)
            self._check_pool(self.engine._cache, running)
            self._check_tree(self.engine._cache, self.model)
            assert set(self.draft._copies) <= set(running)
            self._check_pool(self.draft._cache, [copy.text for copy in self.draft._copies.values()])
            self._check_tree(self.draft._cache, self.small)

    def _check_queue(self, running: list[Sequence]) -> None:
        waiting = self.engine._scheduler.waiting
        present = Counter(each.request.tenant for each in self.engine._sequences.values())
        assert waiting._present == present
        assert len(waiting) + len(running) == present.total()

    def _check_pool(self, cache: Cache, running: list[Sequence]) -> None:
        pool = cache.pool
        assert all(sequence.computed <= len(sequence.table) * BLOCK for sequence in running)
        tables = [sequence.table for sequence in running]
        assert all(len(set(table)) == len(table) for table in tables)
        holders = Counter(block for table in tables for block in table)
        assert [holders[block] for block in range(pool.size)] == pool._holders
        assert sorted([*pool._free, *pool._idle, *holders]) == list(range(pool.size))
        assert {block for block in range(pool.size) if pool._kept[block]} == set(cache._tree._nodes)

    def _check_tree(self, cache: Cache, model: FakeModel) -> None:
        """Every node's block holds what its tokens say, and is evicted after those below it."""
        tree = cache._tree
        ages = {block: age for age, block in enumerate(cache.pool._idle)}
        found = 0

        def visit(node: Node, keys: list[int]) -> None:
            nonlocal found
            assert [each.tokens for each in node.children] == sorted({each.tokens for each in node.children})
            for child in node.children:
                found += 1
                path = list(keys)
                for token in child.tokens:
                    path.append(key_of(path[-1] if path else 0, token, len(path)))
                stored = model._cache[child.block, : len(child.tokens)].tolist()
                assert stored == path[len(keys) :]
                assert len(child.tokens) == BLOCK or not child.children
                if node.block in ages:
                    assert ages[child.block] < ages[node.block]
                visit(child, path)

        for root in tree._roots.values():
            assert root.children
            visit(root, [])
        assert found == len(tree)


EngineMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=25)
test_engine_states = EngineMachine.TestCase
