"""Several event streams -> one, in the order in which things happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def merge(streams: Sequence[AsyncGenerator[Item]]) -> AsyncGenerator[Item]:
    """Whatever comes next from any of the streams. The first failure ends all of them, as does closing this one."""
    arrived: asyncio.Queue[Item | None] = asyncio.Queue()

    async def forward(stream: AsyncGenerator[Item]) -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    arrived.put_nowait(item)
        finally:
            arrived.put_nowait(None)  # one of them is through

    tasks = [asyncio.create_task(forward(stream)) for stream in streams]
    try:
        for _ in tasks:
            while (item := await arrived.get()) is not None:
                yield item
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
