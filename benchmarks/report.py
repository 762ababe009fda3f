"""Measured figures in the document: each kind in a section of its own, whose other words are people's and stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine

DOCUMENT = Path("docs/performance.md")


def put(document: Path, section: str, lines: Sequence[str]) -> None:
    """Put lines between the marks of a section; at the end of the document, where it has no such marks yet."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    text = document.read_text() if document.exists() else ""
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    document.write_text(f"{before}{begin}\n\n" + "\n".join(lines) + f"\n\n{end}{after}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> list[str]:
    """A table in Markdown, whose first `words` columns are words and whose others are numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def provenance(command: str, method: str) -> str:
    """Where the figures of a section come from."""
    return f"Measured on {datetime.now(UTC):%Y-%m-%d} with `{command}`: {method}. {machine.describe()}."
