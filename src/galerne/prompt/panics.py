"""Panics of libraries in Rust: no `Exception`, so that without care they end a whole thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from galerne.errors import GalerneError


@contextmanager
def panics_as(error: GalerneError) -> Iterator[None]:
    """Raise `error` for a panic."""
    try:
        yield
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # its class cannot be imported
            raise
        raise error from None
