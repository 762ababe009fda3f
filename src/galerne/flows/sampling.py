"""How a client asks for tokens to be chosen -> how the engine chooses them."""

from __future__ import annotations

import secrets

from galerne.engine.request import Sampling
from galerne.errors import InvalidRequest
from galerne.flows.limits import check_limit
from galerne.protocol.generation import GenerationFields
from galerne.settings import Settings


def check_limits(request: GenerationFields, settings: Settings) -> None:
    """Raise `TooLarge` for a list or number beyond its setting."""
    for field, size, most in (
        ("n", request.n or 1, settings.max_choices),
        ("stop", len(request.stop_strings), settings.max_stop_strings),
        (request.alternatives_field, request.alternatives or 0, settings.max_logprobs),
        ("logit_bias", len(request.logit_bias or ()), settings.max_logit_bias),
    ):
        check_limit(field, size, most)


def sampling_of(request: GenerationFields, choice: int, vocabulary_size: int, settings: Settings) -> Sampling:
    """The rules for one of the `n` choices: with a seed, each choice has a seed of its own, the first one that seed.

    Raises `InvalidRequest`.
    """
    temperature = settings.default_temperature if request.temperature is None else request.temperature
    return Sampling(
        temperature=temperature,
        top_k=request.top_k or 0,
        top_p=1.0 if request.top_p is None else request.top_p,
        min_p=request.min_p or 0.0,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        repetition_penalty=1.0 if request.repetition_penalty is None else request.repetition_penalty,
        seed=_seed(request, choice, settings),
        logprobs=request.alternatives,
        bias=_bias(request, vocabulary_size),
    )


def _seed(request: GenerationFields, choice: int, settings: Settings) -> int | None:
    """What is kept must be able to be made again: it has a seed, whoever chose it."""
    if request.any_seed is not None:
        return (request.any_seed + choice) % 2**64
    return secrets.randbits(63) if settings.keep_requests_days else None


def _bias(request: GenerationFields, vocabulary_size: int) -> tuple[tuple[int, float], ...]:
    bias: dict[int, float] = {}
    for spelled, value in (request.logit_bias or {}).items():
        if not (spelled.isascii() and spelled.isdecimal() and len(spelled) < 10 and int(spelled) < vocabulary_size):
            raise InvalidRequest(
                f"{spelled[:50]!r} is not the number of a token; they go from 0 to {vocabulary_size - 1}.",
                where="logit_bias",
            )
        bias[int(spelled)] = value
    return tuple(bias.items())
