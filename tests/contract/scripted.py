"""Models that do what they are told: echo the prompt, fail as it says, or break in the middle of the answer."""

from __future__ import annotations

from dataclasses import replace

from fastapi import FastAPI
from tests.flows.fakes import PlainTemplate, ScriptedGenerator, served

import galerne.errors
from galerne.api.application import create_app
from galerne.engine.request import GenerationRequest
from galerne.errors import GalerneError, QueueFull
from galerne.flows.served import ServedModels
from galerne.identity.caller import Everyone
from galerne.prompt.tool_format import TAGGED_THINKING
from galerne.settings import Settings

ECHO = "echo"
"""A model that answers with its prompt; or fails, when that is the name of a failure."""
BREAKS = "breaks"
"""One whose engine fails after three letters of the answer."""
FILLS = "fills"
"""One that fills gaps: it says how many tokens it was asked with."""
THINKS = "thinks"
"""One that echoes, and reasons where the prompt has reasoning."""
BUSY = "busy, then"
"""A prompt of this beginning is refused once before it is answered."""


def scripted_app() -> FastAPI:
    refused: set[str] = set()

    def script(request: GenerationRequest) -> bytes | GalerneError:
        prompt = bytes(request.prompt).decode()
        if prompt.startswith(BUSY) and prompt not in refused:
            refused.add(prompt)
            return QueueFull("full.")
        failure = getattr(galerne.errors, prompt, None)
        return prompt.encode() if failure is None else failure("it went wrong.", where="there", hint="Mend it.")

    echo = served(ScriptedGenerator(script), ECHO).find(ECHO)
    breaks = replace(echo, name=BREAKS, generator=ScriptedGenerator(script, fails_after=3))
    counts = ScriptedGenerator(lambda request: f"echo of {len(request.prompt)} tokens\n".encode())
    fills = served(counts, FILLS, fim=True).find(FILLS)
    thinks = replace(echo, name=THINKS, template=PlainTemplate(TAGGED_THINKING))
    return create_app(ServedModels([echo, breaks, fills, thinks], {}), Everyone(), Settings())
