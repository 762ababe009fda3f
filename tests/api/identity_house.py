"""The application for callers who are known by their keys, with users to be made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.kept_house import KeptHouse
from tests.store.ready import lay_out

from galerne.bootstrap import open_callers
from galerne.errors import Taken
from galerne.identity.caller import LOCAL_ADMIN
from galerne.identity.permissions import Role, scopes_of
from galerne.settings import Settings
from galerne.store.schema import open_database


@dataclass(frozen=True, slots=True)
class Holder:
    """A service account with a key. `IdentityHouse.holder` sets every field."""

    user: str
    key: str
    headers: dict[str, str]


class IdentityHouse(KeptHouse):
    def __init__(self, folder: Path, *arguments: Any, auth: str = "keys", **settings: Any) -> None:
        if "database" not in settings:
            lay_out(folder)
        self.own = open_database(Settings(data_dir=folder, database=settings.get("database")))
        callers = open_callers(self.own, Settings(data_dir=folder, auth=auth))
        super().__init__(folder, *arguments, callers=callers, auth=auth, **settings)
        self.identity = self.kept.identity

    def holder(self, role: Role = Role.MEMBER, workspace: str = "default", scopes: list[str] | None = None) -> Holder:
        with suppress(Taken):
            self.identity.workspaces.create(workspace, None, LOCAL_ADMIN)
        user = self.identity.users.create_service("A program", workspace, role, LOCAL_ADMIN)
        secret, key = self.identity.keys.make("a key", user.id, LOCAL_ADMIN, scopes=scopes_of(scopes))
        return Holder(user.id, key.id, bearer(secret))

    def close(self) -> None:
        self.own.close()
        self.database.close()


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
