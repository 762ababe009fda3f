"""Canonical JSON is what RFC 8785 says, whoever writes it."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from galerne.ledger.canonical import LARGEST, canonical

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SCALARS = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(_SCALARS | _TEXT, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=12)


@given(st.dictionaries(_TEXT, _VALUES))
def test_every_value_has_the_form_of_another_implementation(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_names_have_the_order_of_utf_16() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1, float("nan"), float("inf"), "\ud800", {1: 2}, object()])
def test_what_is_no_json_has_no_form(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical({"name": [value]})
