from __future__ import annotations

from pathlib import Path

from benchmarks import report


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Before\n\n<!-- one: begin -->\nold figures\n<!-- one: end -->\n\nAfter.\n")
    report.put(document, "one", ["new figures", "of two lines"])
    text = document.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter.\n")
    assert "old figures" not in text
    assert "\n\nnew figures\nof two lines\n\n" in text
    report.put(document, "one", ["new figures", "of two lines"])
    assert document.read_text() == text


def test_a_new_section_goes_to_the_end_and_another_one_stays(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    for section in ("one", "two"):
        report.put(document, section, [f"figures of {section}"])
    report.put(document, "one", ["other figures"])
    text = document.read_text()
    assert text.index("other figures") < text.index("figures of two")
    assert "figures of one" not in text


def test_a_table_has_words_on_the_left_and_numbers_on_the_right() -> None:
    assert report.table(["engine", "weights", "speed"], [["ours", "Q4_0", "12"]], words=2) == [
        "| engine | weights | speed |",
        "| --- | --- | ---: |",
        "| ours | Q4_0 | 12 |",
    ]
