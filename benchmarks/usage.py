"""How long questions about a million answers take: `python -m benchmarks.usage`.

A year of answers of 100 workspaces with 10 keys each and three models, of which few are used much and many little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, get_args

import numpy as np
from sqlalchemy import insert

from benchmarks import report
from galerne.ledger.quota import Holder, Measure, Subject
from galerne.ledger.signing import SigningKey
from galerne.ledger.usage import By, UsageQuery
from galerne.ledger.usage_table import csv_text, usage_line, usage_names
from galerne.store.books import SqlBooks
from galerne.store.database import Database
from galerne.store.schema import upgrade
from galerne.store.usage import daily_sums, daily_usage, usage

END = datetime(2026, 12, 31, 12, tzinfo=UTC)
DAYS, WORKSPACES, KEYS, MODELS = 365, 100, 10, 3
GOAL = 1.0  # seconds
ROUNDS = 5


def answers(count: int) -> Iterator[dict[str, Any]]:
    """Rows of usage. Names are drawn by Zipf's law, so most days of most keys have a few rows, and some thousands."""
    random = np.random.default_rng(0)
    days, seconds = random.integers(0, DAYS, count), random.integers(0, 86_400, count)
    key = np.minimum(random.zipf(1.3, count), WORKSPACES * KEYS) - 1
    model, tokens = random.integers(0, MODELS, count), random.integers(1, 2000, (count, 2))
    for number in range(count):
        yield {
            "id": f"chatcmpl-{number:032x}",
            "organisation": "default",
            "workspace": f"workspace-{key[number] // KEYS}",
            "user": f"user-{key[number]}",
            "key": f"key-{key[number]}",
            "endpoint": "/v1/chat/completions",
            "model": f"model-{model[number]}",
            "time": END - timedelta(days=int(days[number]), seconds=int(seconds[number]) % 43_200),
            "input_tokens": int(tokens[number, 0]),
            "cached_tokens": 0,
            "output_tokens": int(tokens[number, 1]),
            "embedding_tokens": 0,
            "nano_euros": int(tokens[number].sum()) * 100,
            "cpu_microseconds": 1_000_000,
            "millijoules": 8_000,
            "reason": "stop",
        }


def fill(database: Database, count: int) -> int:
    """Returns how many daily sums they came to."""
    with database.write() as connection:
        rows = answers(count)
        while some := list(islice(rows, 10_000)):
            connection.execute(insert(usage), some)
        columns = [column.name for column in daily_usage.c]
        connection.execute(insert(daily_usage).from_select(columns, daily_sums(connection)))
        return int(connection.exec_driver_sql("SELECT count(*) FROM daily_usage").scalar() or 0)


def questions(books: SqlBooks) -> Iterator[tuple[str, Callable[[], object]]]:
    today = END.date()
    for span, since in (("of a month", today.replace(day=1)), ("of the year", today - timedelta(days=DAYS))):
        for by in get_args(By):
            for whose, workspace in (("all", None), ("a workspace's", "workspace-0")):
                query = UsageQuery(by, since, today, workspace)
                yield f"{whose} use by {by} {span}", partial(table, books, query)
    subject = Subject(Holder.ORGANISATION, "default")
    for measure in (Measure.TOKENS_MONTH, Measure.TOKENS_MINUTE):
        yield f"to set {measure.value}", partial(books.set_limit, subject, measure, 10**12, END)


def table(books: SqlBooks, query: UsageQuery) -> str:
    """The answer as CSV, whose lines JSON has, too."""
    return csv_text(usage_names(query.by), [usage_line(query.by, each) for each in books.usage(query)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/galerne.db")
        upgrade(database)
        sums = fill(database, options.rows)
        took = {name: _seconds(ask) for name, ask in questions(SqlBooks(database, SigningKey.generate()))}
        database.close()
    for name, seconds in took.items():
        print(f"{seconds * 1000:7.1f} ms  {name}")
    slowest = max(took, key=lambda name: took[name])
    figures = report.table(
        ["question", "measured", "goal"],
        [[f"slowest of {len(took)}: {slowest}", f"{took[slowest]:.2f} s", f"{GOAL} s"]],
    )
    method = f"{options.rows:,} answers ({sums:,} daily sums) in SQLite, medians of {ROUNDS}"
    report.put(options.output, "usage", [report.provenance("python -m benchmarks.usage", method), "", *figures])


def _seconds(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    main()
