"""The application with what it keeps, in a folder of its own, for two workspaces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.api.client import Answer, Client, Exchange
from tests.flows.fakes import Script, ScriptedEngine, ScriptedGenerator, opened, served
from tests.store.ready import lay_out

from galerne.api.application import create_app
from galerne.bootstrap import open_kept
from galerne.errors import NotAuthenticated
from galerne.flows.loading import Loading, OpenedModel
from galerne.identity.caller import AllowedModels, Caller, Callers
from galerne.identity.directory import User, UserKind, Workspace
from galerne.identity.permissions import ALL, Role
from galerne.settings import Settings
from galerne.store.allowed_models import SqlAllowedModels
from galerne.store.directory import SqlDirectory
from galerne.weights.store import Store

BOUNDARY = b"----a-boundary"
ANNA, BERT = {"authorization": "Bearer anna"}, {"authorization": "Bearer bert"}


class TwoWorkspaces:
    """Fills the port `Callers`: a key is the name of its workspace."""

    open_door = False
    allowed: AllowedModels  # of whatever house they come to

    async def identify(self, credential: str | None) -> Caller:
        caller = self.holder(credential)
        return replace(caller, models=self.allowed.of(caller))

    def holder(self, credential: str | None) -> Caller:
        if credential not in ("anna", "bert"):
            raise NotAuthenticated("there is no such key.")
        return Caller(credential, user=credential, permissions=ALL)

    async def again(self, caller: Caller) -> Caller:
        return replace(caller, models=self.allowed.of(caller))

    async def lost(self, callers: Collection[Caller]) -> set[Caller]:  # noqa: ARG002
        return set()


class KeptHouse:
    def __init__(
        self,
        folder: Path,
        script: Script = lambda _: b"Bonjour !",
        *,
        callers: Callers | None = None,
        fails_after: int | None = None,
        hangs_after: int | None = None,
        fim: bool = False,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.settings = Settings(data_dir=folder, **{"disk_reserve_mb": 0} | settings)
        self.generator = ScriptedGenerator(script, fails_after=fails_after, hangs_after=hangs_after)
        models = served(self.generator, fim=fim, is_here=Store(self.settings.models_dir).__contains__)
        if "database" not in settings:
            lay_out(folder)
        self.database, self.kept = open_kept(models, self.settings)
        self.engines: dict[str, ScriptedEngine] = {}  # of the models that were loaded last
        loading = Loading(models, self._open, self.kept.audit.log, self.settings)
        callers = callers or TwoWorkspaces()
        if isinstance(callers, TwoWorkspaces):
            callers.allowed = SqlAllowedModels(self.database)
        self.app = create_app(models, callers, self.settings, kept=self.kept, loading=loading)
        self.client = Client(self.app)

    def acquaint(self) -> None:
        """Put the two workspaces and their users on record, as who is not there can have no limits."""
        directory, now = SqlDirectory(self.database), datetime.now(UTC)
        for name in ("anna", "bert"):
            directory.add_workspace(Workspace(name, directory.organisation().id, name, now))
            directory.add_user(User(name, UserKind.PERSON, "default", name, Role.ADMIN, name, None, now))

    def _open(self, name: str) -> OpenedModel:
        return opened(self.engines[name], name)

    async def get(self, path: str, who: dict[str, str] = ANNA) -> Answer:
        return await self.client.get(path, who)

    async def delete(self, path: str, who: dict[str, str] = ANNA) -> Answer:
        return await self.client.get(path, who, method="DELETE")

    async def post(self, path: str, document: Any, who: dict[str, str] = ANNA) -> Answer:
        return await self.client.post(path, document, who)

    async def upload(
        self, content: bytes = b"content", name: str = "a.txt", *, who: dict[str, str] = ANNA, **fields: str
    ) -> Answer:
        return await self.send(form(content, name, **fields), who=who).answer()

    def send(
        self, *pieces: bytes, who: dict[str, str] = ANNA, path: str = "/v1/files", ends: bool = True, **headers: str
    ) -> Exchange:
        """A form in pieces, which may never end."""
        kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open("POST", path, pieces, {"content-type": kind} | named | who, ends=ends)

    def contents(self) -> Sequence[Path]:
        """What lies on the disk."""
        return sorted((self.folder / "files").iterdir())


def form(content: bytes, name: str = "a.txt", *, media_type: str = "text/plain", **fields: str) -> bytes:
    """A form as browsers and both clients write it."""
    parts = [field(name.replace("__", "[") + "]" * name.count("__"), value) for name, value in fields.items()]
    escaped = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22").encode()
    head = b'Content-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s' % (
        escaped,
        media_type.encode(),
    )
    return b"".join([*parts, part(head, content), b"--" + BOUNDARY + b"--\r\n"])


def field(name: str, value: str) -> bytes:
    return part(b'Content-Disposition: form-data; name="%s"' % name.encode(), value.encode())


def part(head: bytes, content: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"
