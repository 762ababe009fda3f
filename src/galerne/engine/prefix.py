"""The prefix tree: which block holds the keys and values of which tokens, after which others.

A radix tree (Zheng et al., SGLang, arXiv:2312.07104) whose edges are blocks. A node with BLOCK tokens may have
children; one with fewer is the end of a sequence. Each tenant has a tree of its own, so that nobody can time whether
somebody else's prompt is cached.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

_tokens = attrgetter("tokens")


class Node:
    """The tokens of one block, after those of its parents."""

    __slots__ = ("block", "children", "parent", "tenant", "tokens")

    def __init__(self, tenant: str, parent: Node | None, tokens: tuple[int, ...], block: int) -> None:
        self.tenant = tenant
        self.parent = parent  # None: the tenant's root, which has no block
        self.tokens = tokens
        self.block = block
        self.children: list[Node] = []  # sorted by tokens, so that the nearest relative is a neighbour


class PrefixTree:
    """The nodes of all tenants. A parent of None stands for the tenant's root, which exists while it has children."""

    def __init__(self) -> None:
        self._roots: dict[str, Node] = {}
        self._nodes: dict[int, Node] = {}  # by block

    def __len__(self) -> int:
        return len(self._nodes)

    def at(self, block: int) -> Node:
        """The node of a block that is in the tree."""
        return self._nodes[block]

    def find(self, tenant: str, parent: Node | None, tokens: tuple[int, ...]) -> Node | None:
        """The child that has just these tokens."""
        siblings = self._children(tenant, parent)
        place = bisect_left(siblings, tokens, key=_tokens)
        if place < len(siblings) and siblings[place].tokens == tokens:
            return siblings[place]
        return None

    def nearest(self, tenant: str, parent: Node | None, tokens: tuple[int, ...]) -> tuple[Node | None, int]:
        """The child that shares the most first tokens with these, and how many."""
        siblings = self._children(tenant, parent)
        place = bisect_left(siblings, tokens, key=_tokens)
        best: Node | None = None
        most = 0
        for sibling in siblings[max(place - 1, 0) : place + 1]:
            common = _common(sibling.tokens, tokens)
            if common > most:
                best, most = sibling, common
        return best, most

    def insert(self, tenant: str, parent: Node | None, tokens: tuple[int, ...], block: int) -> Node:
        """A new node, of a block and tokens that are not there yet."""
        if parent is None:
            parent = self._roots.setdefault(tenant, Node(tenant, None, (), -1))
        node = Node(tenant, parent, tokens, block)
        parent.children.insert(bisect_left(parent.children, tokens, key=_tokens), node)
        self._nodes[block] = node
        return node

    def remove(self, node: Node) -> None:
        """Take out a node that has no children."""
        assert node.parent is not None
        del self._nodes[node.block]
        siblings = node.parent.children
        del siblings[bisect_left(siblings, node.tokens, key=_tokens)]
        if not siblings and node.parent.parent is None:
            del self._roots[node.tenant]

    def _children(self, tenant: str, parent: Node | None) -> list[Node]:
        owner = self._roots.get(tenant) if parent is None else parent
        return owner.children if owner else []


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    for index, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return index
    return min(len(a), len(b))
