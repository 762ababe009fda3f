"""Grammars of answers: checked before the engine sees them, in processes that may be killed."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from galerne.child_process import ChildProcess
from galerne.errors import BadGrammar
from galerne.settings import Settings

PROCESSES = 2
"""So that one client's difficult grammar does not keep all others waiting."""

KEPT = 128
"""Grammars whose check is remembered, right or wrong."""

SIMPLER = "Ask for a simpler form."

_PROGRAM = Path(__file__).with_name("grammar_check.py")
_START_SECONDS = 20.0  # a busy machine starts a process slowly


@dataclass(frozen=True)
class SchemaPart:
    """JSON that a schema allows."""

    schema: Mapping[str, Any]
    where: str  # the field that it comes from


@dataclass(frozen=True)
class PatternPart:
    """Text that a regular expression matches whole."""

    pattern: str
    where: str


GrammarPart = str | SchemaPart | PatternPart
"""A piece of a grammar; text is in the library's language."""


class Grammars:
    """Makes a grammar of its parts. To be called from one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.max_grammar_kb << 10
        self._checkers: SimpleQueue[_Checker] = SimpleQueue()
        for _ in range(PROCESSES):
            self._checkers.put(_Checker(settings))
        self._threads = ThreadPoolExecutor(PROCESSES, "galerne-grammars")
        self._known: OrderedDict[str, str | BadGrammar] = OrderedDict()

    async def compile(self, parts: Sequence[GrammarPart], where: str) -> str:
        """The grammar, as the engine takes it. `where`: the field that asks for it. Raises `BadGrammar`."""
        in_threads = asyncio.get_running_loop().run_in_executor
        spelled = await in_threads(self._threads, _spelled, parts, self._most)
        if spelled is None:
            raise BadGrammar(f"it has more than {self._most >> 10} KiB.", where=where, hint=SIMPLER)
        known = self._known.pop(spelled, None)
        if known is None:
            known = await in_threads(self._threads, self._check, spelled, where)
        self._known[spelled] = known
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        if isinstance(known, BadGrammar):
            raise BadGrammar(known.message, where=known.where, hint=known.hint)
        return known

    def _check(self, parts: str, where: str) -> str | BadGrammar:
        """Runs in a thread."""
        checker = self._checkers.get()
        try:
            return checker.check(parts, where)
        finally:
            self._checkers.put(checker)


class _Checker:
    """One of the processes. It is started for its first grammar, and after each one that it did not survive."""

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.grammar_seconds
        self._limits = {"mask_milliseconds": settings.mask_milliseconds, "memory_mb": settings.grammar_memory_mb}
        self._process = ChildProcess(_PROGRAM, most_bytes=(settings.max_grammar_kb << 13) + 65_536)

    def check(self, parts: str, where: str) -> str | BadGrammar:
        try:
            if not self._process.running:
                self._process.start()
                self._ask([], _START_SECONDS)
            answer = self._ask(json.loads(parts), self._seconds)
        except TimeoutError:
            return BadGrammar(f"checking it takes more than {self._seconds:g} seconds.", where=where, hint=SIMPLER)
        except EOFError:
            return BadGrammar("checking it takes too much memory.", where=where, hint=SIMPLER)
        if "grammar" in answer:
            return str(answer["grammar"])
        return BadGrammar(str(answer.get("refused") or answer.get("failed")), where=answer.get("path", where))

    def _ask(self, parts: list[Any], seconds: float) -> dict[str, Any]:
        question = json.dumps({**self._limits, "parts": parts}).encode()
        answer: dict[str, Any] = json.loads(self._process.ask(question, seconds))
        return answer


def _spelled(parts: Sequence[GrammarPart], most: int) -> str | None:
    """The parts in JSON; None when that is longer than `most`, which is found without writing it all."""
    plain = [part if isinstance(part, str) else vars(part) for part in parts]
    pieces: list[str] = []
    length = 0
    for piece in json.JSONEncoder().iterencode(plain):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            return None
    return "".join(pieces)
