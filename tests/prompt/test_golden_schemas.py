"""Whatever a model writes under a schema's grammar, an independent validator finds it right."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from jsonschema.validators import validator_for
from tests.golden.schemas import Schema, golden_schemas

from galerne.prompt import open_tokenizer
from galerne.prompt.grammars import Grammars, SchemaPart
from galerne.prompt.masks import GrammarCompiler
from galerne.prompt.tokenizer import Tokenizer
from galerne.settings import Settings
from galerne.weights import open_checkpoint

SCHEMAS = golden_schemas()
ANSWERS = 2
"""For each schema."""


class Writer:
    """A model that draws its tokens by lot, from those that are allowed; it likes those that bring it to an end."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.compile_grammar = GrammarCompiler(lambda: tokenizer, tokenizer.vocabulary_size, Settings())
        ends = [tokenizer.token_bytes(token)[:1] in b'"]},' for token in range(tokenizer.vocabulary_size)]
        self._ends = np.packbits(ends, bitorder="little").view(np.int32)

    def write(self, grammar: str, draw: Random, most: int = 300) -> str | None:
        """An answer; None when it does not come to an end."""
        mask = self.compile_grammar(grammar)
        answer: list[int] = []
        for _ in range(most):
            allowed = mask.allowed()
            choices = _tokens(allowed & self._ends) if draw.random() < 0.4 else []
            choices = choices or _tokens(allowed)
            token = draw.choice(choices)
            mask.advance(token)
            if token in self.tokenizer.stop_tokens:
                return self.tokenizer.decode(answer)
            answer.append(token)
        return None


def _tokens(allowed: np.ndarray) -> list[int]:
    return np.flatnonzero(np.unpackbits(allowed.view(np.uint8), bitorder="little")).tolist()


@pytest.fixture(scope="module")
def writer(default_model: Path) -> Writer:
    return Writer(open_tokenizer(open_checkpoint(default_model)))


@pytest.fixture(scope="module")
def grammars() -> dict[str, str]:
    checker = Grammars(Settings())

    async def check() -> dict[str, str]:
        return {
            name: await checker.compile(["start: ", SchemaPart(schema, name)], name) for name, schema in SCHEMAS.items()
        }

    return asyncio.run(check())


def validate(text: str, schema: Schema) -> None:
    validator = validator_for(schema)
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(json.loads(text))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_answer_is_right(name: str, grammars: dict[str, str], writer: Writer) -> None:
    answers = [writer.write(grammars[name], Random(seed)) for seed in range(ANSWERS)]
    finished = [answer for answer in answers if answer is not None]
    assert finished
    for answer in finished:
        validate(answer, SCHEMAS[name])


def test_there_are_more_than_200() -> None:
    assert len(SCHEMAS) > 200
    assert len({json.dumps(schema) for schema in SCHEMAS.values()}) > 200
