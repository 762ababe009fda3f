"""What identity, limits, books, receipts and the audit log add to a chat: `python -m benchmarks.accounting`.

Two applications over one engine take turns: one keeps no account of anything, the other knows callers by keys, holds
every level to limits, and puts each answer on record before it tells its end. What is said is the same.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
from fastapi import FastAPI

from benchmarks import machine, report
from benchmarks.workers import supervised
from galerne import bootstrap
from galerne.api.application import create_app
from galerne.bootstrap.identity import open_callers
from galerne.bootstrap.keeping import open_kept
from galerne.bootstrap.served import served_model
from galerne.flows.served import ServedModels
from galerne.identity.caller import DEFAULT_WORKSPACE, LOCAL_ADMIN, Everyone
from galerne.identity.permissions import Role
from galerne.ledger.prices import Kind
from galerne.ledger.quota import Holder, Measure, Subject
from galerne.settings import Settings, load_settings

CHAT = "/v1/chat/completions"
SHORT, LONG = 4, 64  # tokens of an answer
STREAMS, EACH = 8, 2
PAIRS = 40  # short answers in a round
PLENTY = 10**15


@dataclass(frozen=True)
class Pair:
    """The two applications, each behind a client."""

    model: str
    plain: httpx2.AsyncClient
    accounted: httpx2.AsyncClient

    @property
    def clients(self) -> tuple[httpx2.AsyncClient, httpx2.AsyncClient]:
        return self.plain, self.accounted


async def measure(pair: Pair, rounds: int) -> list[list[str]]:
    alone: list[list[float]] = [[], []]
    together: list[list[float]] = [[], []]
    for number in range(rounds + 1):  # the first is not counted: caches fill
        for _ in range(PAIRS):
            for times, client in zip(alone, pair.clients, strict=True):
                times += [await _seconds(pair.model, client, SHORT)] if number else []
        for times, client in zip(together, pair.clients, strict=True):
            began = time.perf_counter()
            await asyncio.gather(*(_several(pair.model, client) for _ in range(STREAMS)))
            times += [time.perf_counter() - began] if number else []
    added = median(on - off for off, on in zip(*alone, strict=True))
    lost = 1 - 1 / median(on / off for off, on in zip(*together, strict=True))
    return [
        ["what all accounts add to a chat", f"{added * 1000:.1f} ms (median of {rounds * PAIRS} pairs)", "5 ms"],
        [f"throughput that they take, {STREAMS} streams", f"{lost:.1%} (median of {rounds} pairs)", "2%"],
    ]


async def _several(model: str, client: httpx2.AsyncClient) -> None:
    for _ in range(EACH):
        await _seconds(model, client, LONG, stream=True)


async def _seconds(model: str, client: httpx2.AsyncClient, tokens: int, **fields: Any) -> float:
    messages = [{"role": "user", "content": "Count from one to a hundred in words."}]
    began = time.perf_counter()
    asked = {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0, **fields}
    answer = await client.post(CHAT, json=asked, timeout=600)
    answer.raise_for_status()
    return time.perf_counter() - began


@asynccontextmanager
async def applications(model: str, settings: Settings) -> AsyncIterator[Pair]:
    opened = bootstrap.open_local_model(model, settings)
    async with AsyncExitStack() as stack:
        generator = await stack.enter_async_context(supervised(opened.path, settings))
        models = ServedModels([served_model(opened, generator, settings)], {})
        database, kept = open_kept(models, settings)
        stack.callback(opened.template.close)
        stack.callback(database.close)
        stack.push_async_callback(kept.billing.end)
        headers = {"authorization": f"Bearer {_prepare(opened.name, settings)}"}
        accounted = create_app(models, open_callers(database, settings), settings, kept=kept)
        yield Pair(
            opened.name,
            await stack.enter_async_context(_client(create_app(models, Everyone(), settings))),
            await stack.enter_async_context(_client(accounted, headers)),
        )


def _client(app: FastAPI, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost", headers=headers)


def _prepare(model: str, settings: Settings) -> str:
    """A key, whose holder and everything above it has limits; prices."""
    with bootstrap.open_identity(settings) as identity:
        user = identity.users.create_service("bench", DEFAULT_WORKSPACE, Role.MEMBER, LOCAL_ADMIN)
        secret, key = identity.keys.make("bench", user.id, LOCAL_ADMIN)
    held = {
        Holder.KEY: key.id,
        Holder.USER: user.id,
        Holder.WORKSPACE: DEFAULT_WORKSPACE,
        Holder.ORGANISATION: "default",
    }
    with bootstrap.open_accounts(settings) as accounts:
        for holder, id in held.items():
            for measure in (Measure.REQUESTS_MINUTE, Measure.TOKENS_MONTH, Measure.NANO_EUROS_MONTH):
                accounts.terms.set_limit(Subject(holder, id), measure, PLENTY, LOCAL_ADMIN)
        for kind in (Kind.INPUT, Kind.CACHED, Kind.OUTPUT):
            accounts.terms.set_price(model, kind, 100, None, LOCAL_ADMIN)
    return secret


async def _run(options: argparse.Namespace) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"threads": options.threads, "data_dir": Path(folder), "auth": "keys"})
        async with applications(options.model, settings) as pair:
            return await measure(pair, options.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accounting", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--threads", type=int, default=machine.usable_cpus())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    options = parser.parse_args()
    rows = report.table(["accounts", "measured", "goal"], asyncio.run(_run(options)))
    method = f"{options.model}, {options.threads} threads, {options.rounds} rounds in which both take turns, SQLite"
    report.put(options.output, "accounting", [report.provenance("make bench", method), "", *rows])
    print("\n".join(rows))


if __name__ == "__main__":
    main()
