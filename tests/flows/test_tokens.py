"""Tokens of texts and conversations, and back."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.flows.fakes import CONTEXT, STOP, ScriptedGenerator, served

from galerne.errors import InvalidRequest, ModelNotFound, TooLarge
from galerne.flows.tokens import Tokens
from galerne.identity.caller import Caller
from galerne.protocol.tokens import DetokenizeRequest, TokenizeRequest, TokenizeResponse
from galerne.settings import Settings

CALLER = Caller("town")


def flow(settings: Settings | None = None) -> Tokens:
    return Tokens(served(ScriptedGenerator(lambda _: b"")), settings or Settings())


async def tokenize(**fields: Any) -> TokenizeResponse:
    return await flow().tokenize(TokenizeRequest.model_validate({"model": "alias", **fields}), CALLER)


async def detokenize(tokens: list[int]) -> str:
    return (await flow().detokenize(DetokenizeRequest(model="fake", tokens=tokens), CALLER)).prompt


async def test_a_text() -> None:
    answer = await tokenize(prompt="né")
    assert answer == TokenizeResponse(count=3, max_model_len=CONTEXT, tokens=list("né".encode()))
    assert "token_strs" not in answer.model_dump()


async def test_a_conversation_is_told_as_in_a_chat() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "prefix": True}]
    assert (await tokenize(messages=messages)).tokens == list(b"HiHo")


async def test_spellings_come_when_asked_for() -> None:
    assert (await tokenize(prompt="ab", return_token_strs=True)).token_strs == ["a", "b"]


async def test_back_to_text() -> None:
    assert await detokenize(list("né".encode())) == "né"
    assert await detokenize([]) == ""


async def test_a_number_that_is_no_token_is_named() -> None:
    with pytest.raises(InvalidRequest, match="has 257 tokens, 257 is none") as caught:
        await detokenize([0, 257])
    assert caught.value.where == "tokens[1]"


async def test_an_encoder_sees_a_text_with_its_end() -> None:
    answer = await tokenize(model="mistral-embed", prompt="ab", return_token_strs=True)
    assert (answer.tokens, answer.token_strs, answer.max_model_len) == ([97, 98, STOP], ["a", "b", ""], 30)
    assert (await tokenize(model="letters", prompt="ab", add_special_tokens=False)).tokens == [97, 98]
    back = await flow().detokenize(DetokenizeRequest(model="letters", tokens=[97, 98]), CALLER)
    assert back.prompt == "ab"
    with pytest.raises(InvalidRequest, match="does not converse") as caught:
        await tokenize(model="letters", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.where == "messages"


async def test_an_unknown_model() -> None:
    with pytest.raises(ModelNotFound):
        await tokenize(model="nobody", prompt="x")
    with pytest.raises(ModelNotFound):
        await flow().detokenize(DetokenizeRequest(model="nobody", tokens=[]), CALLER)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"prompt": "x" * 11}, "prompt"),
        ({"messages": [{"role": "user", "content": "x" * 11}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x"}] * 3}, "messages"),
    ],
)
async def test_limits_are_settings(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(TooLarge) as caught:
        await flow(Settings(max_tokenize_chars=10, max_messages=2)).tokenize(
            TokenizeRequest.model_validate({"model": "fake", **fields}), CALLER
        )
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "either"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "x"}]}, "either"),
        ({"messages": [{"role": "user", "content": "x"}], "add_special_tokens": True}, "goes with `prompt`"),
        ({"prompt": "x", "chat_template": "{{ x }}"}, "does not implement"),
        ({"prompt": "x", "add_generation_prompt": False}, "does not implement"),
        ({"prompt": ["x"]}, "string"),
        ({"prompt": "x", "surprise": 1}, "Extra"),
    ],
)
def test_nothing_is_ignored(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        TokenizeRequest.model_validate({"model": "fake", **fields}), CALLER
