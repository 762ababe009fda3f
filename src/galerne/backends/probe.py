"""Is a model ready? Only when a token really comes out of it."""

from __future__ import annotations

from uuid import uuid4

from galerne.backends.generator import Generator
from galerne.engine.events import TokenEvent
from galerne.engine.request import GenerationRequest, Sampling
from galerne.errors import GalerneError


def probe() -> GenerationRequest:
    """One token after token 0."""
    return GenerationRequest(f"probe-{uuid4().hex}", (0,), 1, Sampling(temperature=0))


async def produces_a_token(generator: Generator) -> bool:
    try:
        return any([isinstance(event, TokenEvent) async for event in generator.generate(probe(), lambda _: None)])
    except GalerneError:
        return False
