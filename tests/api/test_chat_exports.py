"""Chats leave as files and come back; what a model wrote is marked in each of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pypdf
import pytest
from tests.api.guest import Guest, People
from tests.api.kept_house import KeptHouse
from tests.api.test_bodies import assert_refused

from galerne.assistant.headings import headings_in
from galerne.identity.caller import Everyone
from galerne.protocol.chat_exports import TRAINED, ExportLanguage

TEXT = "Zażółć ĄĆĘŁ, Ħġ, ő, ș, Ελλάδα, Жълт, 5 €"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    folder = tmp_path_factory.mktemp("house")
    house = KeptHouse(folder, lambda _: b"From ```the``` west.", callers=People(), model="fake", max_import_chats=2)
    yield house
    house.database.close()


@pytest.fixture
def anna(shared: KeptHouse) -> Guest:
    return Guest(shared)


async def talk(anna: Guest, **fields: Any) -> tuple[str, list[dict[str, Any]]]:
    """A chat with two branches; the second one is shown."""
    chat = await anna.begin(**fields)
    first = (await anna.ask(chat, content=TEXT))[-1]["answer"]
    await anna.ask(chat, parent=first["id"], content="One?")
    await anna.ask(chat, parent=first["id"], content="Two?")
    return chat, (await anna.show(chat))["messages"]


async def test_a_branch_as_markdown(anna: Guest) -> None:
    chat, messages = await talk(anna, title='Winds: "été"/\n*x*')
    answer = await anna.get(f"/v1/chats/{chat}/export")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Winds%20%C3%A9t%C3%A9%20x.md"
    text = answer.body.decode()
    assert text.startswith(
        f'---\ntitle: "Winds: \\"été\\"/\\n*x*"\nai_generated: true\ndigital_source_type: "{TRAINED}"\n'
    )
    assert ("Two?" in text, "One?" in text) == (True, False)
    assert text.count("## Answer of fake (AI), ") == 2
    other = await anna.get(f"/v1/chats/{chat}/export?message={messages[2]['id']}")
    assert ("Two?" in other.body.decode(), "One?" in other.body.decode()) == (False, True)
    assert_refused(await anna.get(f"/v1/chats/{chat}/export?message=msg_none"), 404, "not_found", "message")
    assert_refused(await anna.get(f"/v1/chats/{chat}/export?format=docx"), 422, "invalid_request", "format")
    assert (await anna.friend().get(f"/v1/chats/{chat}/export")).status == 404


async def test_a_branch_as_pdf(anna: Guest) -> None:
    pytest.importorskip("font_source_sans_pro")
    chat, _ = await talk(anna, title="Winds <&> \U0001f300")
    document = pypdf.PdfReader(io.BytesIO((await anna.get(f"/v1/chats/{chat}/export?format=pdf")).body))
    text = "".join(page.extract_text() for page in document.pages)
    assert TEXT in text
    assert "Winds <&> [U+1F300]" in text
    assert ("Two?" in text, "One?" in text) == (True, False)
    assert text.count("(AI)") == 2
    assert document.metadata is not None
    assert (document.metadata.title, document.metadata["/Keywords"]) == ("Winds <&> \U0001f300", "AI-generated")
    assert TRAINED in str(document.xmp_metadata and document.xmp_metadata.stream.get_data())


LETTERS = {
    "bg": "щастлив ъгъл, юг", "cs": "řeřicha, ďábel, ťuk, ůň", "da": "æble, ødegård", "de": "Öl, größer, ẞ",
    "el": "Ζεϊμπέκικο, ΐ, ΰ, ώ", "es": "¿ñandú?", "et": "õun, žanr, šokk", "fi": "äyräs", "fr": "cœur, où, ÿ, « été »",
    "ga": "Éire, ó, ú", "hr": "đak, ćup, žlica", "hu": "őrült, űr", "it": "perché, È", "lt": "ąžuolas, ėjo, įsūdė, ųų",
    "lv": "ģimene, ķēde, ļoti, ņem", "mt": "ħobż, ġurnata, żunżana, ċavetta", "nl": "ĳs, reünie", "pl": "zażółć gęślą",
    "pt": "ação, não", "ro": "știință, țară, șase", "sk": "ľalia, ŕ, ĺ, dĺžka", "sl": "čaša, žaba", "sv": "ångström, ö",
    "en": "naïve façade",
}  # fmt: skip


@pytest.mark.parametrize("language", get_args(ExportLanguage))
async def test_every_language_of_the_union_prints_right(anna: Guest, language: ExportLanguage) -> None:
    chat = await anna.begin()
    await anna.ask(chat, content=LETTERS[language])
    headings = headings_in(language)
    document = await anna.get(f"/v1/chats/{chat}/export?format=pdf&language={language}")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document.body)).pages)
    plain = " ".join(text.split())
    for word in (LETTERS[language], headings.notice, headings.question, headings.answer.format(model="fake")):
        assert word in plain
    assert "U+" not in plain
    said = (await anna.get(f"/v1/chats/{chat}/export?language={language}")).body.decode()
    assert headings.notice in said


async def test_a_whole_chat_as_json_comes_back(anna: Guest) -> None:
    file = await anna.upload("/v1/attachments", b"from the west", "winds.txt")
    chat, messages = await talk(anna, title="Winds")
    await anna.ask(chat, parent=messages[-1]["id"], content="More?", attachments=[file.json()["id"]])
    exported = await anna.get(f"/v1/chats/{chat}/export?format=json")
    document = exported.json()
    assert document["digital_source_type"] == TRAINED
    assert document["chats"][0] | {"files": []} == await anna.show(chat) | {"files": []}
    assert [file["text"] for file in document["chats"][0]["files"]] == ["from the west"]
    bert = anna.friend()
    report = (await bert.upload("/v1/chats/import", exported.body, "chats.json")).json()
    assert (report["format"], report["skipped"]) == ("galerne", [])
    (arrived,) = report["imported"]
    back = (await bert.show(arrived["id"]))["messages"]
    assert arrived == {"id": arrived["id"], "title": "Winds", "messages": len(back)}
    said = [message["content"] for message in back]
    assert sorted(said) == sorted([*(message["content"] for message in messages), *said[-2:]])
    assert said[-2] == "winds.txt:\n\nfrom the west\n\nMore?"
    assert not {message["id"] for message in back} & {message["id"] for message in messages}
    assert len((await bert.get("/v1/chats/search?q=west")).json()["data"]) == len(back) / 2 + 1
    await bert.ask(arrived["id"], parent=back[-1]["id"], content="And now?")


async def test_everything_of_ones_own_leaves_in_one_archive(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, lambda _: b"Yes.", callers=Everyone())
    anna = Guest(house)
    for number in range(3):
        await anna.ask(await anna.begin(title=f"Chat {number}"), content="Well?")
    await anna.patch(f"/v1/chats/{await anna.begin(title='Put away')}", {"archived": True})
    await anna.post("/v1/folders", {"name": "Sea"})
    export = await anna.get("/v1/users/me/export")
    with zipfile.ZipFile(io.BytesIO(export.body)) as archive:
        documents = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    titles = [chat["title"] for chat in documents["chats.json"]["chats"]]
    assert titles == ["Chat 2", "Chat 1", "Chat 0", "Put away"]
    assert (documents["profile.json"]["id"], documents["folders.json"][0]["name"]) == ("local", "Sea")
    assert documents["keys.json"] == documents["prompts.json"] == []
    assert (await anna.delete("/v1/chats")).json()["deleted"] == 4
    report = (await anna.upload("/v1/chats/import", export.body, "galerne-export.zip")).json()
    assert [chat["title"] for chat in report["imported"]] == titles[:3]
    assert report["skipped"] == [{"title": "Put away", "reason": "nothing was said in it."}]
    house.database.close()


async def test_what_is_no_export_is_refused(anna: Guest) -> None:
    assert_refused(await anna.upload("/v1/chats/import", b"text", "a.json"), 422, "invalid_request", "file")
    purpose = await anna.upload("/v1/chats/import", b"[]", "a.json", purpose="batch")
    assert_refused(purpose, 422, "unsupported_field", "purpose")
    row = {"title": "x", "chat": {"history": {"messages": {"a": {"role": "user", "content": "x"}}}}}
    three = json.dumps([row, {"title": "empty", "chat": {"history": {"messages": {}}}}, row]).encode()
    assert_refused(await anna.upload("/v1/chats/import", three, "a.json"), 413, "too_large", "file")
    assert len((await anna.get("/v1/chats")).json()["data"]) == 1
