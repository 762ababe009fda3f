"""An engine over a loaded model: in this process, or in one of its own."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from galerne.bootstrap.models import load_weights, open_draft

if TYPE_CHECKING:
    from galerne.backends.generator import Generator
    from galerne.backends.messages import Load
    from galerne.bootstrap.models import LoadedModel
    from galerne.engine.engine import Engine
    from galerne.models import Model
    from galerne.prompt.tokenizer import Tokenizer
    from galerne.settings import Settings

WORKER = (sys.executable, "-P", "-c", "from galerne.bootstrap import run_worker; run_worker()")
"""Starts the process of an engine; the number of its socket follows."""


def build_engine(
    model: Model, open_tokenizer: Callable[[], Tokenizer], settings: Settings, draft: Model | None = None
) -> Engine:
    """An engine over a loaded model, for whoever drives it: `submit`, `step`, `cancel` (bench, the worker).

    Its tokenizer is opened for the first answer that follows a grammar: the engine needs it for nothing else.
    """
    from galerne.backends.joules import open_joules
    from galerne.engine.draft import DraftModel
    from galerne.engine.engine import Engine
    from galerne.engine.limits import EngineLimits
    from galerne.engine.lookup import PromptLookup
    from galerne.engine.speculation import InTurn
    from galerne.prompt.masks import GrammarCompiler

    limits = EngineLimits(
        max_batch_tokens=settings.max_batch_tokens,
        max_running=settings.max_running,
        max_waiting=settings.max_waiting,
        step_seconds=settings.step_milliseconds / 1000,
        speculation=settings.speculation,
    )
    grammars = GrammarCompiler(open_tokenizer, model.vocabulary, settings)
    proposer = PromptLookup() if draft is None else InTurn(PromptLookup(), DraftModel(draft))
    joules = open_joules(settings.energy_counters) or (lambda: None)
    return Engine(model, limits, compile_grammar=grammars, proposer=proposer, joules=joules)


def build_generator(loaded: LoadedModel, settings: Settings) -> Generator:
    """An engine in a thread of this process, behind the port `Generator`. Close it with `await close()`."""
    from galerne.backends.native import NativeGenerator

    engine = build_engine(loaded.model, lambda: loaded.tokenizer, settings, loaded.draft)
    return NativeGenerator(engine, loaded.model.request_length, loaded.level)


def run_worker() -> None:
    """The main function of an engine's process, as `WORKER` starts it."""
    from galerne.backends.worker import work

    work(socket.socket(fileno=int(sys.argv[1])), _load_engine)


def _load_engine(load: Load) -> tuple[Engine, str, int]:
    from galerne.prompt import open_tokenizer
    from galerne.settings import Settings
    from galerne.weights import open_checkpoint

    settings = Settings(**load.settings)  # all of them: nothing of this process's environment counts
    checkpoint = open_checkpoint(Path(load.model))  # its template is the server's affair
    model, draft, level = load_weights(checkpoint, open_draft(settings), settings, _print)
    return build_engine(model, lambda: open_tokenizer(checkpoint), settings, draft), level, model.request_length


def _print(line: str) -> None:
    """For the supervisor, who puts it into the log."""
    print(line, flush=True)
