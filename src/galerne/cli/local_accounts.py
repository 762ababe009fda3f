"""The accounts, on this machine's database, for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerne.flows.accounts import Accounts


@contextmanager
def local_accounts() -> Iterator[Accounts]:
    from galerne import bootstrap
    from galerne.settings import load_settings

    with bootstrap.open_accounts(load_settings()) as accounts:
        yield accounts
