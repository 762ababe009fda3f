"""Whose the chats are that a caller may see."""

from __future__ import annotations

from galerne.assistant.chats import Owner
from galerne.identity.caller import Caller


def owner_of(caller: Caller) -> Owner:
    return Owner(caller.workspace, caller.user or "")
