"""More answers are written than are told: the likeliest of them.

Source: https://platform.openai.com/docs/api-reference/completions/create (`best_of`)
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, TextDelta


async def best_of(events: AsyncGenerator[AnswerEvent], n: int, candidates: int) -> AsyncGenerator[AnswerEvent]:
    """Of so many candidates to each prompt, the `n` whose tokens are the likeliest on average, the best first.

    They come when all are written, and what all of them took is what the end tells. Tokens come with their
    log-probabilities.
    """
    said: dict[int, list[TextDelta]] = defaultdict(list)
    ends: dict[int, ChoiceEnd] = {}
    async with aclosing(events):
        async for event in events:
            match event:
                case TextDelta():
                    said[event.index].append(event)
                case ChoiceEnd():
                    ends[event.index] = event
                case AnswerStart():
                    yield event
                case AnswerEnd():
                    for place, chosen in enumerate(_best(said, n, range(len(ends)), candidates)):
                        for delta in said[chosen]:
                            yield replace(delta, index=place)
                        yield replace(ends[chosen], index=place)
                    yield event


def _best(said: dict[int, list[TextDelta]], n: int, choices: range, candidates: int) -> list[int]:
    """Those of each prompt, the first prompt's first."""
    best = []
    for first in choices[::candidates]:
        rivals = choices[first : first + candidates]
        best += sorted(rivals, key=lambda choice: -_likelihood(said[choice]))[:n]
    return best


def _likelihood(deltas: Sequence[TextDelta]) -> float:
    """The mean logarithm of the tokens' probabilities; nothing said is the least likely."""
    logprobs = [logprob.logprob for delta in deltas for logprob in delta.logprobs]
    return sum(logprobs) / len(logprobs) if logprobs else -math.inf
