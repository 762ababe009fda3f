"""Who may use some models alone."""

from __future__ import annotations

import pytest

from galerne.identity.caller import Caller
from galerne.ledger.quota import Allowance, Holder, Subject
from galerne.ledger.signing import SigningKey
from galerne.store.allowed_models import SqlAllowedModels
from galerne.store.books import SqlBooks
from galerne.store.database import Database

CALLER = Caller("town", "house", user="u", key="k")
IDS = {Holder.KEY: "k", Holder.USER: "u", Holder.WORKSPACE: "town", Holder.ORGANISATION: "house"}


@pytest.mark.parametrize("holder", list(Holder))
def test_each_level_may_be_held_to_some_models(database: Database, holder: Holder) -> None:
    books, allowed = SqlBooks(database, SigningKey.generate()), SqlAllowedModels(database)
    subject = Subject(holder, IDS[holder])
    books.allow(Allowance(Subject(holder, "somebody else"), frozenset({"m"})))
    assert allowed.of(CALLER) is None
    books.allow(Allowance(subject, frozenset({"other", "another"})))
    assert allowed.of(CALLER) == {"other", "another"}
    books.allow(Allowance(subject, frozenset({"m"})))
    assert Allowance(subject, frozenset({"m"})) in books.allowances()
    assert allowed.of(CALLER) == {"m"}
    books.allow(Allowance(subject, frozenset()))
    assert allowed.of(CALLER) is None


def test_what_one_level_refuses_no_other_gives(database: Database) -> None:
    books, allowed = SqlBooks(database, SigningKey.generate()), SqlAllowedModels(database)
    for holder, models in ((Holder.WORKSPACE, {"a", "b"}), (Holder.KEY, {"b", "c"})):
        books.allow(Allowance(Subject(holder, IDS[holder]), frozenset(models)))
    assert allowed.of(CALLER) == {"b"}
    assert allowed.of(Caller("town", "house", user="u")) == {"a", "b"}
    books.allow(Allowance(Subject(Holder.USER, "u"), frozenset({"a"})))
    assert allowed.of(CALLER) == frozenset()
