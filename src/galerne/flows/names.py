"""What people call things."""

from __future__ import annotations

import re

from galerne.errors import InvalidRequest

NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


def check_name(name: str, where: str = "name") -> None:
    """Raises `InvalidRequest`."""
    if not NAME.fullmatch(name) or not name.strip():
        raise InvalidRequest("is 1 to 128 characters in one line.", where=where)
