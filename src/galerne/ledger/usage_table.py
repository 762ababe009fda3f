"""What was used, as rows that people and spreadsheets read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from galerne.ledger.prices import euros
from galerne.ledger.usage import By, UsageSum

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is a formula to a spreadsheet: names come from people, so it gets a `'`.

Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

Line = Mapping[str, Any]


def usage_names(by: By) -> list[str]:
    """The names of a line's values."""
    return list(usage_line(by, UsageSum(None, 0, 0, 0, 0, 0, 0, 0.0, None)))


def usage_line(by: By, total: UsageSum) -> Line:
    """A sum under the name of what it is a sum of; its price in euros, exact."""
    return {
        by: total.name,
        "requests": total.requests,
        "input_tokens": total.input_tokens,
        "cached_tokens": total.cached_tokens,
        "output_tokens": total.output_tokens,
        "embedding_tokens": total.embedding_tokens,
        "cpu_seconds": total.cpu_seconds,
        "joules": total.joules,
        "euros": euros(total.nano_euros),
    }


def csv_text(names: Sequence[str], lines: Sequence[Line]) -> str:
    """Comma-separated values (RFC 4180), a header first."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(names)
    for line in lines:
        writer.writerow([_cell(line[name]) for name in names])
    return sink.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
