"""Exports of other assistants: their trees arrive as they were; hostile ones are refused, or their chats skipped."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from galerne.assistant.arrivals import Arrival, Node, Unreadable, moment, plant
from galerne.assistant.export_files import Unread, read_export
from galerne.errors import InvalidRequest, TooLarge

MOST = 1 << 20


def chatgpt_node(id: str, parent: str | None, role: str = "user", text: Any = "x", **fields: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    author = {"role": role, "name": None, "metadata": {}}
    message = {"id": id, "author": author, "create_time": 1700000000.5, "content": content, "recipient": "all"}
    return {"id": id, "parent": parent, "children": [], "message": message | {"metadata": {}} | fields}


def chatgpt(*nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    mapping = {"root": {"id": "root", "parent": None, "message": None, "children": []}}
    return {"title": "Winds", "create_time": 1.5, "mapping": mapping | {node["id"]: node for node in nodes}} | fields


def open_webui(messages: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "1", "title": "Winds", "chat": {"history": {"messages": messages, "currentId": "b"}}} | fields


def read(*documents: Any, data: bytes | None = None) -> tuple[str, list[Arrival | Unread]]:
    kind, chats = read_export(io.BytesIO(data or json.dumps(documents).encode()), MOST)
    return kind, list(chats)


def arrived(document: Any) -> Arrival:
    _, (chat,) = read(document)
    assert isinstance(chat, Arrival), chat
    return chat


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_JSON", ".json").replace("__", "/"), content)
    return file.getvalue()


def test_a_tree_of_chatgpt_arrives() -> None:
    hidden = {"is_visually_hidden_from_conversation": True}
    chat = arrived(
        chatgpt(
            chatgpt_node("system", "root", "system"),
            chatgpt_node("about", "system", metadata=hidden),
            chatgpt_node("a", "about", text="Où ?"),
            chatgpt_node("search", "a", "assistant", recipient="browser"),
            chatgpt_node("found", "search", "tool"),
            chatgpt_node("b", "found", "assistant", "West.", metadata={"model_slug": "gpt-4o"}),
            chatgpt_node("c", "found", "assistant", "East."),
            current_node="b",
            update_time=2.5,
            is_archived=True,
        )
    )
    question, one, other = chat.messages
    assert (question.role, question.content, question.parent, question.created_at) == (
        "user",
        "Où ?",
        None,
        1700000000.5,
    )
    assert (one.content, one.parent, one.model, one.ai_generated) == ("West.", question.id, "gpt-4o", True)
    assert (other.content, other.parent, other.model) == ("East.", question.id, None)
    assert (chat.title, chat.created_at, chat.updated_at, chat.archived, chat.active) == (
        "Winds",
        1.5,
        2.5,
        True,
        one.id,
    )


def test_what_is_no_text_of_chatgpt_is_told() -> None:
    content = {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "What is it?"]}
    chat = arrived(chatgpt(chatgpt_node("a", "root", content=content)))
    assert chat.messages[0].content == "[not in the export]\n\nWhat is it?"


def test_a_tree_of_open_webui_arrives() -> None:
    messages = {
        "a": {"id": "a", "parentId": None, "role": "user", "content": "Où ?", "timestamp": 1700000000},
        "b": {"id": "b", "parentId": "a", "role": "assistant", "content": "West.", "model": "llama3"},
        "c": {"id": "c", "parentId": "a", "role": "assistant", "content": "East.", "timestamp": 1700000000123},
    }
    kind, (chat,) = read(open_webui(messages, pinned=True, updated_at=7))
    assert kind == "open-webui"
    assert isinstance(chat, Arrival)
    question, one, other = chat.messages
    assert (question.content, one.content, one.parent, one.model) == ("Où ?", "West.", question.id, "llama3")
    assert (other.parent, other.created_at) == (question.id, 1700000000.123)
    assert (chat.active, chat.pinned, chat.updated_at) == (one.id, True, 7)


def test_an_archive_is_looked_through_for_its_lists() -> None:
    one = json.dumps([chatgpt(chatgpt_node("a", "root"))]).encode()
    data = zipped(conversations_JSON=one, user_JSON=b"{}", export__conversations_JSON=one, chat=b"<html>")
    data = data.replace(b"export/conversations.json", b"export/conversations.json")
    kind, chats = read(data=data)
    assert (kind, len(chats)) == ("chatgpt", 2)


def test_messages_out_of_order_and_without_their_parents_are_put_in_order() -> None:
    nodes = {
        "late": Node("early", "assistant", "b", 1.0),
        "early": Node("gone", "user", "a", 1.0),
        "alone": Node(None, "user", "c", 1.0),
    }
    messages, active = plant(nodes, "nowhere")
    assert [message.content for message in messages] == ["a", "c", "b"]
    assert messages[2].parent == messages[0].id
    assert active == messages[2].id


def test_a_circle_is_no_tree() -> None:
    circle = {"a": Node("b", "user", "a", 1.0), "b": Node("a", "user", "b", 1.0), "c": Node(None, "user", "c", 1.0)}
    with pytest.raises(Unreadable):
        plant(circle, None)


def test_a_long_line_is_no_deep_recursion() -> None:
    nodes = {str(number): Node(str(number - 1), "user", "x", 1.0) for number in range(20_000)}
    assert len(plant(nodes, None)[0]) == 20_000


@pytest.mark.parametrize("time", [None, "x", -1, True, float("nan"), 1e30, [], 10**400])
def test_what_is_no_time_is_none(time: Any) -> None:
    assert moment(time, 5.0) == 5.0


@pytest.mark.parametrize(
    "chat",
    [
        chatgpt({"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}),
        chatgpt() | {"mapping": {"a": 5}},
        {"mapping": []},
        5,
        {"title": "\ud800", "mapping": {"a": None}},
    ],
)
def test_a_chat_that_is_none_is_skipped_and_the_others_arrive(chat: Any) -> None:
    _, (good, skipped) = read(chatgpt(chatgpt_node("a", "root")), chat)
    assert isinstance(good, Arrival)
    assert isinstance(skipped, Unread)


@pytest.mark.parametrize(
    "node",
    [
        {"id": "a", "parent": 5, "message": {"author": {"role": "user"}, "content": {"content_type": "text"}}},
        {"id": "a", "message": {"author": "user", "content": []}},
        {"id": "a", "message": {"author": {"role": ["user"]}, "content": {"content_type": "text", "parts": ["x"]}}},
        chatgpt_node("a", "root", text=5),
        chatgpt_node("a", "root", content={"content_type": "text", "parts": {}}),
        chatgpt_node("a", "root", "assistant", metadata="x", create_time="x"),
    ],
)
def test_a_message_that_says_nothing_readable_breaks_nothing(node: dict[str, Any]) -> None:
    assert all(message.content == "x" for message in arrived(chatgpt(node)).messages)


def test_halves_of_characters_do_not_come_in() -> None:
    chat = arrived(chatgpt(chatgpt_node("a", "root", text="a\ud800b"), title="\udfff"))
    assert (chat.messages[0].content, chat.title) == ("a?b", "?")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"[]",
        b"[1]",
        b"{}",
        b'{"mapping": 5}',
        b"[" * 100_000,
        b"[" + b'{"mapping":' * 100_000,
        b'[{"mapping": {}}',
        b'[{"mapping": {}} {"mapping": {}}]',
        b"\xff\xfe",
        b'["' + b"9" * 10_000 + b'"]',
        b"[" + b"9" * 10_000 + b"]",
        b"PK\x03\x04 and nothing else",
        zipped(other_JSON=b"[]"),
        zipped(conversations_JSON=b"[")[:-10],
        zipped(conversations_JSON=b"{"),
    ],
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(data=data or b" ")
    assert refusal.value.where == "file"


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(TooLarge):
        read(data=zipped(conversations_JSON=b" " * (MOST + 1)))
    half = b"[" + b" " * (MOST // 2) + json.dumps(chatgpt()).encode() + b"]"
    with pytest.raises(TooLarge):
        read(data=zipped(**{"conversations-0_JSON": half, "conversations-1_JSON": half}))
