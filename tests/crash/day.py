"""A day of a house: what is asked of it, and what it acknowledged, told to whoever looks on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.api.kept_house import KeptHouse, form

from galerne.bootstrap import open_accounts, open_identity
from galerne.errors import GalerneError
from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.permissions import Role
from galerne.ledger.prices import Kind, Price
from galerne.ledger.quota import Holder, Limit, Measure, Subject
from galerne.settings import Settings

Tell = Callable[[dict[str, Any]], None]

CHAT = "/v1/chat/completions"
PATIENCE = 600.0
"""Seconds that a client waits here: a slow machine is no failure of the house, and a house that hangs still is one."""


def open_house(folder: Path, limits: Sequence[Limit], prices: Sequence[Price]) -> None:
    """Make the folder and its database, with these limits, of workspaces, and prices."""
    settings = Settings(data_dir=folder)
    with open_identity(settings) as identity:
        for id in {limit.subject.id for limit in limits}:
            identity.workspaces.create(id, None, LOCAL_ADMIN)
    with open_accounts(settings) as accounts:
        for limit in limits:
            accounts.terms.set_limit(limit.subject, limit.measure, limit.most, LOCAL_ADMIN)
        for price in prices:
            accounts.terms.set_price(price.model, price.kind, price.nano_euros, price.since, LOCAL_ADMIN)


async def day(folder: Path, tell: Tell) -> None:
    """What is acknowledged is told at once. A failure that is reported is no failure of the house."""
    try:
        house = KeptHouse(folder, lambda request: bytes(request.prompt)[::-1])
    except GalerneError as error:
        tell({"refused": error.code})
        return
    house.client.patience = PATIENCE
    await asyncio.to_thread(administer, folder, tell)
    await files(house, tell)
    await whole(house, "the first question", tell)
    await asyncio.gather(*(streamed(house, f"question {number}", tell) for number in range(3)))
    await streamed(house, "a question that nobody waits for", tell, patience=3)
    await vectors(house, tell)
    await house.kept.billing.end()
    tell({"receipts": house.kept.receipts.head(), "audit": house.kept.audit.head()})
    house.database.close()


def administer(folder: Path, tell: Tell) -> None:
    try:
        with open_identity(Settings(data_dir=folder)) as identity:
            service = identity.users.create_service("crash", "default", Role.MEMBER, LOCAL_ADMIN)
            _, key = identity.keys.make("crash", service.id, LOCAL_ADMIN)
            tell({"key": key.id})
            identity.keys.revoke(key.id, LOCAL_ADMIN)
            tell({"revoked": key.id})
        with open_accounts(Settings(data_dir=folder)) as accounts:
            accounts.terms.set_limit(Subject(Holder.WORKSPACE, "default"), Measure.TOKENS_MONTH, 12_345, LOCAL_ADMIN)
            tell({"limit": 12_345})
            accounts.terms.set_price("another", Kind.INPUT, 77, datetime(2026, 1, 1, tzinfo=UTC).date(), LOCAL_ADMIN)
            tell({"price": 77})
    except GalerneError as error:
        tell({"refused": error.code})


async def files(house: KeptHouse, tell: Tell) -> None:
    for number in range(2):
        content = f"content {number}\n".encode() * 2000
        answer = await house.send(form(content)).answer()
        if answer.status == 200:
            id = answer.json()["id"]
            tell({"file": id, "content": content.decode()})
            if number:
                continue
            if (await house.delete(f"/v1/files/{id}")).status == 200:
                tell({"deleted": id})


async def whole(house: KeptHouse, question: str, tell: Tell) -> None:
    answer = await house.post(CHAT, asked(question))
    if answer.status == 200:
        body = answer.json()
        tell({"answered": body["id"], "tokens": body["usage"]["completion_tokens"]})


async def streamed(house: KeptHouse, question: str, tell: Tell, patience: int | None = None) -> None:
    """Each piece that arrives is told; `patience`: so many, then the client leaves."""
    exchange = house.client.send(CHAT, asked(question, stream=True), {"authorization": "Bearer anna"})
    status, _ = await exchange.start()
    if status != 200:
        await exchange.over()
        return
    tokens = 0
    while piece := await exchange.piece():
        for line in piece.decode().split("\n\n"):
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                return
            said = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
            tokens += len((said or "").encode())
            tell({"piece": chunk["id"], "tokens": tokens})
            if chunk["choices"] and chunk["choices"][0].get("finish_reason"):
                tell({"answered": chunk["id"], "tokens": tokens})
        if patience is not None and (patience := patience - 1) == 0:
            await exchange.leave()
            return
    await exchange.over()


async def vectors(house: KeptHouse, tell: Tell) -> None:
    answer = await house.post("/v1/embeddings", {"model": "mistral-embed", "input": ["some text"]})
    if answer.status == 200:
        tell({"embedded": answer.headers["x-galerne-receipt"]})


def asked(question: str, **fields: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": question}], "temperature": 0} | fields
