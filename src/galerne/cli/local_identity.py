"""Who there is, on this machine's database, for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerne.flows.identity import Identity
    from galerne.identity.caller import Caller

MOST = 2**31 - 1
"""All on one page."""


@contextmanager
def local_identity() -> Iterator[Identity]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    with bootstrap.open_identity(load_settings()) as identity:
        yield identity


def local_admin() -> Caller:
    """Whoever types the command: this machine's own administrator, with the account's name for the audit log."""
    from galerne import bootstrap
    from galerne.identity.caller import LOCAL_ADMIN

    return replace(LOCAL_ADMIN, address=f"the terminal of {bootstrap.account_name()}")
