"""Compiles grammars beside the steps."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from galerne.engine.mask import CompileGrammar, TokenMask
from galerne.engine.sequence import Sequence

PAUSE = 0.01
"""Seconds to sleep at most for a grammar when there is nothing else to do."""


class Grammars:
    """The requests whose grammar is being compiled. It may take a second, which no answer under way shall wait for: a
    thread does it, and the request enters the queue afterwards."""

    def __init__(self, compile_grammar: CompileGrammar) -> None:
        self._compile = compile_grammar
        self._thread = ThreadPoolExecutor(1, "galerne-grammar")
        self._compiling: dict[Sequence, Future[TokenMask]] = {}

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._compiling

    def add(self, sequence: Sequence) -> None:
        assert sequence.request.grammar is not None
        self._compiling[sequence] = self._thread.submit(self._compile, sequence.request.grammar)

    def remove(self, sequence: Sequence) -> None:
        self._compiling.pop(sequence).cancel()

    def compiled(self, *, patiently: bool) -> list[Sequence]:
        """Those that have their mask now, or were refused; they are still to be removed.

        `patiently`: there is nothing else to do, so sleep until one has."""
        if not self._compiling:
            return []
        if patiently:
            wait(self._compiling.values(), PAUSE, FIRST_COMPLETED)
        ready = [sequence for sequence, future in self._compiling.items() if future.done()]
        for sequence in ready:
            try:
                sequence.mask = self._compiling[sequence].result()
            except Exception as error:  # a grammar is foreign code: its fault is its request's alone
                sequence.refuse(f"The grammar cannot be compiled: {error}")
        return ready
