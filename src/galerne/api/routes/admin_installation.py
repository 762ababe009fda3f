"""`/v1/admin/settings` and `/v1/admin/health`."""

from __future__ import annotations

import asyncio

from galerne.api.access import needs
from galerne.api.router import Router
from galerne.flows.installation import Installation
from galerne.identity.permissions import Permission
from galerne.protocol.installation import Health, SettingList


def admin_installation_routes(installation: Installation) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.SETTINGS)])

    @router.get("/v1/admin/settings")
    async def list_settings() -> SettingList:
        """Each setting, and where it comes from."""
        return SettingList(data=await asyncio.to_thread(installation.settings))

    @router.get("/v1/admin/health")
    async def show_health() -> Health:
        """Versions, disk, memory, and how the engines are."""
        return await installation.health()

    return router
