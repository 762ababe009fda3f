"""`POST /v1/tokenize` and `POST /v1/detokenize`."""

from __future__ import annotations

import pytest
from tests.api.house import House, question
from tests.flows.fakes import CONTEXT


async def test_a_text_there_and_back() -> None:
    client = House().client
    answer = await client.post("/v1/tokenize", {"model": "fake", "prompt": "né"})
    assert (answer.status, answer.json()) == (200, {"count": 3, "max_model_len": CONTEXT, "tokens": [110, 195, 169]})
    back = await client.post("/v1/detokenize", {"model": "alias", "tokens": answer.json()["tokens"]})
    assert (back.status, back.json()) == (200, {"prompt": "né"})


async def test_a_conversation() -> None:
    answer = await House().client.post("/v1/tokenize", question("Hi") | {"return_token_strs": True})
    assert answer.json() == {"count": 2, "max_model_len": CONTEXT, "tokens": [72, 105], "token_strs": ["H", "i"]}


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("/v1/tokenize", {"model": "fake"}, 422, None),
        ("/v1/tokenize", {"model": "nobody", "prompt": "x"}, 404, "model"),
        ("/v1/tokenize", {"model": "fake", "prompt": "x" * 1_000_001}, 413, "prompt"),
        ("/v1/tokenize", {"model": "fake", "prompt": "x", "chat_template": "x"}, 422, "chat_template"),
        ("/v1/detokenize", {"model": "fake", "tokens": [1, 257]}, 422, "tokens[1]"),
        ("/v1/detokenize", {"model": "fake", "tokens": [1, -1]}, 422, "tokens[1]"),
        ("/v1/detokenize", {"model": "fake", "tokens": [1, 1.5]}, 422, "tokens[1]"),
        ("/v1/detokenize", {"model": "fake", "tokens": [10**30]}, 422, "tokens[0]"),
        ("/v1/detokenize", {"model": "fake", "tokens": "x"}, 422, "tokens"),
    ],
)
async def test_refusals_name_the_field(path: str, body: dict[str, object], status: int, param: str | None) -> None:
    answer = await House().client.post(path, body)
    assert (answer.status, answer.json()["param"]) == (status, param)
