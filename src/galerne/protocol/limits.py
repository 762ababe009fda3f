"""Limits that are settings. Flows check them; the documents tell them."""

from __future__ import annotations

from pydantic.config import JsonDict

MARK = "x-limit"


def limited(setting: str) -> JsonDict:
    """For a field's `json_schema_extra`: it has, or is, at most so much."""
    return {MARK: setting}
