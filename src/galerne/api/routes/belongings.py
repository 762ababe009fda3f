"""`/v1/folders` and `/v1/prompts`."""

from __future__ import annotations

from fastapi import Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotFound
from galerne.flows.belongings import Keeping
from galerne.identity.permissions import Permission
from galerne.protocol.chat_folders import (
    BelongingDeleted,
    Folder,
    FolderFields,
    FolderList,
    Prompt,
    PromptChanges,
    PromptFields,
    PromptList,
)
from galerne.settings import Settings

_LISTING = fails(DatabaseUnavailable)
_MAKING = fails(*READING, *KEEPING)
_CHANGING = fails(*READING, NotFound, *KEEPING)
_DELETING = fails(NotFound, *KEEPING)


def folder_routes(folders: Keeping[Folder], settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post("/v1/folders", status_code=201, responses=_MAKING, openapi_extra=takes(FolderFields))
    async def create_folder(http: Request) -> Folder:
        """Make a folder for chats."""
        return await folders.create(await read(FolderFields, http, settings), caller_of(http))

    @router.get("/v1/folders", responses=_LISTING)
    async def list_folders(http: Request) -> FolderList:
        """One's own folders, by name."""
        return FolderList(data=await folders.list(caller_of(http)))

    @router.patch("/v1/folders/{id}", responses=_CHANGING, openapi_extra=takes(FolderFields))
    async def rename_folder(id: Id, http: Request) -> Folder:
        """Call it something else."""
        return await folders.change(id, await read(FolderFields, http, settings), caller_of(http))

    @router.delete("/v1/folders/{id}", responses=_DELETING)
    async def delete_folder(id: Id, http: Request) -> BelongingDeleted:
        """Delete a folder; its chats stay."""
        await folders.delete(id, caller_of(http))
        return BelongingDeleted(id=id)

    return router


def prompt_routes(prompts: Keeping[Prompt], settings: Settings) -> Router:
    router = Router(tags=["assistant"], dependencies=[needs(Permission.CHAT)])

    @router.post("/v1/prompts", status_code=201, responses=_MAKING, openapi_extra=takes(PromptFields))
    async def create_prompt(http: Request) -> Prompt:
        """Save a text that one asks again and again."""
        return await prompts.create(await read(PromptFields, http, settings), caller_of(http))

    @router.get("/v1/prompts", responses=_LISTING)
    async def list_prompts(http: Request) -> PromptList:
        """One's own saved prompts, by title."""
        return PromptList(data=await prompts.list(caller_of(http)))

    @router.patch("/v1/prompts/{id}", responses=_CHANGING, openapi_extra=takes(PromptChanges))
    async def change_prompt(id: Id, http: Request) -> Prompt:
        """Change its title, its text, or both."""
        return await prompts.change(id, await read(PromptChanges, http, settings), caller_of(http))

    @router.delete("/v1/prompts/{id}", responses=_DELETING)
    async def delete_prompt(id: Id, http: Request) -> BelongingDeleted:
        """Delete a saved prompt."""
        await prompts.delete(id, caller_of(http))
        return BelongingDeleted(id=id)

    return router
