"""The only place that wires the parts together. Nothing imports it but `cli` and the tests.

Imports happen inside the functions: `galerne --help` must not pay for an engine that it does not start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from galerne.backends.generator import Generator
    from galerne.engine.engine import Engine
    from galerne.flows.chat import Chat
    from galerne.models import Model
    from galerne.models.config import ModelConfig
    from galerne.prompt.template import ChatTemplate
    from galerne.prompt.tokenizer import Tokenizer
    from galerne.settings import Settings


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its weights in memory. `load_local_model` sets every field."""

    name: str  # the catalogue's name, or the file's
    path: Path
    digest: str  # SHA-256 of its files
    config: ModelConfig
    tokenizer: Tokenizer
    template: ChatTemplate
    model: Model  # forward(batch) -> logits
    blocks: int  # of the key/value cache
    level: str  # of the kernels


def load_local_model(name: str, settings: Settings) -> LoadedModel:
    """Load a model by catalogue name, alias or path.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`.
    """
    raise NotImplementedError


def build_engine(loaded: LoadedModel, settings: Settings) -> Engine:
    """An engine over a loaded model, driven by the caller: `submit`, `step`, `cancel` (bench, evaluation, the worker)."""
    raise NotImplementedError


def build_generator(loaded: LoadedModel, settings: Settings) -> Generator:
    """An engine in a thread of this process, behind the port `Generator` (chat). Close it with `await close()`."""
    raise NotImplementedError


@asynccontextmanager
async def open_chat(name: str, settings: Settings) -> AsyncIterator[Chat]:
    """The chat flow over one model in this process (`galerne chat`): `chat.answer(request)` gives `ChatEvent`s."""
    raise NotImplementedError
    yield


def build_app(settings: Settings) -> FastAPI:
    """The HTTP application of `galerne serve`. Its lifespan starts and stops the engine's process.

    Raises `ModelNotFound`, `BadFile` at once, before the server listens.
    """
    raise NotImplementedError
