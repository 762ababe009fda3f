"""`/v1/admin/settings`, `/v1/admin/health` and `/v1/admin/models`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from galerne.api.access import needs
from galerne.flows.installation import Installation
from galerne.identity.permissions import Permission
from galerne.protocol.installation import Health, InstalledModels, SettingList


def admin_installation_routes(installation: Installation) -> APIRouter:
    router = APIRouter(tags=["admin"], dependencies=[needs(Permission.SETTINGS)])

    @router.get("/v1/admin/settings")
    async def list_settings() -> SettingList:
        """Each setting, and where it comes from."""
        return SettingList(data=await asyncio.to_thread(installation.settings))

    @router.get("/v1/admin/health")
    async def show_health() -> Health:
        """Versions, disk, memory, and how the engines are."""
        return await installation.health()

    @router.get("/v1/admin/models")
    async def list_installed() -> InstalledModels:
        """The models of the catalogue, and the imported ones: which are here, and which fit this machine."""
        return InstalledModels(data=await asyncio.to_thread(installation.models))

    return router
