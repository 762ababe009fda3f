"""The same thing done by several threads at the same time, as requests do it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def side_by_side(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Do it with each of these in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=work, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
