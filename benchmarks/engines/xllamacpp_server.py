"""llama.cpp's server, inside a process, through xllamacpp: a wheel that was compiled for any recent CPU."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import xllamacpp

from benchmarks.engines.worker import PROMPT, Run, Stopwatch, serve

VOCABULARY = 32000  # fewer than any model has
CONTEXT = 8192
STREAMS = 8


class XLlamaCpp:
    def __init__(self, model: str, threads: int) -> None:
        parameters = xllamacpp.CommonParams()
        parameters.model.path = model
        parameters.n_ctx, parameters.n_parallel, parameters.kv_unified = CONTEXT, STREAMS, True
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        parameters.warmup = False
        self._server = xllamacpp.Server(parameters)
        self._random = random.Random(0)
        self.version = f"xllamacpp {version('xllamacpp')}"

    def prefill(self, tokens: int) -> Run:
        return self._generate(streams=1, prompt=tokens, answer=1, counted=tokens)

    def decode(self, streams: int, tokens: int) -> Run:
        before = self._generate(streams, PROMPT, 1, counted=streams)
        return self._generate(streams, PROMPT, 1 + tokens, counted=streams * (1 + tokens)) - before

    def _generate(self, streams: int, prompt: int, answer: int, counted: int) -> Run:
        requests = [
            {
                "prompt": [self._random.randrange(VOCABULARY) for _ in range(prompt)],
                "n_predict": answer,
                "ignore_eos": True,
                "temperature": 0,
                "cache_prompt": False,
            }
            for _ in range(streams)
        ]
        with ThreadPoolExecutor(streams) as pool:
            watch = Stopwatch()
            answers = list(pool.map(self._server.handle_completions, requests))
            run = watch.run(counted)
        if any(given["usage"]["completion_tokens"] != answer for given in answers):
            raise RuntimeError(f"an answer has not the length that was asked for: {answers[0]}")
        return run


if __name__ == "__main__":
    serve(XLlamaCpp)
