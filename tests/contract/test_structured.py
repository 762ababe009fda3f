"""Structured output as both official clients ask for it: what the smallest model writes has the form, always."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from jsonschema.validators import validator_for
from mistralai.client.errors import HTTPValidationError
from openai import LengthFinishReasonError, OpenAI, UnprocessableEntityError
from pydantic import BaseModel, Field
from tests.contract.clients import async_openai, mistral, openai
from tests.golden.schemas import golden_schemas

MODEL = "mistral-small-latest"
ASK: Any = [{"role": "user", "content": "I read Les Misérables by Victor Hugo, of 1862. Which book was it?"}]


class Genre(Enum):
    NOVEL = "novel"
    POEM = "poem"


class Paper(BaseModel):
    kind: Literal["paper"]
    pages: Annotated[int, Field(ge=1, le=2000)]


class Sound(BaseModel):
    kind: Literal["sound"]
    minutes: Annotated[int, Field(ge=1, le=999)]


class Book(BaseModel):
    title: Annotated[str, Field(max_length=30)]
    authors: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=2)]
    genre: Genre
    published: date
    edition: Annotated[Paper | Sound, Field(discriminator="kind")]
    rating: Annotated[float, Field(ge=0, le=5)] | None


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


def test_mistral_parses_a_model(server: str) -> None:
    with mistral(server) as client:
        answer = client.chat.parse(response_format=Book, model=MODEL, messages=ASK, temperature=0, max_tokens=400)
    assert answer.choices is not None
    (choice,) = answer.choices
    assert choice.finish_reason == "stop"
    assert choice.message is not None
    assert isinstance(choice.message.parsed, Book)


def test_mistral_parses_a_stream(server: str) -> None:
    with mistral(server) as client:
        events = client.chat.parse_stream(response_format=Book, model=MODEL, messages=ASK, random_seed=1)
        pieces = [event.data.choices[0].delta.content for event in events]
    assert len([piece for piece in pieces if piece]) > 10  # it comes while it is written
    assert Book.model_validate_json("".join(str(piece or "") for piece in pieces))


def test_openai_parses_a_model(client: OpenAI) -> None:
    answer = client.chat.completions.parse(
        response_format=Book, model=MODEL, messages=ASK, temperature=0, max_tokens=400, n=2
    )
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        assert isinstance(choice.message.parsed, Book)


async def test_openai_parses_a_stream(server: str) -> None:
    async with (
        async_openai(server) as client,
        client.chat.completions.stream(
            response_format=Book, model=MODEL, messages=ASK, seed=1, max_tokens=400
        ) as stream,
    ):
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        answer = await stream.get_final_completion()
    assert len(deltas) > 10
    assert isinstance(answer.choices[0].message.parsed, Book)


def test_a_cut_answer_says_so(client: OpenAI) -> None:
    with pytest.raises(LengthFinishReasonError):
        client.chat.completions.parse(response_format=Book, model=MODEL, messages=ASK, max_tokens=5)


def test_json_mode(server: str, client: OpenAI) -> None:
    form: Any = {"type": "json_object"}
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say yes, in JSON."}], response_format=form, max_tokens=300
    )
    assert (
        answer.choices[0].finish_reason == "length" or json.loads(answer.choices[0].message.content or "") is not None
    )
    with mistral(server) as other:
        again = other.chat.complete(model=MODEL, messages=ASK, response_format=form, max_tokens=3)
    assert str(again.choices[0].message.content).startswith("{")  # type: ignore[union-attr]


def test_patterns_and_choices(client: OpenAI) -> None:
    pattern = r"[A-Z][a-z]{2,9} \d{4}"
    for body, right in (
        ({"structured_outputs": {"regex": pattern}}, lambda text: re.fullmatch(pattern, text)),
        ({"structured_outputs": {"choice": ["positive", "négative"]}}, lambda text: text in ("positive", "négative")),
    ):
        answer = client.chat.completions.create(model=MODEL, messages=ASK, extra_body=body)  # type: ignore[arg-type]
        assert right(answer.choices[0].message.content)


def test_what_cannot_be_followed_is_refused(server: str, client: OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(UnprocessableEntityError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=form)
    assert refused.value.code == "bad_grammar"
    assert refused.value.param == "response_format.json_schema.schema.properties.a.uniqueItems"
    with mistral(server) as other, pytest.raises(HTTPValidationError, match="uniqueItems"):
        other.chat.complete(model=MODEL, messages=ASK, response_format=form)


def test_golden_schemas(client: OpenAI) -> None:
    """Some of them; `make schemas` asks for all."""
    schemas = list(golden_schemas().values())[7::30]
    finished = 0
    for schema in schemas:
        form: Any = {"type": "json_schema", "json_schema": {"name": "golden", "schema": schema}}
        answer = client.chat.completions.create(model=MODEL, messages=ASK, response_format=form, max_tokens=200, seed=3)
        (choice,) = answer.choices
        if choice.finish_reason == "stop":
            finished += 1
            validator = validator_for(schema)
            validator(schema, format_checker=validator.FORMAT_CHECKER).validate(
                json.loads(choice.message.content or "")
            )
    assert finished > len(schemas) / 2
