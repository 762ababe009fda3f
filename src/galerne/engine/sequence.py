"""One request inside the engine: its tokens, its place in the cache, its random numbers, its account."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from galerne.engine.events import EndReason, Work
from galerne.engine.mask import TokenMask
from galerne.engine.penalties import Penalties
from galerne.engine.prefix import Node
from galerne.engine.request import GenerationRequest
from galerne.kernels.batch import BLOCK


@dataclass(slots=True, eq=False)
class Sequence:
    """The tokens of a request and what is known of them.

        tokens     p p p p p p p p g g g        prompt and generated
        computed   |-----------|                keys and values are in the cache
        pending                |-------|        still to be computed; the last one's logits give the next token

    `engine` makes it, `scheduler` and `cache` move it through the model, `sampler` appends tokens and ends it.
    """

    request: GenerationRequest
    arrival: int  # order of submission: the older goes first
    submitted: float  # seconds, on the engine's clock
    rng: np.random.Generator  # its own: one number per generated token, whatever runs beside it
    mask: TokenMask | None = field(init=False, default=None)  # there once its grammar is compiled
    tokens: list[int] = field(init=False)
    penalties: Penalties | None = field(init=False)
    table: list[int] = field(init=False, default_factory=list)  # the blocks it holds
    computed: int = 0
    shared: int = 0  # full blocks of it that are in the prefix tree
    node: Node | None = None  # the last of them
    tail: Node | None = None  # the one after it, when its partly filled block is in the tree too
    reached: int = 0  # the furthest `computed` so far; a preempted sequence starts again behind it
    cached: int = 0  # prompt positions that were found in the cache
    started: float | None = None  # seconds; when it first ran
    cpu_seconds: float = 0.0
    joules: float | None = None  # None: not known, of one step at least; the engine knows whether they are counted
    end: EndReason | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt)
        self.penalties = Penalties.of(self.request)

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller goes first, and is preempted last."""
        return self.request.priority, self.arrival

    @property
    def pending(self) -> int:
        return len(self.tokens) - self.computed

    @property
    def generated(self) -> int:
        return len(self.tokens) - len(self.request.prompt)

    @property
    def in_prompt(self) -> bool:
        """The next row is one of the prompt."""
        return self.computed < len(self.request.prompt)

    @property
    def untouched(self) -> bool:
        """Nothing changes the model's logits before the next token is chosen."""
        return self.mask is None and self.only_masked

    @property
    def only_masked(self) -> bool:
        """Nothing but its grammar does."""
        request = self.request
        return (
            self.penalties is None
            and not request.sampling.bias
            and (not request.min_tokens or not request.stop_tokens or self.generated >= request.min_tokens)
        )

    def advance(self, positions: int, *, cached: bool = False) -> None:
        """So many more positions are in the cache, computed or found there."""
        self.computed += positions
        if cached:
            self.cached += max(min(self.computed, len(self.request.prompt)) - self.reached, 0)
        self.reached = max(self.reached, self.computed)

    def start(self, now: float) -> None:
        """It runs; for the first time, or again."""
        if self.started is None:
            self.started = now

    def bear(self, joules: float | None) -> None:
        """Its share of a step's energy. What is not known of a part is not known of the whole."""
        self.joules = None if joules is None or self.joules is None else self.joules + joules

    def fail(self, error: str) -> None:
        self.end = EndReason.FAILED
        self.error = error

    def refuse(self, error: str) -> None:
        self.end = EndReason.REFUSED
        self.error = error

    def work(self, now: float) -> Work:
        started = now if self.started is None else self.started
        return Work(
            prompt_tokens=len(self.request.prompt),
            cached_tokens=self.cached,
            completion_tokens=self.generated,
            cpu_seconds=self.cpu_seconds,
            joules=self.joules,
            queue_seconds=started - self.submitted,
            wall_seconds=now - self.submitted,
        )


def blocks_for(positions: int) -> int:
    return -(-positions // BLOCK)
