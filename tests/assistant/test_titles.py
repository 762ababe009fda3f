"""Titles: the beginning of a question, and what models make of a conversation, without what they add."""

from __future__ import annotations

import pytest

from galerne.assistant.titles import LONGEST, tidied, title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Which winds blow?", "Which winds blow?"),
        ("  Which\n\twinds  ", "Which winds"),
        ("", None),
        (" \n ", None),
        ("word " * 30, "word " * 11 + "word…"),
        ("x" * 100, "x" * LONGEST + "…"),
        (
            "a long sentence whose sixtieth letter comes after a comma, yes indeed",
            "a long sentence whose sixtieth letter comes after a comma…",
        ),
    ],
)
def test_a_question_is_cut_between_words(text: str, title: str | None) -> None:
    assert title_of(text) == title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ('"Winds of Brest."', "Winds of Brest"),
        ("# Winds of Brest\n\nI hope", "Winds of Brest"),
        ("**Title: Winds**", "Winds"),
        ("« Vents »", "Vents"),
        ('""', None),
        ("\n\n", None),
    ],
)
def test_a_models_title_is_tidied(said: str, title: str | None) -> None:
    assert tidied(said) == title
