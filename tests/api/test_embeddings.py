"""`POST /v1/embeddings`: the forms of a vector."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from tests.api.client import Answer
from tests.api.house import House, metric

from galerne.api.embeddings import quantised, written
from galerne.flows.embeddings import Embedded
from galerne.protocol.embeddings import Dtype, EmbeddingRequest

RNG = np.random.default_rng(5)


async def ask(house: House, input: Any = "ab", **fields: Any) -> Answer:
    return await house.client.post("/v1/embeddings", {"model": "mistral-embed", "input": input, **fields})


async def test_a_whole_answer() -> None:
    answer = await ask(House(), ["a", "bb"], metadata={"ticket": 7}, user="me")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert body.pop("id").startswith("embd-")
    assert body == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1, 0, 0, 0, 0, 0, 0, 0]},
            {"object": "embedding", "index": 1, "embedding": [0, 1, 0, 0, 0, 0, 0, 0]},
        ],
        "model": "letters",
        "usage": {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5},
        "metadata": {"ticket": 7},
    }


async def test_its_tokens_are_counted() -> None:
    house = House()
    await ask(house)
    assert await metric(house.client, 'galerne_tokens_total{kind="prompt",model="letters"}') == 3


@pytest.mark.parametrize("dtype", ["float", "int8", "uint8", "binary", "ubinary"])
async def test_base64_has_the_bytes_of_the_numbers(dtype: str) -> None:
    plain = (await ask(House(), output_dtype=dtype)).json()["data"][0]["embedding"]
    packed = (await ask(House(), output_dtype=dtype, encoding_format="base64")).json()["data"][0]["embedding"]
    kind = {"float": "<f4", "int8": "i1", "uint8": "u1", "binary": "i1", "ubinary": "u1"}[dtype]
    assert np.frombuffer(base64.b64decode(packed), kind).tolist() == plain
    assert all(isinstance(number, float if dtype == "float" else int) for number in plain)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_byte_each_keeps_the_angles(dtype: Dtype) -> None:
    vectors = RNG.standard_normal((50, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    short = quantised(vectors, dtype).astype(np.float32) - (128 if dtype == "uint8" else 0)
    assert np.abs(short).max(axis=1).tolist() == [127] * 50
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    assert np.abs(short @ short.T - vectors @ vectors.T).max() < 0.01


def test_a_bit_each() -> None:
    vectors = np.array([[0.5, -0.5, 0.1, 0, 0, 0, 0, 1, -1, 1, 0, 0, 0, 0, 0, 0]], np.float32)
    assert quantised(vectors, "ubinary").tolist() == [[0b10100001, 0b01000000]]
    assert quantised(vectors, "binary").tolist() == [[0b10100001 - 128, 0b01000000 - 128]]
    assert quantised(vectors, "binary").dtype == np.int8


def test_a_vector_of_zeros_stays_one() -> None:
    assert quantised(np.zeros((1, 8), np.float32), "int8").tolist() == [[0] * 8]


def test_written_piece_by_piece_it_is_the_same_document() -> None:
    request = EmbeddingRequest(model="x", input="a", metadata={"data": []})
    body = json.loads(written(request, Embedded("embd-1", '"data":[]', np.eye(3, dtype=np.float32), 7)))
    assert [each["embedding"] for each in body["data"]] == np.eye(3).tolist()
    assert [each["index"] for each in body["data"]] == [0, 1, 2]
    assert (body["model"], body["metadata"]) == ('"data":[]', {"data": []})


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": ""}, 422, "input"),
        ({"input": ["a", 1]}, 422, "input[1]"),
        ({"input": "a" * 400}, 400, "input"),
        ({"input": ["a"] * 2049}, 413, "input"),
        ({"dimensions": 4}, 422, "dimensions"),
        ({"output_dtype": "float16"}, 422, "output_dtype"),
        ({"model": "nobody"}, 404, "model"),
        ({"model": "fake"}, 422, "model"),
        ({"truncate": 1}, 422, "truncate"),
    ],
)
async def test_refusals_name_the_field(fields: dict[str, Any], status: int, param: str) -> None:
    answer = await ask(House(), **{"input": "ab"} | fields)
    assert (answer.status, answer.json()["param"]) == (status, param)


async def test_a_chat_with_an_encoder_is_refused() -> None:
    answer = await House().ask(model="mistral-embed")
    assert (answer.status, answer.json()["param"]) == (422, "model")
    assert "writes nothing" in answer.json()["message"]
