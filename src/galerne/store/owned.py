"""Rows that belong to one person in one workspace."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table

from galerne.assistant.chats import Owner


def owned(table: Table, owner: Owner) -> ColumnElement[bool]:
    """This person's rows."""
    return (table.c.workspace == owner.workspace) & (table.c.user == owner.user)
