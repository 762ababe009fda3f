"""The pool of cache blocks: who holds which, and which one to give up next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class BlockPool:
    """Every block is in just one state:

    free      nobody's; its contents mean nothing
    held      by one or more sequences
    idle      held by none, but its contents are kept for a later prompt; the longest idle is evicted first

    The prefix tree keeps a path of blocks, and a sequence holds a path from the root on and releases it deepest first.
    So a block never becomes idle before those below it, and the longest idle block is always a leaf.
    """

    def __init__(self, blocks: int, evicted: Callable[[int], None]) -> None:
        """`evicted` is told each block that is taken out of the cache to be used anew."""
        self.size = blocks
        self._evicted = evicted
        self._free = list(range(blocks - 1, -1, -1))
        self._holders = [0] * blocks
        self._kept = [False] * blocks
        self._idle: OrderedDict[int, None] = OrderedDict()

    @property
    def available(self) -> int:
        """Blocks that `take` could give."""
        return len(self._free) + len(self._idle)

    @property
    def idle(self) -> int:
        return len(self._idle)

    def holders(self, block: int) -> int:
        return self._holders[block]

    def take(self) -> int:
        """A block for the caller alone to hold. There must be one `available`."""
        if not self._free:
            block, _ = self._idle.popitem(last=False)
            self._kept[block] = False
            self._evicted(block)
            self._free.append(block)
        block = self._free.pop()
        self._holders[block] = 1
        return block

    def hold(self, block: int) -> None:
        if not self._holders[block]:
            del self._idle[block]
        self._holders[block] += 1

    def release(self, block: int) -> None:
        self._holders[block] -= 1
        if self._holders[block]:
            return
        if self._kept[block]:
            self._idle[block] = None
        else:
            self._free.append(block)

    def keep(self, block: int) -> None:
        """The contents of a held block are worth keeping once nobody holds it."""
        self._kept[block] = True

    def drop(self, block: int) -> None:
        """The opposite of `keep`; an idle block is free at once."""
        self._kept[block] = False
        if not self._holders[block]:
            del self._idle[block]
            self._free.append(block)
