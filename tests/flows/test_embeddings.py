"""The embeddings flow over an encoder that counts letters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tests.flows.fakes import STOP, LetterEmbedder, ScriptedGenerator, served

from galerne.engine.events import EndReason
from galerne.engine.request import Priority
from galerne.errors import EngineFailed, GalerneError, InvalidRequest, ModelNotFound, PromptTooLong, TooLarge
from galerne.flows.embeddings import Embedded, Embeddings
from galerne.flows.meter import Claim, Tally
from galerne.flows.settlement import counted_tokens
from galerne.identity.caller import Caller
from galerne.ledger.prices import Kind
from galerne.ledger.quota import Standing
from galerne.protocol.embeddings import EmbeddingRequest
from galerne.settings import Settings


class Ledger(Tally):
    """Also remembers what was claimed, and what was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[Claim] = []
        self.closed: list[Claim] = []

    async def reserve(self, claim: Claim) -> Sequence[Standing]:
        self.claims.append(claim)
        return ()

    async def close(self, claim: Claim, accounts: Any) -> None:  # noqa: ARG002
        self.closed.append(claim)


class House:
    def __init__(self, fails: GalerneError | None = None, **settings: Any) -> None:
        self.embedder = LetterEmbedder(fails)
        self.ledger = Ledger()
        models = served(ScriptedGenerator(lambda _: b""), embedder=self.embedder)
        self.flow = Embeddings(models, self.ledger, Settings(**settings))

    async def embed(self, input: Any, **fields: Any) -> Embedded:
        request = EmbeddingRequest.model_validate({"model": "mistral-embed", "input": input, **fields})
        return await self.flow.embed(request, Caller("town-hall"))


async def test_a_text() -> None:
    house = House()
    embedded = await house.embed("aaba")
    assert (embedded.model, embedded.tokens) == ("letters", 5)
    assert embedded.id.startswith("embd-")
    np.testing.assert_allclose(embedded.vectors, [np.array([3, 1, 0, 0, 0, 0, 0, 0]) / np.sqrt(10)], rtol=1e-6)
    assert house.embedder.asked == [[[*b"aaba", STOP]]]


async def test_several_texts_are_in_order() -> None:
    embedded = await House().embed(["a", "b", "c"])
    np.testing.assert_array_equal(embedded.vectors[:, :3], np.eye(3))
    assert embedded.tokens == 6


async def test_token_ids_are_taken_as_they_are() -> None:
    house = House()
    await house.embed([97, 98])
    await house.embed([[97], [98, STOP]])
    assert house.embedder.asked == [[[97, 98]], [[97], [98, STOP]]]


async def test_what_it_costs_is_reserved_and_settled() -> None:
    house = House()
    embedded = await house.embed(["a", "bc"])
    (claim,) = house.ledger.claims
    assert (claim.id, claim.endpoint, claim.model, claim.most_tokens) == (embedded.id, "/v1/embeddings", "letters", 0)
    assert claim.prompts == ((97, STOP), (98, 99, STOP))
    assert [account.id for account in house.ledger.accounts] == [f"{claim.id}-0", f"{claim.id}-1"]
    assert [(account.reason, account.work.prompt_tokens) for account in house.ledger.accounts] == [
        (EndReason.STOP, 2),
        (EndReason.STOP, 3),
    ]
    assert counted_tokens(claim, house.ledger.accounts) == {Kind.EMBEDDING: 5}
    assert house.ledger.closed == [claim]


async def test_whoever_waits_goes_first() -> None:
    house = House()
    request = EmbeddingRequest(model="letters", input="a")
    await house.flow.embed(request, Caller("town-hall"))
    await house.flow.embed(request, Caller("town-hall", patient=True))
    assert house.embedder.priorities == [Priority.INTERACTIVE, Priority.BATCH]


async def test_a_failure_closes_the_account() -> None:
    house = House(EngineFailed("it broke."))
    with pytest.raises(EngineFailed):
        await house.embed("a")
    await asyncio.sleep(0.01)
    assert house.ledger.accounts == []
    assert house.ledger.closed == house.ledger.claims


@pytest.mark.parametrize(
    ("input", "error", "where"),
    [
        ("", InvalidRequest, "input"),
        (["a", ""], InvalidRequest, "input[1]"),
        ("a" * 30, PromptTooLong, "input"),
        (["a", "a" * 31], PromptTooLong, "input[1]"),
        ([97] * 31, PromptTooLong, "input"),
        ([97, 999], InvalidRequest, "input[1]"),
        ([[97], [999]], InvalidRequest, "input[1][0]"),
        (["a"] * 5, TooLarge, "input"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_place(input: Any, error: type[GalerneError], where: str) -> None:
    house = House(max_embedding_inputs=4)
    with pytest.raises(error) as caught:
        await house.embed(input)
    assert caught.value.where == where
    assert house.ledger.claims == []


async def test_nothing_of_a_text_is_cut_off() -> None:
    with pytest.raises(PromptTooLong, match="has 31 tokens; letters takes 30 at most, and nothing is cut off"):
        await House().embed("a" * 30)
    assert (await House().embed("a" * 29)).tokens == 30


@pytest.mark.parametrize("field", ["dimensions", "output_dimension"])
async def test_only_the_models_own_size(field: str) -> None:
    assert (await House().embed("a", **{field: 8})).vectors.shape == (1, 8)
    with pytest.raises(InvalidRequest, match="vectors of 8 numbers") as caught:
        await House().embed("a", **{field: 4})
    assert caught.value.where == field


async def test_models_that_are_not_there_or_do_something_else() -> None:
    with pytest.raises(ModelNotFound, match="runs fake, letters"):
        await House().embed("a", model="nobody")
    with pytest.raises(InvalidRequest, match="fake does not turn texts into vectors"):
        await House().embed("a", model="alias")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"encoding_format": "hex"}, "'float' or 'base64'"),
        ({"output_dtype": "float16"}, "'ubinary'"),
        ({"dimensions": 8, "output_dimension": 4}, "two names for one thing"),
        ({"dimensions": 0}, "greater"),
        ({"input": []}, "at least 1"),
        ({"input": [[]]}, "at least 1"),
        ({"input": None}, "string"),
        ({"truncate": True}, "Extra"),
    ],
)
def test_nothing_is_ignored(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        EmbeddingRequest.model_validate({"model": "fake", "input": "x", **fields})
