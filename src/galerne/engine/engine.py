"""The engine: many requests at once through one model, a step at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from galerne.engine.batches import BatchBuilder, Step
from galerne.engine.cache import Cache
from galerne.engine.checks import check
from galerne.engine.events import EndEvent, EndReason, Event
from galerne.engine.grammars import Grammars
from galerne.engine.limits import EngineLimits
from galerne.engine.lookup import PromptLookup
from galerne.engine.mask import CompileGrammar
from galerne.engine.model import Model
from galerne.engine.pooling import pool
from galerne.engine.request import GenerationRequest
from galerne.engine.sampler import Sampler
from galerne.engine.scheduler import Scheduler
from galerne.engine.sequence import Sequence
from galerne.engine.speculation import Proposer
from galerne.errors import EngineFailed, InvalidRequest, QueueFull

PATIENCE = 3
"""Steps in a row that may fail before the engine gives up."""

Clock = Callable[[], float]
Joules = Callable[[], float | None]
"""Counts the energy that the machine took, since some time ago; None: that is not known."""


class Engine:
    """Requests in, events out. Single-threaded: whoever owns it calls one method at a time.

        while engine.has_work:
            for event in engine.step(): ...

    Each request that was submitted gets some `TokenEvent`s (one `VectorEvent`, if it embeds) and then just one
    `EndEvent`.
    """

    def __init__(
        self,
        model: Model,
        limits: EngineLimits | None = None,
        *,
        compile_grammar: CompileGrammar | None = None,
        proposer: Proposer | None = None,
        clock: Clock = time.monotonic,
        cpu_clock: Clock = time.process_time,
        joules: Joules = lambda: None,
    ) -> None:
        """`compile_grammar` knows the grammars of answers; without it a request cannot have one.

        `proposer` guesses tokens, where the limits allow it; by default it is `PromptLookup`.

        `clock` gives wall time and `cpu_clock` the CPU time of all threads of the process, in seconds."""
        self._model = model
        self._limits = limits or EngineLimits()
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._joules = joules
        max_rows = min(self._limits.max_batch_tokens, model.max_rows)
        max_running = min(self._limits.max_running, max_rows)  # each may have a row in every step
        self._most = max_running + self._limits.max_waiting
        self._cache = Cache(
            model.blocks, model.copy_block, sharing=self._limits.prefix_cache, answers_apart=model.answers_apart
        )
        batches = BatchBuilder(max_rows, max_running, model.context_length)
        guessing = (proposer or PromptLookup()) if self._limits.speculation else None
        self._scheduler = Scheduler(self._cache, self._limits, batches, guessing)
        self._grammars = None if compile_grammar is None else Grammars(compile_grammar)
        self._sampler = Sampler()
        self._sequences: dict[str, Sequence] = {}
        self._ended: dict[str, EndEvent] = {}  # between two steps, not yet told
        self._arrivals = 0
        self._failures = 0  # steps in a row
        self._counters = dict.fromkeys(("steps", "prompt_tokens", "cached_tokens", "completion_tokens"), 0)

    @property
    def has_work(self) -> bool:
        """Whether `step` has something to compute or to say."""
        return bool(self._sequences or self._ended or self._failures >= PATIENCE)

    def submit(self, request: GenerationRequest) -> None:
        """Take a request on.

        Raises `InvalidRequest`, `PromptTooLong` for one that could never fit, `QueueFull`, `EngineFailed`.
        """
        self._raise_if_failed()
        if request.id in self._sequences or request.id in self._ended:
            raise InvalidRequest(f"a request {request.id!r} is under way already.", where="id")
        check(request, self._model)
        if len(self._sequences) >= self._most:
            raise QueueFull(f"{len(self._sequences)} requests are under way already.", hint="Try again later.")
        seed = request.sampling.seed
        rng = np.random.Generator(np.random.Philox(None if seed is None else seed % 2**64))
        sequence = Sequence(request, self._arrivals, self._clock(), rng)
        sequence.joules = None if self._joules() is None else 0.0
        if request.grammar is None:
            self._scheduler.add(sequence)
        elif self._grammars is not None:
            self._grammars.add(sequence)
        else:
            raise InvalidRequest("this engine follows no grammars.", where="grammar")
        self._arrivals += 1
        self._sequences[request.id] = sequence

    def cancel(self, id: str) -> None:
        """End a request; the next step says so. One that has ended or never was is none of the engine's business."""
        sequence = self._sequences.get(id)
        if sequence is not None:
            sequence.end = EndReason.CANCELLED
            self._ended[id] = self._end(sequence)

    def step(self) -> list[Event]:
        """One tick: compute some rows, and say what came of it.

        Raises `EngineFailed` when the model has failed repeatedly; every request has had its end by then.
        """
        self._raise_if_failed()
        events: list[Event] = list(self._ended.values())
        self._ended.clear()
        events += self._take_compiled()
        began, cpu_began, joules_began = self._clock(), self._cpu_clock(), self._joules()
        step = self._scheduler.schedule()
        if step is None:
            return events
        for share in step.shares:
            share.sequence.start(began)
        logits = self._forward(step)
        if logits is not None:
            events += self._sampler.advance(step, logits)
            events += pool(step, self._model)
            self._scheduler.settle(step, self._clock() - began)
        self._account(step, self._cpu_clock() - cpu_began, _difference(joules_began, self._joules()))
        events += [self._end(share.sequence) for share in step.shares if share.sequence.end is not None]
        if self._failures >= PATIENCE:
            events += self._give_up()
        return events

    def statistics(self) -> Mapping[str, float]:
        """Counters since the start, and gauges of now."""
        pool = self._cache.pool
        return {
            **self._counters,
            "guessed_tokens": self._sampler.guessed,
            "accepted_tokens": self._sampler.accepted,
            "preemptions": self._scheduler.preemptions,
            "running": len(self._scheduler.running),
            "waiting": len(self._scheduler.waiting),
            "blocks": pool.size,
            "blocks_held": pool.size - pool.available,
            "blocks_cached": pool.idle,
        }

    def _take_compiled(self) -> list[Event]:
        """Requests whose grammar is compiled by now enter the queue; those whose grammar cannot be, end."""
        ends: list[Event] = []
        idle = not (self._scheduler.running or self._scheduler.waiting)
        for sequence in self._grammars.compiled(patiently=idle) if self._grammars is not None else ():
            if sequence.end is not None:
                ends.append(self._end(sequence))
            else:
                self._withdraw(sequence)
                self._scheduler.add(sequence)
        return ends

    def _forward(self, step: Step) -> NDArray[np.float32] | None:
        """The logits; None when the model failed, and the sequences of this step with it."""
        try:
            logits = self._model.forward(step.batch)
        except Exception as error:  # whatever it was, the other requests are not to suffer from it
            self._failures += 1
            for share in step.shares:
                share.sequence.fail(f"The model failed: {error}")
            return None
        self._failures = 0
        return logits

    def _account(self, step: Step, cpu_seconds: float, joules: float | None) -> None:
        """Each sequence bears the step's CPU time and energy by its rows."""
        self._counters["steps"] += 1
        rows = step.rows
        for share in step.shares:
            share.sequence.cpu_seconds += cpu_seconds * share.size / rows
            share.sequence.bear(None if joules is None else joules * share.size / rows)

    def _end(self, sequence: Sequence) -> EndEvent:
        assert sequence.end is not None
        del self._sequences[sequence.request.id]
        self._withdraw(sequence)
        work = sequence.work(self._clock())
        for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
            self._counters[name] += getattr(work, name)
        return EndEvent(sequence.request.id, sequence.end, work, sequence.error)

    def _withdraw(self, sequence: Sequence) -> None:
        if self._grammars is not None and sequence in self._grammars:
            self._grammars.remove(sequence)
        else:
            self._scheduler.remove(sequence)

    def _give_up(self) -> list[Event]:
        for sequence in self._sequences.values():
            sequence.fail("The model failed repeatedly.")
        return [self._end(sequence) for sequence in list(self._sequences.values())]

    def _raise_if_failed(self) -> None:
        if self._failures >= PATIENCE:
            raise EngineFailed(f"the model failed {PATIENCE} times in a row.", hint="The engine must be restarted.")


def _difference(began: float | None, ended: float | None) -> float | None:
    return None if began is None or ended is None else ended - began
