"""Asks the default model for an answer to each golden schema, and validates every one that is finished.

`make schemas` runs it: some minutes. Fails when an answer is wrong; says which were cut.
"""

from __future__ import annotations

import asyncio
import json
import sys

from jsonschema import ValidationError
from jsonschema.validators import validator_for
from tests.golden.schemas import Schema, golden_schemas

from galerne import bootstrap
from galerne.flows.answer_events import ChoiceEnd, TextDelta
from galerne.flows.chat import Chat
from galerne.identity.caller import DEFAULT_WORKSPACE, Caller
from galerne.protocol.chat import ChatRequest
from galerne.settings import load_settings

MOST_TOKENS = 400
AT_ONCE = 16


async def ask(chat: Chat, model: str, schema: Schema) -> str | None:
    """The answer; None when it was cut."""
    form = {"type": "json_schema", "json_schema": {"name": "golden", "schema": schema}}
    messages = [{"role": "user", "content": "Give me an example."}]
    asked = {"model": model, "messages": messages, "response_format": form, "max_tokens": MOST_TOKENS, "seed": 1}
    text, reason = "", ""
    async for event in chat.answer(ChatRequest.model_validate(asked), Caller(DEFAULT_WORKSPACE)):
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ChoiceEnd):
            reason = event.reason
    return text if reason == "stop" else None


def is_right(answer: str, schema: Schema) -> bool:
    validator = validator_for(schema)
    try:
        validator(schema, format_checker=validator.FORMAT_CHECKER).validate(json.loads(answer))
    except (ValidationError, ValueError):
        return False
    return True


async def main() -> int:
    settings = load_settings()
    schemas = golden_schemas()
    wrong: list[str] = []
    cut: list[str] = []
    turn = asyncio.Semaphore(AT_ONCE)
    async with bootstrap.open_chat(settings.model, settings) as chat:

        async def try_one(name: str) -> None:
            async with turn:
                answer = await ask(chat, settings.model, schemas[name])
            if answer is None:
                cut.append(name)
            elif not is_right(answer, schemas[name]):
                wrong.append(f"{name}: {answer}")

        await asyncio.gather(*map(try_one, schemas))
    finished = len(schemas) - len(cut)
    print(f"{len(schemas)} schemas: {finished} answers finished, {finished - len(wrong)} of them right.")
    print(*(f"cut after {MOST_TOKENS} tokens: {name}" for name in cut), *(f"wrong: {each}" for each in wrong), sep="\n")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(main())))
