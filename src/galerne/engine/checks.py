"""What a request must satisfy before the engine takes it on."""

from __future__ import annotations

import math

from galerne.engine.model import Model
from galerne.engine.request import GenerationRequest
from galerne.engine.sequence import blocks_for
from galerne.errors import InvalidRequest, PromptTooLong
from galerne.kernels.batch import BLOCK

LARGEST = 1e6
"""Of penalties and biases: far beyond sense, far from the end of float32."""

COLDEST = 1e-3
"""The lowest temperature above 0."""


def check(request: GenerationRequest, model: Model) -> None:
    """Raise `PromptTooLong` for a request that could never fit, `InvalidRequest` for one that makes no sense."""
    _check_lengths(request, model)
    biased = (token for token, _ in request.sampling.bias)
    for token in (*request.prompt, *request.stop_tokens, *request.expected, *biased):
        if not 0 <= token < model.vocabulary:
            raise InvalidRequest(f"the model has {model.vocabulary} tokens, {token} is none of them.", where="tokens")
    sampling = request.sampling
    if sampling.temperature and not sampling.temperature >= COLDEST:
        raise InvalidRequest(f"must be 0 or at least {COLDEST}, is {sampling.temperature}.", where="temperature")
    _within("temperature", sampling.temperature, 0, LARGEST)
    _within("top_k", sampling.top_k, 0, math.inf)
    _within("top_p", sampling.top_p, 0, 1)
    _within("min_p", sampling.min_p, 0, 1)
    _within("presence_penalty", sampling.presence_penalty, -LARGEST, LARGEST)
    _within("frequency_penalty", sampling.frequency_penalty, -LARGEST, LARGEST)
    _within("repetition_penalty", sampling.repetition_penalty, 1 / LARGEST, LARGEST)
    _within("logprobs", sampling.logprobs or 0, 0, model.vocabulary)
    for _, bias in sampling.bias:
        _within("bias", bias, -LARGEST, LARGEST)


def _check_lengths(request: GenerationRequest, model: Model) -> None:
    if not request.prompt:
        raise InvalidRequest("has no tokens.", where="prompt")
    _within("max_tokens", request.max_tokens, 1, math.inf)
    _within("min_tokens", request.min_tokens, 0, math.inf)
    length = len(request.prompt) + request.max_tokens
    asked = f"{len(request.prompt)} tokens of prompt and {request.max_tokens} of answer"
    if length > model.context_length:
        raise PromptTooLong(
            f"{asked} are more than the {model.context_length} of the model's context.",
            hint="Send a shorter prompt or ask for a shorter answer.",
        )
    if blocks_for(length - 1) > model.blocks:
        raise PromptTooLong(
            f"{asked} are more than the {model.blocks * BLOCK} that the cache has room for.",
            hint="Send a shorter prompt, ask for a shorter answer, or give the cache more memory (kv_cache_mb).",
        )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # written so that NaN is refused
        bounds = f"at least {least}" if math.isinf(most) else f"from {least} to {most}"
        raise InvalidRequest(f"must be {bounds}, is {value}.", where=name)
