"""A model whose every token depends on each earlier one as it lies in the block cache, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from galerne.engine.distribution import draw
from galerne.engine.engine import Engine
from galerne.engine.events import EndEvent, Event, VectorEvent
from galerne.engine.request import GenerationRequest
from galerne.kernels.batch import BLOCK, Batch

VOCABULARY = 40
ECHO = 11
"""Positions after which the fake's text likes to repeat itself, so that guesses are sometimes right."""

_MIX = 0x9E3779B97F4A7C15
_ALL_ONES = 2**64 - 1


def key_of(before: int, token: int, position: int, *, apart: bool = False) -> int:
    """What the cache holds of a position: like a true key, it depends on everything before it. Its low bits are the
    token. `apart`: it is of an answer, and the model computes those otherwise than prompts."""
    before ^= 1 << 40 if apart else 0
    mixed = ((before ^ (token + 1)) * _MIX + position) & _ALL_ONES
    return (mixed ^ (mixed >> 29)) & ~0xFFFF | token


def logits_of(keys: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Logits [VOCABULARY] that change when any of the keys does, or their order."""
    weights = np.arange(1, 2 * len(keys), 2, dtype=np.uint64)
    rng = np.random.Generator(np.random.Philox(int((keys * weights).sum(dtype=np.uint64))))
    logits = 2 * rng.standard_normal(VOCABULARY, np.float32)
    if len(keys) >= ECHO:
        logits[int(keys[-ECHO]) & 0xFFFF] += 5
    return logits


def state(tokens: Sequence[int]) -> list[float]:
    """The hidden state behind the last of these tokens: computed from them alone, without an engine."""
    keys: list[int] = []
    for token in tokens:
        keys.append(key_of(keys[-1] if keys else 0, token, len(keys)))
    return (2 * logits_of(np.array(keys, np.uint64))).tolist()


def answer(request: GenerationRequest, *, apart: bool = False) -> list[int]:
    """The tokens that `request` must give: computed one after the other from its text alone, without an engine."""
    rng = np.random.Generator(np.random.Philox((request.sampling.seed or 0) % 2**64))
    keys: list[int] = []
    tokens: list[int] = []
    for token in request.prompt:
        keys.append(key_of(keys[-1] if keys else 0, token, len(keys)))
    while len(tokens) < request.max_tokens:
        logits = logits_of(np.array(keys, np.uint64))
        if len(tokens) < request.min_tokens:
            logits[list(request.stop_tokens)] = -np.inf
        greedy = request.sampling.temperature == 0
        token = int(logits.argmax()) if greedy else draw(logits, request.sampling, rng.random())
        if token in request.stop_tokens:
            break
        tokens.append(token)
        keys.append(key_of(keys[-1], token, len(keys), apart=apart))
    return tokens


class FakeModel:
    """Wrong block tables, stale blocks, missing copies or wrong positions change its answers, as with a true model."""

    def __init__(
        self, blocks: int = 64, max_rows: int = 256, context_length: int = 512, *, answers_apart: bool = False
    ) -> None:
        self.blocks = blocks
        self.max_rows = max_rows
        self.context_length = context_length
        self.vocabulary = VOCABULARY
        self.answers_apart = answers_apart
        self.rows: list[int] = []  # of each step so far
        self.copies = 0
        self._cache = np.random.Generator(np.random.Philox(0)).integers(0, 2**63, (blocks, BLOCK), np.uint64)

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        assert 0 < len(batch.tokens) <= self.max_rows
        self.rows.append(len(batch.tokens))
        seen: list[NDArray[np.uint64]] = []
        for sequence, length in enumerate(batch.lengths):
            first, last = batch.starts[sequence : sequence + 2]
            assert batch.positions[first:last].tolist() == list(range(length - (last - first), length))
            table = batch.blocks[sequence]
            for row in range(first, last):
                apart = self.answers_apart and row < (batch.answers or 0)
                self._store(table, int(batch.positions[row]), int(batch.tokens[row]), apart)
            keys = self._cache[table[: -(-length // BLOCK)]].ravel()
            seen += [keys[: batch.positions[row] + 1] for row in range(first, last)]
        self._logits = np.array([logits_of(seen[row]) for row in batch.outputs], np.float32).reshape(-1, VOCABULARY)
        return self._logits

    def final_states(self) -> NDArray[np.float32]:
        return 2 * self._logits

    def copy_block(self, source: int, target: int) -> None:
        self._cache[target] = self._cache[source]
        self.copies += 1

    def _store(self, table: NDArray[np.int32], position: int, token: int, apart: bool) -> None:
        before = int(self._cache[table[(position - 1) // BLOCK], (position - 1) % BLOCK]) if position else 0
        self._cache[table[position // BLOCK], position % BLOCK] = key_of(before, token, position, apart=apart)


class Transcript:
    """What an engine said, by request. Fails on anything but some tokens, or a vector, and then one end."""

    def __init__(self) -> None:
        self.tokens: dict[str, list[int]] = {}
        self.vectors: dict[str, tuple[float, ...]] = {}
        self.ends: dict[str, EndEvent] = {}

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            assert event.id not in self.ends, f"{event} after the end"
            if isinstance(event, EndEvent):
                self.ends[event.id] = event
            elif isinstance(event, VectorEvent):
                assert event.id not in self.vectors
                self.vectors[event.id] = event.vector
            else:
                self.tokens.setdefault(event.id, []).append(event.token)


def run(engine: Engine, *requests: GenerationRequest) -> Transcript:
    """Submit the requests and step until there is nothing more to do."""
    transcript = Transcript()
    for request in requests:
        engine.submit(request)
    for _ in range(100_000):
        if not engine.has_work:
            return transcript
        transcript.add(engine.step())
    raise AssertionError("the engine does not come to an end")
