from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galerne.engine.prefix import PrefixTree

edges = st.lists(st.integers(0, 2), min_size=1, max_size=5).map(tuple)


@given(st.sets(edges, min_size=1, max_size=20), edges)
def test_the_nearest_child_shares_the_most_tokens(children: set[tuple[int, ...]], wanted: tuple[int, ...]) -> None:
    tree = PrefixTree()
    for block, tokens in enumerate(children):
        tree.insert("", None, tokens, block)

    def common(tokens: tuple[int, ...]) -> int:
        return max(length for length in range(6) if tokens[:length] == wanted[:length] and length <= len(tokens))

    node, shared = tree.nearest("", None, wanted)
    assert shared == max(common(tokens) for tokens in children)
    assert (node is None) == (shared == 0)
    if node is not None:
        assert common(node.tokens) == shared


@given(st.lists(edges, unique=True, max_size=20), st.data())
def test_what_is_removed_is_gone_and_the_rest_is_found(children: list[tuple[int, ...]], data: st.DataObject) -> None:
    tree = PrefixTree()
    for block, tokens in enumerate(children):
        tree.insert("", None, tokens, block)
    removed = data.draw(st.sets(st.sampled_from(children))) if children else set()
    for tokens in removed:
        tree.remove(tree.at(children.index(tokens)))
    for block, tokens in enumerate(children):
        node = tree.find("", None, tokens)
        assert (node is None) == (tokens in removed)
        assert node is None or node.block == block
    assert len(tree) == len(children) - len(removed)


def test_children_belong_to_their_parent_and_tenant() -> None:
    tree = PrefixTree()
    parent = tree.insert("a", None, (1, 2), 0)
    child = tree.insert("a", parent, (3, 4), 1)
    assert tree.find("a", parent, (3, 4)) is child
    assert tree.find("a", None, (3, 4)) is None
    assert tree.find("b", None, (1, 2)) is None
    assert tree.nearest("b", None, (1, 2)) == (None, 0)


def test_a_tenants_root_goes_with_its_last_block() -> None:
    tree = PrefixTree()
    for tenant in ("a", "b"):
        for number in range(3):
            tree.insert(tenant, None, (number,), ord(tenant) + 10 * number)
    for number in range(3):
        tree.remove(tree.at(ord("a") + 10 * number))
    assert set(tree._roots) == {"b"}
