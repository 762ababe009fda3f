"""Several streams as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from galerne.flows.merge import merge


class Stream:
    """Counts up, and knows whether it was closed."""

    def __init__(self, name: str, length: int, fails: bool = False) -> None:
        self.name = name
        self.closed = False
        self._length = length
        self._fails = fails

    async def items(self) -> AsyncGenerator[str]:
        try:
            for number in range(self._length):
                await asyncio.sleep(0)
                yield f"{self.name}{number}"
            if self._fails:
                raise ArithmeticError(self.name)
        finally:
            self.closed = True


def merged(streams: Sequence[Stream]) -> AsyncGenerator[str]:
    return merge([stream.items() for stream in streams])


@pytest.mark.parametrize("lengths", [(), (0,), (3,), (3, 0, 5), (1, 1, 1, 1)])
async def test_everything_comes_in_the_order_of_its_stream(lengths: tuple[int, ...]) -> None:
    streams = [Stream("abcd"[number], length) for number, length in enumerate(lengths)]
    items = [item async for item in merged(streams)]
    for stream, length in zip(streams, lengths, strict=True):
        assert [item for item in items if item[0] == stream.name] == [f"{stream.name}{n}" for n in range(length)]
        assert stream.closed
    assert len(items) == sum(lengths)


async def test_streams_run_at_the_same_time() -> None:
    items = [item async for item in merged([Stream("a", 3), Stream("b", 3)])]
    assert items.index("b0") < items.index("a2")


async def test_the_first_failure_ends_all() -> None:
    streams = [Stream("a", 1000), Stream("b", 2, fails=True)]
    with pytest.raises(ArithmeticError, match="b"):
        async for _ in merged(streams):
            pass
    assert all(stream.closed for stream in streams)


async def test_what_came_before_a_failure_is_not_lost() -> None:
    streams = [Stream("a", 2), Stream("b", 5, fails=True)]
    items: list[str] = []

    async def read_slowly() -> None:
        async for item in merged(streams):
            await asyncio.sleep(0.01)
            items.append(item)

    with pytest.raises(ArithmeticError, match="b"):
        await read_slowly()
    assert [item for item in items if item[0] == "b"] == [f"b{number}" for number in range(5)]


async def test_closing_ends_all() -> None:
    streams = [Stream("a", 1000), Stream("b", 1000)]
    items = merged(streams)
    await anext(items)
    await items.aclose()
    assert all(stream.closed for stream in streams)
