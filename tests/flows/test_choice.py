"""Tokens -> text that may be shown, whatever the tokens and the stop strings are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.flows.fakes import ByteTokenizer

from galerne.engine.events import TokenEvent
from galerne.flows.answer_events import CallDelta, Delta, TextDelta, ThinkingDelta
from galerne.flows.answer_form import AnswerForm
from galerne.flows.choice import ChoiceText
from galerne.prompt.tool_format import HERMES, TAGGED_THINKING


def shown(tokens: bytes, stops: list[str], min_tokens: int = 0) -> tuple[list[str], list[int], bool]:
    """The pieces of text, the tokens whose log-probabilities came with them, whether a stop string was met."""
    choice = ChoiceText(0, ByteTokenizer(), stops, min_tokens=min_tokens, continues=False)
    deltas = [delta for token in tokens for delta in choice.push(TokenEvent("a", token, -1.0))] + [*choice.finish()]
    texts = [delta for delta in deltas if isinstance(delta, TextDelta)]
    assert texts == deltas
    return [delta.text for delta in texts], [one.token_id for delta in texts for one in delta.logprobs], choice.stopped


letters = st.text("abé🌬", max_size=30)
stop_strings = st.lists(st.text("abé🌬", min_size=1, max_size=4), max_size=3)


@given(letters, stop_strings)
def test_all_up_to_the_first_stop_string_and_nothing_of_it(text: str, stops: list[str]) -> None:
    pieces, told, stopped = shown(text.encode(), stops)
    # The stop string that is complete first; of those that end together the longest.
    ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = text[: min(ends)[1]] if ends else text
    assert "".join(pieces) == expected
    assert stopped == bool(ends)
    assert bytes(told) == expected.encode()


@given(st.binary(max_size=40))
def test_without_stop_strings_it_is_the_tokenizers_text(tokens: bytes) -> None:
    pieces, told, _ = shown(tokens, [])
    assert "".join(pieces) == ByteTokenizer().decode(tokens)
    assert bytes(told) == tokens


def test_before_min_tokens_no_stop_string_counts() -> None:
    assert "".join(shown(b"aab", ["a"], min_tokens=2)[0]) == "aab"
    assert "".join(shown(b"aaab", ["a"], min_tokens=2)[0]) == "aa"


EVERYTHING = AnswerForm(calls=HERMES, thinking=TAGGED_THINKING)
CALL = '<tool_call>\n{"name": "f", "arguments": {"a": "}"}}\n</tool_call>'


def deltas(text: str, stops: list[str], *, min_tokens: int = 0) -> tuple[list[Delta], ChoiceText]:
    choice = ChoiceText(
        0, ByteTokenizer(), stops, EVERYTHING, min_tokens=min_tokens, continues=False, tells_tokens=True, name="id"
    )
    said = [delta for token in text.encode() for delta in choice.push(TokenEvent("a", token))]
    return [*said, *choice.finish()], choice


def test_reasoning_text_and_calls() -> None:
    said, choice = deltas(f"<think>Why?</think>\nWell.{CALL}", [])
    assert "".join(delta.text for delta in said if isinstance(delta, ThinkingDelta)) == "Why?"
    assert "".join(delta.text for delta in said if isinstance(delta, TextDelta)) == "Well."
    first, *others = (delta for delta in said if isinstance(delta, CallDelta))
    assert (first.call, first.name, first.arguments) == (0, "f", "")
    assert first.id is not None
    assert len(first.id) == 9
    assert first.id.isalnum()
    assert {(delta.call, delta.id, delta.name) for delta in others} == {(0, None, None)}
    assert "".join(delta.arguments for delta in others) == '{"a": "}"}'
    assert len(others) > 5  # they come while they are written
    assert choice.calls == 1


def test_two_calls_have_ids_of_their_own() -> None:
    said, choice = deltas(f"{CALL}\n{CALL}", [])
    ids = [delta.id for delta in said if isinstance(delta, CallDelta) and delta.id]
    assert len(set(ids)) == choice.calls == 2
    again, _ = deltas(f"{CALL}\n{CALL}", [])
    assert [delta.id for delta in again if isinstance(delta, CallDelta) and delta.id] == ids


def test_stop_strings_count_in_the_text_alone() -> None:
    said, choice = deltas(f"<think>a stop</think>b{CALL}", ["stop", "name", "}"])
    assert not choice.stopped
    assert "".join(delta.text for delta in said if isinstance(delta, TextDelta)) == "b"
    said, choice = deltas("<think>stop</think>a stop b", ["stop"])
    assert choice.stopped
    assert "".join(delta.text for delta in said if isinstance(delta, TextDelta)) == "a "


def test_what_might_have_become_a_stop_string_is_shown_before_a_call() -> None:
    said, _ = deltas(f"sto{CALL}", ["stop"])
    kinds = [type(delta) for delta in said if not isinstance(delta, TextDelta) or delta.text]
    assert kinds[0] is TextDelta
    assert "".join(delta.text for delta in said if isinstance(delta, TextDelta)) == "sto"


def test_every_token_is_told() -> None:
    text = f"<think>Why?</think>\nWell.{CALL}"
    said, _ = deltas(text, [])
    told = [shown.token for delta in said if isinstance(delta, TextDelta) for shown in delta.tokens]
    assert bytes(told) == text.encode()
