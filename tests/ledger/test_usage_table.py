"""Tables for spreadsheets: a name is a name, and no formula."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from galerne.ledger.usage_table import FORMULA, csv_text


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.integers() | st.none()})))
def test_what_is_written_is_read_back_and_nothing_of_it_is_a_formula(lines: list[dict]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b"], lines), newline="")))
    assert read[0] == ["a", "b"]
    for line, (name, number) in zip(lines, read[1:], strict=True):
        assert not name.startswith(FORMULA)
        assert name.removeprefix("'") == line["a"].removeprefix("'")
        assert number == ("" if line["b"] is None else str(line["b"]))
