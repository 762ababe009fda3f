"""A person is erased: of all that they made in a workspace nothing is left, in any table or file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import inspect, text
from tests.api.guest import events
from tests.api.identity_house import IdentityHouse, bearer

from galerne.assistant.attachments import KeptAttachment
from galerne.assistant.chats import Owner, new_id
from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.permissions import ALL, Role
from galerne.ledger.audit import Action, Event, Party, Result
from galerne.store.database import Database

CHAT = "/v1/chat/completions"
ALIKE = {"batch_jobs": 1, "chats": 1, "chat_messages": 2, "chat_shares": 1, "chat_retention": 1, "chat_folders": 1}


class Person:
    """Somebody who leaves a trace in everything that there is."""

    def __init__(self, house: IdentityHouse, name: str) -> None:
        self.house = house
        self.mark = f"{name}{uuid4().hex}"  # in all that they say
        self.email = f"{self.mark}@town.example"
        user = house.identity.users.create_person(self.email, f"{self.mark} X", "default", Role.MEMBER, LOCAL_ADMIN)
        secret, key = house.identity.keys.make(self.mark, user.id, LOCAL_ADMIN)
        self.id, self.key, self.headers = user.id, key.id, bearer(secret)

    async def post(self, path: str, document: Any, method: str = "POST") -> dict[str, Any]:
        answer = await self.house.client.post(path, document, self.headers, method=method)
        assert answer.status in (200, 201), (path, answer.body)
        return dict(answer.json()) if answer.headers["content-type"] == "application/json" else {}

    async def fill(self) -> None:
        mark = self.mark
        said = {"model": "fake", "messages": [{"role": "user", "content": mark}]}
        await self.post(CHAT, said)
        await self.post("/v1/completions", {"model": "fake", "prompt": mark})
        labels = {mark: mark}
        line = json.dumps({"custom_id": mark, "body": said}).encode()
        self.file = (await self.house.upload(line, f"{mark}.jsonl", who=self.headers, purpose="batch")).json()["id"]
        job = {"endpoint": CHAT, "input_files": [self.file], "metadata": labels, "model": "fake"}
        self.job = (await self.post("/v1/batch/jobs", job))["id"]
        agent = {"model": "fake", "name": mark, "instructions": mark, "metadata": labels}
        self.agent = (await self.post("/v1/agents", agent))["id"]
        await self.post(f"/v1/agents/{self.agent}", {"instructions": f"{mark} again"}, "PATCH")
        talk = {"inputs": mark, "model": "fake", "instructions": mark, "metadata": labels, "name": mark}
        self.talk = (await self.post("/v1/conversations", talk))["conversation_id"]
        asked = {"model": "fake", "input": mark, "instructions": mark, "metadata": labels}
        self.response = (await self.post("/v1/responses", asked))["id"]
        await self._chat(mark)
        self._refused_sign_in()

    async def _chat(self, mark: str) -> None:
        folder = (await self.post("/v1/folders", {"name": mark}))["id"]
        await self.post("/v1/prompts", {"title": mark, "content": mark})
        self.chat = (await self.post("/v1/chats", {"title": mark, "folder": folder, "system": mark}))["id"]
        attachment = self._attachment()
        asked = {"content": mark, "model": "fake", "attachments": [attachment]}
        answer = await self.house.client.post(f"/v1/chats/{self.chat}/messages", asked, self.headers)
        ended = events(answer)[-1]["answer"]["id"]
        thought = {"rating": "down", "reason": "wrong", "comment": mark}
        await self.post(f"/v1/chats/{self.chat}/messages/{ended}/feedback", thought, "PUT")
        await self.post(f"/v1/chats/{self.chat}/shares", {})
        await self.post("/v1/users/me/retention", {"chat_days": 30}, "PUT")

    def _attachment(self) -> str:
        """Without its file, which would be read in a process of its own."""
        attachment = KeptAttachment(
            new_id("att"), None, f"{self.mark}.txt", "text/plain", 9, None, None, 1.0, None, self.mark
        )
        self.house.kept.chats.attachments.add(Owner("default", self.id), attachment, 9)
        return attachment.id

    def _refused_sign_in(self) -> None:
        refused = Event(Action.SESSION_REFUSED, Party("anyone"), Party("email", self.email), Result.REFUSED)
        self.house.kept.audit.log.record(refused)

    async def everything(self) -> dict[str, Any]:
        """What they still see."""
        paths = (
            f"/v1/chats/{self.chat}",
            "/v1/chats/search?q=" + self.mark,
            f"/v1/files/{self.file}",
            f"/v1/batch/jobs/{self.job}",
            f"/v1/agents/{self.agent}",
            f"/v1/conversations/{self.talk}/history",
            f"/v1/responses/{self.response}",
            "/v1/folders",
            "/v1/prompts",
            "/v1/users/me/keys",
            "/v1/users/me/retention",
        )
        found = {}
        for path in paths:
            answer = await self.house.get(path, self.headers)
            assert answer.status == 200, path
            found[path] = json.loads(answer.body.replace(b'"last_used_at":null', b""))
        return found


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[IdentityHouse]:
    address = database.url.render_as_string(hide_password=False)
    house = IdentityHouse(tmp_path, lambda _: b"Bonjour !", database=address, keep_requests_days=9)
    yield house
    house.close()


@pytest.fixture
def admin(house: IdentityHouse) -> dict[str, str]:
    return house.holder(Role.ADMIN).headers


def places(house: IdentityHouse, trace: str) -> set[str]:
    """The columns and files that have it in them."""
    found = set()
    with house.database.read() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                found |= {f"{table}.{name}" for name, value in row.items() if _has(value, trace)}
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    return found | {str(path) for path in files if _has(path.read_bytes(), trace)}


def _has(value: Any, trace: str) -> bool:
    return trace.encode() in value if isinstance(value, bytes) else trace in str(value)


async def erase(house: IdentityHouse, user: str, admin: dict[str, str]) -> dict[str, Any]:
    answer = await house.post("/v1/admin/erasures", {"user": user}, admin)
    assert answer.status == 200, answer.body
    return dict(answer.json())


async def test_nothing_of_a_person_is_left(house: IdentityHouse, admin: dict[str, str]) -> None:
    anna, bert = Person(house, "anna"), Person(house, "bert")
    for person in (anna, bert):
        await person.fill()
        limit = {"subject": f"key:{person.key}", "measure": "requests_per_month", "most": 99}
        await house.client.post("/v1/admin/limits", limit, admin, method="PUT")
    before = await bert.everything()
    assert len(places(house, anna.mark)) > 15
    removed = (await erase(house, anna.id, admin))["removed"]
    assert places(house, anna.mark) == set()
    columns = {place for place in places(house, anna.id) if not place.startswith("/")}
    assert columns == {"usage.user", "daily_usage.user"}  # books, in which an id leads to nobody
    assert {name: removed.get(name) for name in ALIKE} == ALIKE
    assert (removed["files"], removed["agents"], removed["agent_versions"], removed["users"]) == (1, 1, 2, 1)
    assert (removed["conversations"], removed["responses"], removed["keys"], removed["kept_requests"]) == (1, 1, 1, 5)
    assert await bert.everything() == before
    assert (await house.get("/v1/users/me", anna.headers)).status == 401


async def test_a_person_takes_along_what_an_erasure_would_remove(house: IdentityHouse) -> None:
    anna, bert = Person(house, "anna"), Person(house, "bert")
    for person in (anna, bert):
        await person.fill()
    archive = await house.get("/v1/users/me/export", anna.headers)
    assert bert.mark.encode() not in archive.body
    with zipfile.ZipFile(io.BytesIO(archive.body)) as opened:
        texts = {name: opened.read(name).decode() for name in opened.namelist()}
    assert not any(bert.mark in text for text in texts.values())
    kinds = ("files", "batches", "agents", "conversations", "responses", "chats", "folders", "prompts", "keys")
    assert [kind for kind in kinds if anna.mark not in texts[f"{kind}.json"]] == []
    assert anna.mark in texts[f"files/{anna.file}"]
    assert [len(json.loads(texts[f"{kind}.json"])) for kind in ("shares", "retention", "requests")] == [1, 1, 5]
    (agent,) = json.loads(texts["agents.json"])
    assert [version["definition"]["instructions"] for version in agent["versions"]] == [anna.mark, f"{anna.mark} again"]


async def test_the_log_stays_whole_and_says_nothing_of_them(house: IdentityHouse, admin: dict[str, str]) -> None:
    anna = Person(house, "anna")
    await anna.fill()
    certificate = await erase(house, anna.id, admin)
    assert (await house.get("/v1/admin/audit/verify", admin)).json()["faults"] == []
    assert house.kept.audit.key.verifies(certificate)
    records = list(house.kept.audit.log.readable())
    assert anna.mark not in str(records)
    assert anna.id not in str(records)
    assert (records[-1]["action"], records[-1]["object"]["id"]) == ("user.erased", certificate["person"])


async def test_who_goes_on_from_what_they_said_keeps_their_own(house: IdentityHouse, admin: dict[str, str]) -> None:
    anna, bert = Person(house, "anna"), Person(house, "bert")
    for person in (anna, bert):
        await person.fill()
    shared = {"inputs": f"{bert.mark} too", "from_entry_id": None}
    history = (await house.get(f"/v1/conversations/{anna.talk}/history", bert.headers)).json()["entries"]
    restarted = await bert.post(f"/v1/conversations/{anna.talk}/restart", shared | {"from_entry_id": history[-1]["id"]})
    await anna.post(f"/v1/conversations/{bert.talk}", {"inputs": anna.mark})
    following = {"model": "fake", "input": f"{bert.mark} then", "previous_response_id": anna.response}
    response = (await bert.post("/v1/responses", following))["id"]
    await anna.post(f"/v1/agents/{bert.agent}", {"instructions": anna.mark, "name": anna.mark}, "PATCH")
    alias = await house.client.get(f"/v1/agents/{bert.agent}/aliases?version=2&alias=hers", anna.headers, method="PUT")
    assert alias.status == 200
    removed = (await erase(house, anna.id, admin))["removed"]
    columns = {place for place in places(house, anna.mark) if not place.startswith("/")}
    assert columns == {"threads.about", "labels.name", "labels.value"}  # what he restarted took over its name
    assert removed["entries_blanked"] == 6  # what she said in others', and was answered
    for path in (f"/v1/conversations/{restarted['conversation_id']}/history", f"/v1/conversations/{bert.talk}/history"):
        said = [entry["content"] for entry in (await house.get(path, bert.headers)).json()["entries"]]
        assert "(erased)" in said
        assert any(bert.mark in str(each) for each in said)
    agent = (await house.get(f"/v1/agents/{bert.agent}", bert.headers)).json()
    assert (agent["instructions"], agent["version"]) == (f"{bert.mark} again", 1)
    assert (await house.get(f"/v1/agents/{bert.agent}/aliases", bert.headers)).json() == []
    assert (await house.get(f"/v1/responses/{response}/input_items", bert.headers)).status == 200
    more = await bert.post(f"/v1/conversations/{bert.talk}", {"inputs": "And then?"})
    assert more["outputs"]


async def test_what_they_called_agents_is_in_nobodys_conversation(house: IdentityHouse, admin: dict[str, str]) -> None:
    anna, bert = Person(house, "anna"), Person(house, "bert")
    for person in (anna, bert):
        await person.fill()
    await anna.post(f"/v1/agents/{bert.agent}", {"name": f"{anna.mark} too"}, "PATCH")
    talk = (await bert.post("/v1/conversations", {"inputs": "Hi", "model": "fake"}))["conversation_id"]
    passed = {"type": "agent.handoff", "previous_agent_id": bert.agent, "next_agent_id": anna.agent}
    for name in (bert.mark, f"{anna.mark} too"):
        passed |= {"previous_agent_name": name, "next_agent_name": anna.mark}
        await bert.post(f"/v1/conversations/{talk}", {"inputs": [passed]})
    removed = (await erase(house, anna.id, admin))["removed"]
    assert removed["handoffs_blanked"] == 2
    entries = (await house.get(f"/v1/conversations/{talk}/history", bert.headers)).json()["entries"]
    named = [
        (entry["previous_agent_name"], entry["next_agent_name"], entry["next_agent_id"])
        for entry in entries
        if entry["type"] == "agent.handoff"
    ]
    assert named == [(bert.mark, "(erased)", anna.agent), ("(erased)", "(erased)", anna.agent)]
    assert {place for place in places(house, anna.mark) if not place.startswith("/")} == set()
    assert (await house.get(f"/v1/agents/{bert.agent}", bert.headers)).json()["name"] == bert.mark


async def test_who_may_do_everything_is_erased_like_anybody(house: IdentityHouse, admin: dict[str, str]) -> None:
    other = house.holder(Role.ADMIN)
    assert (await house.get("/v1/users/me", other.headers)).json()["permissions"] == sorted(ALL)
    assert (await erase(house, other.user, admin))["removed"] == {"keys": 1, "users": 1}
