"""Chats in both databases: whose they are, what order they have, what is found, and that deleted is gone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from galerne.assistant.attachments import KeptAttachment
from galerne.assistant.chats import LEASE_SECONDS, ChatFilter, Owner, Place, new_id
from galerne.assistant.words import words_of
from galerne.errors import NotFound, TooLarge
from galerne.protocol.chat_folders import Folder, FolderFields
from galerne.protocol.chats import ChatCard, ChatMessage
from galerne.protocol.shares import Share
from galerne.store.attachments import SqlAttachments
from galerne.store.belongings import SqlBelongings, folders
from galerne.store.chat_messages import messages
from galerne.store.chats import SqlChats
from galerne.store.database import Database
from galerne.store.metadata import metadata
from galerne.store.shares import SqlShares

ANNA, BERT, ELSEWHERE = Owner("team", "anna"), Owner("team", "bert"), Owner("other", "anna")
ALL = ChatFilter(archived=False, pinned=None, folder=None)


@pytest.fixture
def chats(database: Database) -> SqlChats:
    return SqlChats(database)


def card(title: str | None = None, **fields: Any) -> ChatCard:
    plain = {"pinned": False, "archived": False, "folder": None, "model": None, "system": None, "parameters": None}
    times = {"created_at": time.time(), "updated_at": time.time()}
    return ChatCard(**{"id": new_id("chat"), "title": title, "active": None} | times | plain | fields)


def said(content: str, parent: str | None = None, **fields: Any) -> ChatMessage:
    plain = {"role": "user", "state": "complete", "created_at": time.time()}
    return ChatMessage(**{"id": new_id("msg"), "parent": parent, "content": content} | plain | fields)


def open_chat(chats: SqlChats, *contents: str, owner: Owner = ANNA, title: str | None = None) -> ChatCard:
    line: list[ChatMessage] = []
    for content in contents:
        line.append(said(content, line[-1].id if line else None))
    new = card(title)
    chats.add(owner, new, line)
    return new


def found(chats: SqlChats, query: str, owner: Owner = ANNA) -> list[str]:
    hits = chats.search(owner, words_of(query), 0, 100)
    return [hit.message.content if hit.message else f"title: {hit.chat.title}" for hit in hits]


def test_what_is_said_comes_back_as_it_was(chats: SqlChats) -> None:
    new = card("Nul\0 and \U0001f300", parameters=None, system="é")
    first, second = said("one \U0001f300"), said("a", reasoning="b\0", role="assistant", state="stopped")
    chats.add(ANNA, new, [first, second])
    assert chats.find(ANNA, new.id) == new.model_copy(update={"title": "Nul\u2400 and \U0001f300"})
    assert chats.messages(ANNA, new.id) == [first, second]
    assert chats.message(ANNA, new.id, second.id) == second


@pytest.mark.parametrize("other", [BERT, ELSEWHERE])
def test_what_is_somebody_elses_is_not_there(chats: SqlChats, other: Owner) -> None:
    chat = open_chat(chats, "secret words")
    message = chats.messages(ANNA, chat.id)[0]
    for attempt in (
        lambda: chats.find(other, chat.id),
        lambda: chats.messages(other, chat.id),
        lambda: chats.message(other, chat.id, message.id),
        lambda: chats.change(other, chat.id, {"title": "x"}),
        lambda: chats.delete(other, chat.id),
        lambda: chats.ask(other, chat.id, [said("x")], None, []),
        lambda: chats.stop(other, chat.id, message.id),
        lambda: chats.find(ANNA, "nul\0"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert found(chats, "secret", other) == []
    assert chats.page(other, ALL, 10, None) == []
    assert chats.delete(other, None) == []
    assert found(chats, "secret") == ["secret words"]


def test_pages_go_on_behind_the_last_one(chats: SqlChats) -> None:
    made = [card(str(number), updated_at=number // 2) for number in range(6)]
    for each in made:
        chats.add(ANNA, each)
    seen: list[ChatCard] = []
    while page := chats.page(ANNA, ALL, 4, Place(seen[-1].updated_at, seen[-1].id) if seen else None):
        seen += page
    assert sorted(made, key=lambda each: (-each.updated_at, each.id)) == seen


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("eleve", ["Les ÉLÈVES du lycée", "un élève"]),
        ("ELEVES lyc", ["Les ÉLÈVES du lycée"]),
        ("lycee du", ["Les ÉLÈVES du lycée"]),
        ("lyc du", []),  # only the last word may be begun
        ("strasse", ["Große Straße 1e5 a'b"]),
        ("1e5", ["Große Straße 1e5 a'b"]),
        ("a b", ["Große Straße 1e5 a'b"]),
        ("ναύπλιο", ["Το Ναυπλιο, snake_case"]),
        ("snake", ["Το Ναυπλιο, snake_case"]),
        ("зима", ["Зима www.example.org/path"]),
        ("example", ["Зима www.example.org/path"]),
        ("path", ["Зима www.example.org/path"]),
        ("AND", []),
        ("NEAR OR NOT", []),
        ("tides", ["title: Tides & winds"]),
    ],
)
def test_words_are_found_alike_in_both_databases(chats: SqlChats, query: str, hits: list[str]) -> None:
    open_chat(chats, "un élève", "Les ÉLÈVES du lycée", title="Tides & winds")
    open_chat(chats, "Große Straße 1e5 a'b", "Το Ναυπλιο, snake_case", "Зима www.example.org/path")
    open_chat(chats, "eleve", owner=BERT)
    assert sorted(found(chats, query)) == sorted(hits)


def test_the_newest_is_found_first_by_pages(chats: SqlChats) -> None:
    chat = open_chat(chats, *(f"word {number}" for number in range(5)))
    open_chat(chats, "word 5")
    assert found(chats, "word") == [f"word {number}" for number in (5, 4, 3, 2, 1, 0)]
    assert [hit.message and hit.message.content for hit in chats.search(ANNA, ["word"], 1, 2)] == ["word 4", "word 3"]
    chats.delete(ANNA, chat.id)
    assert found(chats, "word") == ["word 5"]


def test_a_text_of_any_size_is_kept_and_found(chats: SqlChats) -> None:
    open_chat(chats, " ".join(f"{number:x}" for number in range(200_000)), "x" * 3_000_000, "last")
    assert len(chats.search(ANNA, words_of("c34f"), 0, 10)) == 1
    assert len(chats.search(ANNA, words_of("x" * 100), 0, 10)) == 1


def test_a_renamed_chat_is_found_by_its_new_title_alone(chats: SqlChats) -> None:
    chat = open_chat(chats, "words", title="winds")
    chats.change(ANNA, chat.id, {"title": "tides"})
    assert (found(chats, "winds"), found(chats, "tides")) == ([], ["title: tides"])
    chats.change(ANNA, chat.id, {"title": None})
    assert found(chats, "tides") == []


def test_nothing_of_a_deleted_chat_remains(database: Database, chats: SqlChats) -> None:
    chat = open_chat(chats, "unmistakable words", title="and a title")
    SqlAttachments(database).add(ANNA, attachment("att_a"), 10)
    answer = said("", role="assistant", state="running")
    chats.ask(ANNA, chat.id, [answer], None, ["att_a"])
    share = Share(id="share_a", chat=chat.id, message=answer.id, created_at=1.0)
    SqlShares(database).add(ANNA, share, "d" * 64, 10)
    assert chats.delete(ANNA, None) == [chat.id]
    with database.read() as connection:
        for table in ("chats", "chat_messages", "chat_words", "chat_shares", "attachments"):
            assert connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar() == 0, table
        if database.is_sqlite:
            connection.execute(text("INSERT INTO chat_words_index(chat_words_index) VALUES ('integrity-check')"))
            terms = "SELECT count(*) FROM chat_words_index WHERE chat_words_index MATCH 'unmistakable'"
            assert connection.execute(text(terms)).scalar() == 0
    with pytest.raises(NotFound):
        SqlShares(database).follow("d" * 64)
    assert not chats.save(answer)


def test_an_answer_is_saved_while_it_runs_and_never_after(chats: SqlChats) -> None:
    chat = open_chat(chats)
    answer = said("", role="assistant", state="running")
    chats.ask(ANNA, chat.id, [answer], "A title", [])
    shown = chats.find(ANNA, chat.id)
    assert (shown.title, shown.active) == ("A title", answer.id)
    assert shown.updated_at > chat.updated_at
    assert chats.save(answer.model_copy(update={"content": "From the"}))
    assert chats.message(ANNA, chat.id, answer.id).content == "From the"
    assert found(chats, "from") == []
    assert chats.save(answer.model_copy(update={"content": "From the west", "state": "complete"}))
    assert found(chats, "from") == ["From the west"]
    assert not chats.save(answer)
    assert chats.message(ANNA, chat.id, answer.id).content == "From the west"


def test_what_was_not_saved_for_long_is_interrupted(database: Database, chats: SqlChats) -> None:
    chat = open_chat(chats)
    answer = said("From the", role="assistant", state="running")
    chats.ask(ANNA, chat.id, [answer], None, [])
    chats.settle_interrupted()
    assert chats.message(ANNA, chat.id, answer.id).state == "running"
    with database.write() as connection:
        connection.execute(update(messages).values(saved_at=time.time() - LEASE_SECONDS - 1))
    assert chats.message(ANNA, chat.id, answer.id).state == "interrupted"
    chats.settle_interrupted()
    settled = chats.message(ANNA, chat.id, answer.id)
    assert (settled.state, settled.content, settled.receipt) == ("interrupted", "From the", answer.id)
    assert found(chats, "from") == ["From the"]
    assert not chats.save(answer)


def attachment(id: str, **fields: Any) -> KeptAttachment:
    plain = {"chat": None, "name": "a.txt", "media_type": "text/plain", "size": 3, "encoding": "utf-8", "pages": None}
    times = {"created_at": time.time(), "expires_at": time.time() + 60}
    return KeptAttachment(**{"id": id, "text": "abc"} | plain | times | fields)


def test_attachments_belong_to_a_person_then_to_a_chat(database: Database, chats: SqlChats) -> None:
    store = SqlAttachments(database)
    store.add(ANNA, attachment("att_a"), 2)
    store.add(ANNA, attachment("att_b", expires_at=time.time() - 1), 2)
    with pytest.raises(TooLarge):
        store.add(ANNA, attachment("att_c"), 2)
    for lost in (["att_b"], ["att_a", "att_none"], ["nul\0"]):
        with pytest.raises(NotFound):
            store.find(ANNA, lost)
    with pytest.raises(NotFound):
        store.find(BERT, ["att_a"])
    one, other = open_chat(chats), open_chat(chats)
    chats.ask(ANNA, one.id, [said("x")], None, ["att_a"])
    chats.ask(ANNA, one.id, [said("y")], None, ["att_a"])
    assert store.find(ANNA, ["att_a"])[0].chat == one.id
    with pytest.raises(NotFound):
        chats.ask(ANNA, other.id, [said("x")], None, ["att_a"])
    assert chats.messages(ANNA, other.id) == []
    with pytest.raises(NotFound):
        store.delete(ANNA, "att_a")
    store.remove_expired()
    with database.read() as connection:
        assert connection.execute(select(metadata.tables["attachments"].c.id)).scalars().all() == ["att_a"]


def test_folders_belong_to_one_person(database: Database, chats: SqlChats) -> None:
    store = SqlBelongings(database, folders, Folder)
    sea, air = (Folder(id=new_id("folder"), created_at=1.0, name=name) for name in ("sea", "Air"))
    store.add(ANNA, sea, 2)
    store.add(ANNA, air, 2)
    with pytest.raises(TooLarge):
        store.add(ANNA, Folder(id="folder_c", created_at=1.0, name="c"), 2)
    assert (store.list(ANNA), store.list(BERT)) == ([air, sea], [])
    with pytest.raises(NotFound):
        store.change(BERT, sea.id, FolderFields(name="x"))
    with pytest.raises(NotFound):
        chats.add(BERT, card(folder=sea.id))
    inside = card(folder=sea.id)
    chats.add(ANNA, inside)
    assert chats.page(ANNA, ChatFilter(archived=False, pinned=None, folder=sea.id), 10, None) == [inside]
    store.delete(ANNA, sea.id)
    assert chats.find(ANNA, inside.id).folder is None


def test_only_so_many_links_lead_to_a_chat(database: Database, chats: SqlChats) -> None:
    store, chat = SqlShares(database), open_chat(chats, "one")
    message = chats.messages(ANNA, chat.id)[0].id
    store.add(ANNA, Share(id="share_a", chat=chat.id, message=message, created_at=1.0), "a" * 64, 1)
    with pytest.raises(TooLarge):
        store.add(ANNA, Share(id="share_b", chat=chat.id, message=message, created_at=1.0), "b" * 64, 1)
    with pytest.raises(NotFound):
        store.add(ANNA, Share(id="share_b", chat=chat.id, message="msg_none", created_at=1.0), "b" * 64, 9)
    assert store.follow("a" * 64).messages == chats.messages(ANNA, chat.id)
