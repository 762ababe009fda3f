"""What identity, limits, books, receipts and the audit log add to a chat: `python -m benchmarks.accounting`.

Two applications over one engine take turns: one keeps no account of anything, the other knows callers by keys, holds
every level to limits, and puts each answer on record before it tells its end. What is said is the same.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import httpx2
from fastapi import FastAPI

from benchmarks import machine, report
from benchmarks.measure import STREAMS, TOKENS
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
ALONE, PAIRS = 4, 40  # tokens of an answer that comes alone; so many pairs of them in a round
PLENTY = 10**15


@dataclass(frozen=True)
class Pair:
    """The two applications, each behind a client."""

    model: str
    plain: httpx2.AsyncClient
    accounted: httpx2.AsyncClient


@dataclass(frozen=True)
class Load:
    """What clients want that all ask again and again at the same time."""

    tokens: int  # of an answer
    each: int  # answers that each client wants, after a shorter one
    pairs: int  # of runs without and with accounts, in a round: a machine's speed changes within seconds

    @property
    def title(self) -> str:
        return f"{STREAMS} streams, answers of {self.tokens} tokens"

    @property
    def answers(self) -> int:
        return STREAMS * (1 + self.each)


LOADS = (Load(512, 1, 2), Load(TOKENS, 2, 6), Load(16, 10, 3))
"""Long answers, those of the comparison of engines, and such as are so short that accounts weigh most."""


@dataclass(frozen=True)
class Run:
    """One load, served once."""

    seconds: float
    cpu: float  # seconds of this process, in which the engine is not


async def measure(pair: Pair, rounds: int) -> list[list[str]]:
    alone: list[tuple[float, float]] = []  # seconds without, with
    loads: dict[Load, list[tuple[Run, Run]]] = {load: [] for load in LOADS}
    for number in range(rounds + 1):  # the first is not counted: caches fill
        seen = [await _in_turns(pair, _alone, swapped=bool(turn % 2)) for turn in range(PAIRS)]
        alone += seen if number else []
        for each, runs in loads.items():
            for turn in range(each.pairs):
                run = await _in_turns(pair, partial(_serve, each), swapped=bool((number + turn) % 2))
                runs += [run] if number else []
    added = median(on - off for off, on in alone)
    rows = [["what all accounts add to a chat", f"{added * 1000:.1f} ms (median of {len(alone)} pairs)", "5 ms"]]
    for each, runs in loads.items():
        lost = 1 - median(off.seconds / on.seconds for off, on in runs)
        cpu = median(on.cpu - off.cpu for off, on in runs) / each.answers
        rows.append([f"throughput that they take, {each.title}", f"{lost:.1%} (median of {len(runs)} pairs)", "2%"])
        rows.append(["CPU time that they take of each of these", f"{cpu * 1000:.1f} ms", ""])
    return rows


Result = TypeVar("Result")
Ask = Callable[[str, httpx2.AsyncClient], Awaitable[Result]]


async def _in_turns(pair: Pair, ask: Ask[Result], *, swapped: bool) -> tuple[Result, Result]:
    """Without accounts and with them; `swapped`, the other way round, as the machine may get slower or faster."""
    if swapped:
        on = await ask(pair.model, pair.accounted)
        return await ask(pair.model, pair.plain), on
    return await ask(pair.model, pair.plain), await ask(pair.model, pair.accounted)


async def _alone(model: str, client: httpx2.AsyncClient) -> float:
    began = time.perf_counter()
    await _answer(model, client, ALONE)
    return time.perf_counter() - began


async def _serve(load: Load, model: str, client: httpx2.AsyncClient) -> Run:
    async def again_and_again(stream: int) -> None:
        """The first answer is of another length for each client, so that they do not all end at the same time."""
        await _answer(model, client, load.tokens * (stream + 1) // STREAMS, stream=True)
        for _ in range(load.each):
            await _answer(model, client, load.tokens, stream=True)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(again_and_again(stream) for stream in range(STREAMS)))
    return Run(time.perf_counter() - began, time.process_time() - cpu)


async def _answer(model: str, client: httpx2.AsyncClient, tokens: int, **fields: Any) -> None:
    messages = [{"role": "user", "content": "Count from one to a thousand in words."}]
    asked = {"model": model, "messages": messages, "max_tokens": tokens, "min_tokens": tokens, "temperature": 0}
    answer = await client.post(CHAT, json=asked | fields, timeout=600)
    answer.raise_for_status()


@asynccontextmanager
async def applications(model: str, settings: Settings) -> AsyncIterator[Pair]:
    opened = bootstrap.open_local_model(model, settings)
    async with AsyncExitStack() as stack:
        generator = await stack.enter_async_context(supervised(opened.path, settings))
        models = ServedModels([served_model(opened, generator)], {})
        database, kept = open_kept(models, settings)
        stack.callback(opened.template.close)
        stack.callback(database.close)
        stack.push_async_callback(kept.billing.end)
        headers = {"authorization": f"Bearer {_prepare(opened.name, settings)}"}
        plain = create_app(models, Everyone(), settings)
        accounted = create_app(models, open_callers(database, settings), settings, kept=kept)
        yield Pair(
            opened.name,
            await stack.enter_async_context(_client(plain)),
            await stack.enter_async_context(_client(accounted, headers)),
        )


@asynccontextmanager
async def _client(app: FastAPI, headers: dict[str, str] | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """Of an application that runs, with all that it does beside answering."""
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client,
    ):
        yield client


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
