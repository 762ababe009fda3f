"""How many sentences a second the sentence encoder turns into vectors, on one core: `python -m benchmarks.embeddings`.

It is measured as a server uses it: text in, tokens, the encoder's process, vectors out; everything on one CPU. No
sentence comes twice: the encoder remembers tokens, but of sentences only those that it is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import time
from pathlib import Path
from statistics import median

from benchmarks import machine
from galerne.backends.sentence_encoder import NAME, SentenceEncoder
from galerne.engine.events import EndEvent
from galerne.engine.request import Priority
from galerne.prompt.plain_text import embedding_tokens
from galerne.settings import Settings

ROOT = Path(__file__).parent.parent
TEXTS = [*(ROOT / "tests" / "golden" / "texts").glob("*.txt"), *(ROOT / "docs").rglob("*.md")]
"""English and French prose."""


def main() -> None:
    options = _options()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the encoder's process inherits it
    asyncio.run(_measure(options.rounds))


async def _measure(rounds: int) -> None:
    first, *others = _parts(rounds + 1)
    count = len(first)
    encoder = SentenceEncoder(Settings())
    await _round(encoder, first)  # starts the process, loads the weights
    runs = [await _round(encoder, sentences) for sentences in others]
    await encoder.close()
    tokens = sum(len(embedding_tokens(encoder.tokenizer, sentence)) for sentence in first) / count
    print(f"{NAME}, one core: {machine.describe()}.")
    print(f"{count} sentences of {tokens:.1f} tokens on average, median of {rounds} rounds:")
    print(f"  {count / median(wall for wall, _ in runs):.0f} sentences a second")
    print(f"  {count / median(cpu for _, cpu in runs):.0f} sentences for each second of CPU time")


def _parts(count: int) -> list[list[str]]:
    """So many of equal size."""
    texts = " ".join(file.read_text("utf-8") for file in sorted(TEXTS))
    found = dict.fromkeys(part.strip() for part in re.split(r"(?<=[.:;!?|])\s+", texts))
    sentences = [sentence for sentence in found if 20 <= len(sentence) <= 400]
    return [sentences[part : len(sentences) // count * count : count] for part in range(count)]


async def _round(encoder: SentenceEncoder, sentences: list[str]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU time (the tokens are cut in this process)."""
    bill = _Bill()
    began, cpu_began = time.perf_counter(), time.process_time()
    texts = [embedding_tokens(encoder.tokenizer, sentence) for sentence in sentences]
    await encoder.embed("bench", texts, "", Priority.INTERACTIVE, bill)
    return time.perf_counter() - began, time.process_time() - cpu_began + bill.cpu_seconds


class _Bill:
    """Fills the port `Bill`: adds up the encoder's CPU time."""

    cpu_seconds = 0.0

    def begin(self, id: str) -> None: ...

    def settle(self, end: EndEvent) -> None:
        self.cpu_seconds += end.work.cpu_seconds or 0

    def drop(self, id: str) -> None: ...


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embeddings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
