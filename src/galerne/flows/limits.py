"""What a client may ask for at most: every list and number has a setting."""

from __future__ import annotations

from galerne.errors import TooLarge


def check_limit(field: str, size: int, most: int) -> None:
    """Raises `TooLarge`, which names the field."""
    if size > most:
        raise TooLarge(f"at most {most}, not {size}.", where=field)
