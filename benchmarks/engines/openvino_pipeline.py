"""OpenVINO GenAI: its continuous batching pipeline, on tokens."""

from __future__ import annotations

import os
from importlib.metadata import version

import numpy as np
import openvino as ov
import openvino_genai as genai

from benchmarks.engines.worker import PROMPT, Run, Stopwatch, serve

CACHE_GB = 1


class OpenVino:
    def __init__(self, model: str, threads: int) -> None:
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GB
        scheduler.enable_prefix_caching = False
        properties: dict[str, int | str] = {"INFERENCE_NUM_THREADS": threads}
        if precision := os.environ.get("OPENVINO_PRECISION"):
            properties["INFERENCE_PRECISION_HINT"] = precision
        self._pipeline = genai.ContinuousBatchingPipeline(model, scheduler, "CPU", properties)
        self._vocabulary = len(self._pipeline.get_tokenizer().get_vocab())
        self._random = np.random.default_rng(0)
        self.version = f"openvino-genai {version('openvino-genai')}"

    def prefill(self, tokens: int) -> Run:
        return self._generate(streams=1, prompt=tokens, answer=1, counted=tokens)

    def decode(self, streams: int, tokens: int) -> Run:
        before = self._generate(streams, PROMPT, 1, counted=streams)
        return self._generate(streams, PROMPT, 1 + tokens, counted=streams * (1 + tokens)) - before

    def _generate(self, streams: int, prompt: int, answer: int, counted: int) -> Run:
        prompts = [ov.Tensor(self._random.integers(0, self._vocabulary, (1, prompt))) for _ in range(streams)]
        config = genai.GenerationConfig()
        config.max_new_tokens, config.min_new_tokens, config.ignore_eos, config.do_sample = answer, answer, True, False
        watch = Stopwatch()
        results = self._pipeline.generate(prompts, [config] * streams)
        run = watch.run(counted)
        if any(len(result.m_generation_ids[0]) != answer for result in results):
            raise RuntimeError("an answer has not the length that was asked for")
        return run


if __name__ == "__main__":
    serve(OpenVino)
