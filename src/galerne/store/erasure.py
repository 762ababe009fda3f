"""What belongs to users, in every table and on the disk. Fills the port `Erasable`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select

from galerne.flows.sign_in import account_of
from galerne.flows.stored_files import ContentStore
from galerne.ledger.quota import Holder
from galerne.store.agents import agents, erase_versions, names_given, versions
from galerne.store.allowed_models import allowed_models
from galerne.store.attachments import attachments
from galerne.store.audit import forget_email
from galerne.store.batches import jobs, results
from galerne.store.belongings import folders, prompts
from galerne.store.chat_messages import messages
from galerne.store.chat_retention import chat_retention
from galerne.store.chat_words import forget_words
from galerne.store.chats import chats
from galerne.store.database import Database
from galerne.store.directory import users
from galerne.store.entries import blank_entries, blank_names
from galerne.store.files import files
from galerne.store.kept_requests import kept_requests
from galerne.store.keys import keys
from galerne.store.labels import labels
from galerne.store.quota import counters, limits
from galerne.store.sessions import sessions, tries
from galerne.store.shares import shares
from galerne.store.threads import erase_threads
from galerne.store.vouched import links

_OWN = (jobs, files, agents, attachments, chats, chat_retention, folders, prompts, kept_requests, sessions, links)
"""Tables whose column `user` says whose a row is. Keys are among the last that go: what hangs on them is looked up."""

_WITH = ((chats, messages.c.chat), (chats, shares.c.chat), (agents, versions.c.agent), (jobs, results.c.job))
"""What goes with a row of these."""


class SqlErasable:
    """Users with their keys and sign-ins, and all that they made. In one transaction; then what lies on the disk.

    Usage keeps the user's id, as books must be kept: once the user is gone, it leads to nobody.
    """

    def __init__(self, database: Database, contents: ContentStore, inputs: ContentStore) -> None:
        """`contents` are those of files, `inputs` those of batches."""
        self._database = database
        self._contents = contents
        self._inputs = inputs

    def erase(self, user: str) -> Mapping[str, int]:
        with self._database.write() as connection:
            kept, ordered = _ids(connection, files, user), _ids(connection, jobs, user)
            counts = _remove(connection, user)
        for id in kept:
            self._contents.remove(id)
        for id in ordered:
            self._inputs.remove(id)
        return {name: count for name, count in counts.items() if count}


def _remove(connection: Connection, user: str) -> Counter[str]:
    counts = Counter({each.table.name: _count(connection, _hanging(owner, each, user)) for owner, each in _WITH})
    _forget_labels(connection, [*_ids(connection, jobs, user), *_ids(connection, agents, user)])
    _forget_terms(connection, user, _ids(connection, keys, user))
    _forget_sign_ins(connection, user)
    counts["handoffs_blanked"] = blank_names(connection, names_given(connection, user))
    for table in (*_OWN, keys):
        counts[table.name] += connection.execute(delete(table).where(table.c.user == user)).rowcount
    counts.update(erase_threads(connection, user))
    counts["entries_blanked"] = blank_entries(connection, user)
    counts[versions.name] += erase_versions(connection, user)
    counts[users.name] = connection.execute(delete(users).where(users.c.id == user)).rowcount
    forget_words(connection)
    return counts


def _ids(connection: Connection, table: Table, user: str) -> Sequence[str]:
    return connection.execute(select(table.c.id).where(table.c.user == user)).scalars().all()


def _hanging(owner: Table, column: ColumnElement[str], user: str) -> ColumnElement[bool]:
    return column.in_(select(owner.c.id).where(owner.c.user == user))


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(which)).scalar_one()


def _forget_labels(connection: Connection, owners: Sequence[str]) -> None:
    for owner in owners:
        connection.execute(delete(labels).where(labels.c.owner == owner))


def _forget_terms(connection: Connection, user: str, held: Sequence[str]) -> None:
    """Limits and allowed models of the user and of these keys."""
    for table in (limits, counters, allowed_models):
        its = (table.c.holder == Holder.USER.value) & (table.c.subject == user)
        theirs = (table.c.holder == Holder.KEY.value) & table.c.subject.in_(held)
        connection.execute(delete(table).where(or_(its, theirs)))


def _forget_sign_ins(connection: Connection, user: str) -> None:
    """Tries, and the records of those that were refused, which know the email address alone."""
    email = connection.execute(select(users.c.email).where(users.c.id == user)).scalar()
    subjects = [f"change:{user}"]
    if email is not None:
        forget_email(connection, email)
        subjects.append(account_of(email))
    connection.execute(delete(tries).where(tries.c.subject.in_(subjects)))
