"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations
