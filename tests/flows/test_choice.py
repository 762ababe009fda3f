"""Tokens -> text that may be shown, whatever the tokens and the stop strings are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.flows.fakes import ByteTokenizer

from galerne.engine.events import TokenEvent
from galerne.flows.choice import ChoiceText


def shown(tokens: bytes, stops: list[str], min_tokens: int = 0) -> tuple[list[str], list[int], bool]:
    """The pieces of text, the tokens whose log-probabilities came with them, whether a stop string was met."""
    choice = ChoiceText(0, ByteTokenizer(), stops, min_tokens=min_tokens, continues=False)
    deltas = [choice.push(TokenEvent("a", token, -1.0)) for token in tokens] + [choice.finish()]
    pieces = [delta.text for delta in deltas if delta is not None]
    told = [token.token_id for delta in deltas if delta is not None for token in delta.logprobs]
    return pieces, told, choice.stopped


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
