"""The key/value cache as sequences see it: find what is there, take room for more, share what was computed."""

from __future__ import annotations

from collections.abc import Callable

from galerne.engine.blocks import BlockPool
from galerne.engine.prefix import Node, PrefixTree
from galerne.engine.sequence import Sequence, blocks_for
from galerne.kernels.batch import BLOCK

WORTH_COPYING = 4
"""Positions in a partly matching block; fewer are computed as quickly as they are copied."""


class Cache:
    """The block pool and the prefix tree, kept in step with each other."""

    def __init__(
        self, blocks: int, copy_block: Callable[[int, int], None], *, sharing: bool = True, answers_apart: bool = False
    ) -> None:
        """`copy_block(source, target)` copies the keys and values of a block (copy on write).

        `answers_apart`: share what was computed of prompts only, and for prompts only."""
        self._answers_apart = answers_apart
        self._tree = PrefixTree()
        self.pool = BlockPool(blocks, evicted=lambda block: self._tree.remove(self._tree.at(block)))
        self._copy_block = copy_block
        self._sharing = sharing

    def adopt(self, sequence: Sequence) -> None:
        """Take over the full blocks that others computed of the tokens that come next.

        The last token is always left to compute: its logits are wanted.
        """
        if not self._sharing:
            return
        limit = self._shareable(sequence, len(sequence.tokens) - 1)
        while sequence.computed == sequence.shared * BLOCK and sequence.computed + BLOCK <= limit:
            node = self._tree.find(sequence.request.tenant, sequence.node, next_block(sequence))
            if node is None:
                return
            self._put(sequence, sequence.shared, node.block)
            sequence.node = node
            sequence.shared += 1
            sequence.advance(BLOCK, cached=True)

    def adopt_part(self, sequence: Sequence) -> None:
        """Copy the block that shares the most of its first tokens with those that come next, if any does."""
        if not self._sharing or sequence.computed != sequence.shared * BLOCK or not self.pool.available:
            return
        limit = min(self._shareable(sequence, len(sequence.tokens) - 1) - sequence.computed, BLOCK)
        wanted = next_block(sequence)[:limit]
        source, common = self._tree.nearest(sequence.request.tenant, sequence.node, wanted)
        if source is None or common < WORTH_COPYING:
            return
        self.pool.hold(source.block)  # lest it is the very one that is evicted to make room
        if self.reserve(sequence, sequence.computed + common):
            self._copy_block(source.block, sequence.table[sequence.shared])
            sequence.advance(common, cached=True)
        self.pool.release(source.block)

    def held_by_others(self, sequence: Sequence) -> int:
        """Blocks of a waiting sequence's tokens that it could adopt without taking one from the pool."""
        if not self._sharing:
            return 0
        node = None
        for blocks in range((len(sequence.tokens) - 1) // BLOCK):
            tokens = tuple(sequence.tokens[blocks * BLOCK : (blocks + 1) * BLOCK])
            node = self._tree.find(sequence.request.tenant, node, tokens)
            if node is None or not self.pool.holders(node.block):
                return blocks
        return (len(sequence.tokens) - 1) // BLOCK

    def reserve(self, sequence: Sequence, positions: int) -> bool:
        """Give the sequence blocks for so many positions: all of them, or none and False."""
        missing = blocks_for(positions) - len(sequence.table)
        if missing <= 0:
            return True
        if missing > self.pool.available:
            return False
        sequence.table += [self.pool.take() for _ in range(missing)]
        return True

    def share(self, sequence: Sequence) -> None:
        """Put the blocks that are now full into the tree; where an equal one is there already, go on with that."""
        if not self._sharing:
            return
        while self._shareable(sequence, sequence.computed) >= (sequence.shared + 1) * BLOCK:
            self._drop_tail(sequence)
            tenant, tokens = sequence.request.tenant, next_block(sequence)
            block = sequence.table[sequence.shared]
            node = self._tree.find(tenant, sequence.node, tokens)
            if node is None:
                node = self._tree.insert(tenant, sequence.node, tokens, block)
                self.pool.keep(block)
            else:
                self._put(sequence, sequence.shared, node.block)
            sequence.node = node
            sequence.shared += 1

    def share_tail(self, sequence: Sequence) -> None:
        """Put the last, partly filled block into the tree as well. Its owner may go on filling it: others copy it."""
        computed = self._shareable(sequence, sequence.computed)
        tokens = next_block(sequence)[: max(computed - sequence.shared * BLOCK, 0)]
        if not self._sharing or len(tokens) < WORTH_COPYING:
            return
        self._drop_tail(sequence)
        _, common = self._tree.nearest(sequence.request.tenant, sequence.node, tokens)
        if common < len(tokens):
            block = sequence.table[sequence.shared]
            sequence.tail = self._tree.insert(sequence.request.tenant, sequence.node, tokens, block)
            self.pool.keep(block)

    def release(self, sequence: Sequence) -> None:
        """The sequence leaves the cache; what it computed stays for others until the room is needed."""
        self.share_tail(sequence)
        while sequence.table:
            self.pool.release(sequence.table.pop())
        sequence.computed = sequence.shared = 0
        sequence.node = sequence.tail = None

    def forget(self, sequence: Sequence) -> None:
        """Take its blocks out of the tree, if nobody else holds them: their contents are not to be trusted."""
        self._drop_tail(sequence)
        node = sequence.node
        sequence.node, sequence.shared = None, 0
        sequence.computed = 0
        while node is not None and node.parent is not None and self.pool.holders(node.block) == 1:
            above = node.parent
            self._prune(node)
            node = above

    def _shareable(self, sequence: Sequence, positions: int) -> int:
        """How many of so many positions may be shared."""
        return min(positions, len(sequence.request.prompt)) if self._answers_apart else positions

    def _prune(self, node: Node) -> None:
        for child in list(node.children):
            self._prune(child)
        self._tree.remove(node)
        self.pool.drop(node.block)

    def _drop_tail(self, sequence: Sequence) -> None:
        if sequence.tail is not None:
            self._tree.remove(sequence.tail)
            self.pool.drop(sequence.tail.block)
            sequence.tail = None

    def _put(self, sequence: Sequence, index: int, block: int) -> None:
        """Make a block of the tree the sequence's block of that index, instead of the one that it has there."""
        if index == len(sequence.table):
            self.pool.hold(block)
            sequence.table.append(block)
        elif block != sequence.table[index]:
            self.pool.hold(block)
            self.pool.release(sequence.table[index])
            sequence.table[index] = block


def next_block(sequence: Sequence) -> tuple[int, ...]:
    """The tokens of the first block that is not shared yet; fewer than BLOCK at the end."""
    start = sequence.shared * BLOCK
    return tuple(sequence.tokens[start : start + BLOCK])
