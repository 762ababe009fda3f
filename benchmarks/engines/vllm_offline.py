"""vLLM on CPUs, in float32 (it has no fast CPU kernels for GGUF's types): its offline interface, on tokens."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # its CPU time is to be this process's

import vllm
from vllm import LLM, SamplingParams

from benchmarks.engines.worker import PROMPT, Run, Stopwatch, serve

CONTEXT = 4096
VOCABULARY = 32000  # fewer than any model has


class Vllm:
    def __init__(self, model: str, threads: int) -> None:
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", f"0-{threads - 1}")
        folder = _as_float32(Path(model))
        self._llm = LLM(
            str(folder), dtype="float32", max_model_len=CONTEXT, enable_prefix_caching=False, skip_tokenizer_init=True
        )
        self._random = random.Random(0)
        self.version = f"vllm {vllm.__version__}"

    def prefill(self, tokens: int) -> Run:
        return self._generate(streams=1, prompt=tokens, answer=1, counted=tokens)

    def decode(self, streams: int, tokens: int) -> Run:
        before = self._generate(streams, PROMPT, 1, counted=streams)
        return self._generate(streams, PROMPT, 1 + tokens, counted=streams * (1 + tokens)) - before

    def _generate(self, streams: int, prompt: int, answer: int, counted: int) -> Run:
        prompts = [
            {"prompt_token_ids": [self._random.randrange(VOCABULARY) for _ in range(prompt)]} for _ in range(streams)
        ]
        sampling = SamplingParams(max_tokens=answer, ignore_eos=True, temperature=0, detokenize=False)
        watch = Stopwatch()
        answers = self._llm.generate(prompts, sampling, use_tqdm=False)
        run = watch.run(counted)
        if any(len(given.outputs[0].token_ids) != answer for given in answers):
            raise RuntimeError("an answer has not the length that was asked for")
        return run


def _as_float32(model: Path) -> Path:
    """The weights as a folder of safetensors, made once and kept beside the other conversions."""
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(os.environ["CONVERTED_WEIGHTS"]) / f"{model.stem}-as-float32"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        loaded = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name)
        config = AutoConfig.from_pretrained(model.parent, gguf_file=model.name)
        plain = AutoModelForCausalLM.from_config(config)
        plain.load_state_dict(loaded.state_dict())  # what came out of a GGUF file refuses to be saved
        plain.save_pretrained(partial)
        partial.rename(folder)
    return folder


if __name__ == "__main__":
    serve(Vllm)
