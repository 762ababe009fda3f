"""What the engine answers: for each request some `TokenEvent`s, or a `VectorEvent`, and then just one `EndEvent`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EndReason(StrEnum):
    STOP = "stop"  # a stop token
    LENGTH = "length"  # max_tokens reached
    CANCELLED = "cancelled"
    FAILED = "failed"
    REFUSED = "refused"  # its grammar cannot be followed


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """One token of the answer."""

    id: str
    token: int
    logprob: float | None = None  # natural logarithm, of the model's own distribution (before temperature and cuts)
    top: tuple[tuple[int, float], ...] = ()  # the best tokens with theirs, best first


@dataclass(frozen=True, slots=True)
class VectorEvent:
    """What a request that `embeds` wanted."""

    id: str
    vector: tuple[float, ...]  # as wide as the model


@dataclass(frozen=True, slots=True)
class Work:
    """What a request cost. The engine's count is the truth that is billed."""

    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, found in the cache
    completion_tokens: int = 0  # generated, an ending stop token included
    cpu_seconds: float | None = 0.0  # its share of each step, by rows; None: whoever counted it is gone
    joules: float | None = None  # the same of what the machine took during each step; None: it does not count that
    queue_seconds: float = 0.0
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class EndEvent:
    """The last word about a request."""

    id: str
    reason: EndReason
    work: Work
    error: str | None = None  # what a person should read, when it failed or was refused


Event = TokenEvent | VectorEvent | EndEvent
