"""All that is done about who may ask, over one database."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.flows.keys import KeyRing
from galerne.flows.sign_in import SignIn
from galerne.flows.users import Users
from galerne.flows.vouched_sign_in import VouchedSignIn
from galerne.flows.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class Identity:
    """`bootstrap` sets every field."""

    workspaces: Workspaces
    users: Users
    keys: KeyRing
    sign_in: SignIn
    vouched: VouchedSignIn | None  # None: no provider is named
