"""The port `Generator`: who turns token ids into more of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from galerne.engine.events import Event
from galerne.engine.request import GenerationRequest


class Generator(Protocol):
    """One model, running somewhere. Filled by the native engine (in this process or in a supervised one)."""

    context_length: int  # the most tokens, prompt and answer together, that one request can have

    def generate(self, request: GenerationRequest) -> AsyncIterator[Event]:
        """The request's events, the last one an `EndEvent`. Closing the iterator cancels the request within a step.

        Raises `QueueFull`, `PromptTooLong`, `EngineFailed`.
        """

    async def ready(self) -> bool:
        """True when the model really produced a token."""

    def statistics(self) -> Mapping[str, float]:
        """Counters and gauges for /metrics: running, waiting, blocks used, tokens so far, ..."""

    async def close(self) -> None:
        """Stop; open requests end as cancelled."""
