"""What form a request wants its answers to have -> their grammar, and what the model is told of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from galerne.prompt.grammars import GrammarPart, PatternPart, SchemaPart
from galerne.prompt.instructions import schema_instruction
from galerne.protocol.chat import ChatRequest


@dataclass(frozen=True, slots=True)
class GrammarRequest:
    """A grammar to be compiled."""

    parts: Sequence[GrammarPart]
    where: str  # the field that asks for it


def grammar_of(request: ChatRequest) -> GrammarRequest | None:
    """None for an answer that is just text."""
    outputs, form = request.structured_outputs, request.response_format
    if outputs is not None and outputs.regex is not None:
        where = "structured_outputs.regex"
        return GrammarRequest(["start: ", PatternPart(outputs.regex, where)], where)
    if outputs is not None and outputs.choice is not None:
        choices = " | ".join(json.dumps(choice) for choice in outputs.choice)
        return GrammarRequest([f"start: {choices}"], "structured_outputs.choice")
    if form is not None and form.json_schema is not None:
        where = "response_format.json_schema.schema"
        return GrammarRequest(["start: ", SchemaPart(form.json_schema.answers, where)], where)
    if form is not None and form.type == "json_object":
        return GrammarRequest(["start: ", SchemaPart({"type": "object"}, "response_format")], "response_format")
    return None


def instructions(request: ChatRequest) -> list[str]:
    """What the model is told beside the conversation."""
    form = request.response_format and request.response_format.json_schema
    return [schema_instruction(form.answers, form.description)] if form else []
