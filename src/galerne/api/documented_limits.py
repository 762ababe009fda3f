"""Limits that are settings, told in the documents of this very server; `protocol.limits` marks where they count."""

from __future__ import annotations

from typing import Any

from galerne.protocol.limits import MARK
from galerne.settings import Settings

_KEYWORDS = {"integer": "maximum", "string": "maxLength", "array": "maxItems", "object": "maxProperties"}


def with_limits(document: Any, settings: Settings) -> Any:
    """The document, or a part of it, with the settings' values. What it is made from stays as it is."""
    if isinstance(document, list):
        return [with_limits(each, settings) for each in document]
    if not isinstance(document, dict):
        return document
    told = {name: with_limits(part, settings) for name, part in document.items() if name != MARK}
    if MARK in document:
        most = getattr(settings, document[MARK])
        for form in [told, *told.get("anyOf", ())]:
            if keyword := _KEYWORDS.get(form.get("type", "")):
                form[keyword] = most
    return told
