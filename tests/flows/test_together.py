"""What is wanted at about the same time is done at once, and each learns of its own end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from galerne.flows.together import MOST, Together


class Work:
    """Notes what it was asked to do at once; fails as a whole when one of it is bad."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self, items: Sequence[str]) -> None:
        assert self.goes_on.wait(10)
        if "bad" in items:
            raise ValueError(f"{len(items)} with a bad one")
        self.done.append(list(items))


async def test_what_waits_while_something_is_done_is_done_at_once() -> None:
    work = Work()
    together = Together(work)
    work.goes_on.clear()
    first = asyncio.create_task(together.do("first"))
    await asyncio.sleep(0)  # it waits
    await asyncio.sleep(0)  # it is being done
    others = [asyncio.create_task(together.do(f"{number}")) for number in range(MOST + 1)]
    await asyncio.sleep(0)
    assert not first.done()
    work.goes_on.set()
    await asyncio.gather(first, *others)
    assert [len(items) for items in work.done] == [1, MOST, 1]
    await together.do("last")
    assert work.done[-1] == ["last"]


async def test_what_cannot_be_done_keeps_nothing_else_from_it() -> None:
    work = Work()
    together = Together(work)
    results = await asyncio.gather(*(together.do(item) for item in ("a", "bad", "b")), return_exceptions=True)
    assert [str(result) for result in results] == ["None", "1 with a bad one", "None"]
    assert work.done == [["a"], ["b"]]
    with pytest.raises(ValueError, match="bad"):
        await together.do("bad")


async def test_whoever_no_longer_waits_disturbs_nobody() -> None:
    work = Work()
    together = Together(work)
    leaving, staying = asyncio.create_task(together.do("left")), asyncio.create_task(together.do("stayed"))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert work.done == [["left", "stayed"]]
