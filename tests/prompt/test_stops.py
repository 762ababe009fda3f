"""Stop strings against a simple oracle: whatever the pieces, what is shown is the text before the first stop string."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from galerne.prompt.stops import StopStrings

WORDS = st.text("ab", min_size=1, max_size=5)
STOPS = st.lists(WORDS, max_size=4)


def first_stop(text: str, stops: list[str]) -> tuple[int, str] | None:
    """Where the stop string begins that ends first, the longest of several; and which one it is."""
    for end in range(len(text) + 1):
        if ending := [stop for stop in stops if text[:end].endswith(stop)]:
            longest = max(ending, key=len)
            return end - len(longest), longest
    return None


@given(pieces=st.lists(st.text("abc", max_size=4), max_size=12), stops=STOPS)
@example(pieces=["aab", "aaab"], stops=["aabaaa"])
@example(pieces=["abcd"], stops=["abcd", "bc"])
def test_the_text_before_the_first_stop_string_is_shown(pieces: list[str], stops: list[str]) -> None:
    matcher, shown = StopStrings(stops), ""
    for count, piece in enumerate(pieces, 1):
        text, found = matcher.push(piece)
        shown += text
        so_far = "".join(pieces[:count])
        first = first_stop(so_far, stops)
        assert found == (first and first[1])
        if first:
            assert shown == so_far[: first[0]]
            assert matcher.finish() == ""
            return
        # Held back is what a stop string may begin with, and no more.
        held = so_far[len(shown) :]
        assert shown + held == so_far
        begun = [so_far[start:] for start in range(len(so_far)) if any(s.startswith(so_far[start:]) for s in stops)]
        assert held == max(begun, key=len, default="")
    assert shown + matcher.finish() == "".join(pieces)


@given(text=st.text("ab", max_size=20), stops=STOPS)
def test_no_part_of_a_stop_string_is_ever_shown(text: str, stops: list[str]) -> None:
    matcher, shown = StopStrings(stops), ""
    for character in text:
        more, found = matcher.push(character)
        shown += more
        if found:
            start = first_stop(text, stops)
            assert start is not None
            assert len(shown) == start[0]
            return
    assert first_stop(text, stops) is None


def test_without_stop_strings_everything_is_shown_at_once() -> None:
    for stops in ([], [""]):
        assert StopStrings(stops).push("text") == ("text", None)


@pytest.mark.parametrize("stop", ["a" * 3_000_000, "ab" * 1_000_000 + "c"])
def test_a_stop_string_of_megabytes_is_read_no_further_than_the_text_matches(stop: str) -> None:
    matcher = StopStrings([stop])
    assert matcher.push("x") == ("x", None)
    assert matcher.push(stop[:2000]) == ("", None)
    assert matcher.push("!") == (stop[:2000] + "!", None)
