"""llama.cpp, through the low-level interface of llama-cpp-python."""

from __future__ import annotations

import random
from typing import Any

import llama_cpp as llama

from benchmarks.engines.worker import PROMPT, Run, Stopwatch, serve

CONTEXT = 8192
STREAMS = 8
CHUNK = 512


class LlamaCpp:
    def __init__(self, model: str, threads: int) -> None:
        llama.llama_backend_init()
        weights = llama.llama_model_load_from_file(model.encode(), llama.llama_model_default_params())
        parameters = llama.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_seq_max = CONTEXT, CHUNK, STREAMS
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
        parameters.kv_unified = True  # one cache for all streams, so that one of them can have all of the context
        self._context = llama.llama_init_from_model(weights, parameters)
        self._vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(weights))
        self._batch: Any = llama.llama_batch_init(CHUNK, 0, 1)
        self._random = random.Random(0)
        self.version = f"llama-cpp-python {llama.__version__}"

    def prefill(self, tokens: int) -> Run:
        self._clear()
        prompt = self._prompt(tokens)
        watch = Stopwatch()
        self._read(prompt, stream=0)
        return watch.run(tokens)

    def decode(self, streams: int, tokens: int) -> Run:
        self._clear()
        for stream in range(streams):
            self._read(self._prompt(PROMPT), stream)
        watch = Stopwatch()
        for position in range(PROMPT, PROMPT + tokens):
            self._batch.n_tokens = streams
            for stream in range(streams):
                self._set(stream, self._random.randrange(self._vocabulary), position, stream, wanted=True)
            self._compute()
        return watch.run(streams * tokens)

    def first(self, prefix: int, new: int) -> Run:
        """As its server does: a stream's cache is its own, so the prompt is read from its beginning, in chunks beside
        the answer under way."""
        self._clear()
        common = self._prompt(prefix)
        self._read(common, stream=0)
        prompt = common + self._prompt(new)
        watch = Stopwatch()
        for number, start in enumerate(range(0, len(prompt), CHUNK - 1)):
            chunk = prompt[start : start + CHUNK - 1]
            self._batch.n_tokens = 1 + len(chunk)
            self._set(0, self._random.randrange(self._vocabulary), prefix + number, stream=0, wanted=True)
            for row, token in enumerate(chunk):
                position = start + row
                self._set(1 + row, token, position, stream=1, wanted=position == len(prompt) - 1)
            self._compute()
        return watch.run(len(prompt))

    def _prompt(self, tokens: int) -> list[int]:
        return [self._random.randrange(self._vocabulary) for _ in range(tokens)]

    def _clear(self) -> None:
        llama.llama_memory_clear(llama.llama_get_memory(self._context), True)

    def _read(self, prompt: list[int], stream: int) -> None:
        for first in range(0, len(prompt), CHUNK):
            chunk = prompt[first : first + CHUNK]
            self._batch.n_tokens = len(chunk)
            for row, token in enumerate(chunk):
                position = first + row
                self._set(row, token, position, stream, wanted=position == len(prompt) - 1)
            self._compute()

    def _set(self, row: int, token: int, position: int, stream: int, *, wanted: bool) -> None:
        batch = self._batch
        batch.token[row], batch.pos[row], batch.logits[row] = token, position, wanted
        batch.n_seq_id[row], batch.seq_id[row][0] = 1, stream

    def _compute(self) -> None:
        if code := llama.llama_decode(self._context, self._batch):
            raise RuntimeError(f"llama_decode gave {code}")


if __name__ == "__main__":
    serve(LlamaCpp)
