"""What is found, and how it is shown: the same in every database."""

from __future__ import annotations

import pytest

from galerne.assistant.words import AFTER, BEFORE, LONGEST, MOST_WORDS, fold, snippet, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Les ÉLÈVES, les élèves", ["les", "eleves"]),
        ("cafe\u0301 café", ["cafe"]),
        ("Straße STRASSE", ["strasse"]),
        ("l'été-là snake_case", ["l", "ete", "la", "snake", "case"]),
        ("Άλφα Щука ﬁn", ["αλφα", "щука", "fin"]),
        ("½ № 3.14", ["12", "3", "14"]),
        ('!?*" \n', []),
        ("東京 \U0001f300", ["東京"]),
    ],
)
def test_words_are_folded(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_there_is_an_end_to_words() -> None:
    assert len(words_of(" ".join(map(str, range(MOST_WORDS + 10))))) == MOST_WORDS
    assert fold("X" * 1000) == "x" * LONGEST


def shown(text: str, *words: str) -> str:
    return "".join(f"[{part.text}]" if part.match else part.text for part in snippet(text, words))


def test_a_snippet_marks_what_was_looked_for() -> None:
    assert shown("Les ÉLÈVES sont là", "eleves", "so") == "Les [ÉLÈVES] [sont] là"
    assert shown("nothing", "else") == "nothing"
    assert shown("", "else") == ""


def test_a_snippet_is_short_and_near_the_match() -> None:
    text = "before " * 100 + "<b>match</b>" + " after" * 100 + " match"
    around = shown(text, "match")
    assert "<b>[match]</b>" in around
    assert around.count("[") == 1
    assert len(around) <= BEFORE + len("[match]") + AFTER
    assert around.startswith("before ")
