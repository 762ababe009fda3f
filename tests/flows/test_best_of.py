"""The likeliest of several answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from galerne.engine.events import Work
from galerne.flows.answer_events import AnswerEnd, AnswerEvent, AnswerStart, ChoiceEnd, ShownToken, TextDelta
from galerne.flows.best_of import best_of
from galerne.protocol.answers import TokenLogprob


def delta(index: int, text: str, *logprobs: float) -> TextDelta:
    tokens = [TokenLogprob(token="", logprob=each, bytes=[], token_id=0, top_logprobs=[]) for each in logprobs]
    return TextDelta(index, text, tuple(ShownToken(0, 0, token) for token in tokens))


START, END = AnswerStart("a", 0, "fake", "f", ()), AnswerEnd(1, 0, 9)


async def written(texts: Sequence[tuple[str, list[float]]]) -> AsyncGenerator[AnswerEvent]:
    yield START
    for index, (text, logprobs) in enumerate(texts):
        yield delta(index, text[:1], *logprobs[:1])
        yield delta(index, text[1:], *logprobs[1:])
        yield ChoiceEnd(index, "stop", Work())
    yield END


async def test_the_likeliest_by_token_come_first_whatever_their_length() -> None:
    texts = [("long", [-0.1, -0.1, -0.1]), ("bad", [-5.0]), ("best", [-0.05]), ("", []), ("so", [-1.0]), ("un", [-0.5])]
    events = [event async for event in best_of(written(texts), 2, 3)]
    assert (events[0], events[-1]) == (START, END)
    told = ["".join(e.text for e in events if isinstance(e, TextDelta) and e.index == index) for index in range(4)]
    assert told == ["best", "long", "un", "so"]
    assert [event.index for event in events if isinstance(event, ChoiceEnd)] == [0, 1, 2, 3]
