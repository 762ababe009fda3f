"""What the engine is asked: token ids in, never text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first when not all fit into a step."""

    INTERACTIVE = 0
    BATCH = 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Neutral values switch a rule off; the flow that asks sets every field."""

    temperature: float = 1.0  # 0: always the best token
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None  # same seed, same tokens, whatever runs beside it; None: drawn by the engine
    logprobs: int | None = None  # None: no log-probabilities; n: the chosen token's, and the n best ones'
    bias: tuple[tuple[int, float], ...] = ()  # (token, what is added to its logit)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One sequence to go on with. Frozen: it crosses processes."""

    id: str  # unique among the requests under way
    prompt: tuple[int, ...]  # at least one token
    max_tokens: int  # at least 1; prompt + max_tokens fits the context
    sampling: Sampling = field(default_factory=Sampling)
    stop_tokens: frozenset[int] = frozenset()  # end of sequence; the one that ends it is not part of the answer
    min_tokens: int = 0  # no stop token before so many, unless the grammar leaves nothing else
    tenant: str = ""  # salt of the prefix cache and unit of fairness
    priority: Priority = Priority.INTERACTIVE
    embeds: bool = False  # the hidden state behind the prompt's last token is wanted, and no answer
    grammar: str | None = None  # what the answer must be, in the words of the engine's `CompileGrammar`
    expected: tuple[int, ...] = ()  # what the answer may well be: it is guessed first, and changes nothing
