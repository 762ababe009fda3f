"""Several event streams -> one, in the order in which things happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def merge(streams: Sequence[AsyncGenerator[Item]]) -> AsyncGenerator[Item]:
    """Whatever comes next from any of the streams. A failure ends all of them when its turn has come; closing this one
    ends them at once."""
    arrived: asyncio.Queue[Item | asyncio.Task[None]] = asyncio.Queue()

    async def forward(stream: AsyncGenerator[Item]) -> None:
        async with aclosing(stream):
            async for item in stream:
                arrived.put_nowait(item)

    tasks = [asyncio.create_task(forward(stream)) for stream in streams]
    for task in tasks:
        task.add_done_callback(arrived.put_nowait)  # behind its items
    try:
        through = 0
        while through < len(tasks):
            item = await arrived.get()
            if isinstance(item, asyncio.Task):
                item.result()
                through += 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
