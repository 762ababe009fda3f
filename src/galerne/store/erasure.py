"""What rows belong to users. Fills the port `Erasable`."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, func, select

from galerne.store.attachments import attachments
from galerne.store.batches import jobs
from galerne.store.belongings import folders, prompts
from galerne.store.chat_retention import chat_retention
from galerne.store.chats import chats
from galerne.store.database import Database, erase_for_good
from galerne.store.directory import users
from galerne.store.kept_requests import kept_requests
from galerne.store.keys import keys

_BELONGINGS = (jobs, attachments, chats, chat_retention, folders, prompts, keys, kept_requests)
"""Tables whose column `user` says whose a row is. What hangs on a row goes with it."""


class SqlErasable:
    """Users with their keys and sign-ins, their chats, and the batches that they ordered. In one transaction.

    Usage keeps the user's id, as books must be kept: once the user is gone, it leads to nobody.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def erase(self, user: str) -> Mapping[str, int]:
        theirs = [(table, table.c.user == user) for table in _BELONGINGS] + [(users, users.c.id == user)]
        counts = {}
        with self._database.write() as connection:
            erase_for_good(connection)
            for table, which in theirs:
                count = select(func.count()).select_from(table).where(which)
                counts[table.name] = connection.execute(count).scalar_one()
                connection.execute(delete(table).where(which))
        return {name: count for name, count in counts.items() if count}
