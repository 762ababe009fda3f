"""`POST /v1/fim/completions`: what the `mistralai` client says. The answer has a chat's form."""

from __future__ import annotations

from pydantic import Field

from galerne.protocol.generation import GenerationFields


class FimRequest(GenerationFields):
    """Code with a gap."""

    prompt: str = Field(description="What comes before the gap.")
    suffix: str | None = Field(None, description="What comes after it; none is an empty one.")
