"""People in one house: each test is somebody else, so that all can share an application, which is slow to make."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.api.client import Answer, Exchange
from tests.api.kept_house import BOUNDARY, KeptHouse, TwoWorkspaces, form

from galerne.errors import NotAuthenticated
from galerne.identity.caller import Caller
from galerne.identity.permissions import ALL


class People(TwoWorkspaces):
    """Fills the port `Callers`: whoever says a name is that user, all in one workspace."""

    def holder(self, credential: str | None) -> Caller:
        if credential is None:
            raise NotAuthenticated("who is it?")
        return Caller("team", user=credential, permissions=ALL)


class Guest:
    """One person, who asks the house."""

    def __init__(self, house: KeptHouse) -> None:
        self.house = house
        self.headers = {"authorization": f"Bearer {uuid4().hex}"}

    def friend(self) -> Guest:
        """Somebody else."""
        return Guest(self.house)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.house.client.get(path, self._with(headers))

    async def delete(self, path: str) -> Answer:
        return await self.house.client.get(path, self.headers, method="DELETE")

    async def post(self, path: str, document: Any, method: str = "POST") -> Answer:
        return await self.house.client.post(path, document, self.headers, method=method)

    async def patch(self, path: str, document: Any) -> Answer:
        return await self.post(path, document, "PATCH")

    async def put(self, path: str, document: Any) -> Answer:
        return await self.post(path, document, "PUT")

    def send(self, path: str, document: Any) -> Exchange:
        return self.house.client.send(path, document, self.headers)

    def open(self, path: str, **headers: str) -> Exchange:
        return self.house.client.open("GET", path, [], self._with(headers))

    async def upload(self, path: str, content: bytes, name: str, **fields: str) -> Answer:
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
        return await self.house.client.open("POST", path, [form(content, name, **fields)], kind | self.headers).answer()

    async def begin(self, **fields: Any) -> str:
        """A chat."""
        answer = await self.post("/v1/chats", fields)
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    async def ask(self, chat: str, **fields: Any) -> list[dict[str, Any]]:
        """The events of an answer."""
        return events(await self.post(f"/v1/chats/{chat}/messages", {"model": "fake"} | fields))

    async def show(self, chat: str) -> dict[str, Any]:
        """A chat with its messages."""
        shown: dict[str, Any] = (await self.get(f"/v1/chats/{chat}")).json()
        return shown

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        return self.headers | {name.replace("_", "-"): value for name, value in headers.items()}


def events(answer: Answer) -> list[dict[str, Any]]:
    """What a stream of numbered events says; their lines agree with their data."""
    assert answer.status == 200, answer.body
    said = []
    for block in answer.body.decode().split("\n\n")[:-1]:
        number, name, data = (line.partition(": ")[2] for line in block.split("\n"))
        event = json.loads(data)
        assert (str(event["number"]), event["type"]) == (number, name)
        said.append(event)
    return said
