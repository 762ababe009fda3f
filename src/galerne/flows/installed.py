"""What an administrator sees of the models: those of the catalogue, and the imported ones, as they are now."""

from __future__ import annotations

import asyncio
from typing import Any

from galerne.flows.catalogue import ModelCard, list_models, show_model
from galerne.flows.loading import FileModel, Loading, Standing
from galerne.flows.pulling import Pulling
from galerne.protocol.installation import InstalledModel, ModelState
from galerne.settings import Settings


class InstalledList:
    """The flow behind `GET /v1/admin/models`."""

    def __init__(self, loading: Loading, pulling: Pulling, settings: Settings) -> None:
        self._loading = loading
        self._pulling = pulling
        self._settings = settings

    async def cards(self) -> list[InstalledModel]:
        """Of all of them. Raises `SettingsError`, `BadFile`."""
        files = self._loading.files
        listed = [card for card in await asyncio.to_thread(list_models, self._settings) if card.name not in files]
        return [*map(self._file, files.values()), *map(self._card, listed)]

    async def card(self, name: str) -> InstalledModel:
        """Of one of them, by its own name. Raises `ModelNotFound`, `SettingsError`, `BadFile`."""
        if (file := self._loading.files.get(name)) is not None:
            return self._file(file)
        return self._card(await asyncio.to_thread(show_model, name, self._settings))

    def _file(self, model: FileModel) -> InstalledModel:
        standing, footprint = self._loading.standing(model.name), model.footprint
        return InstalledModel(
            name=model.name,
            state=standing.state if standing else "here",
            licence=model.origin.licence or "unknown",
            parameters=footprint.parameters,
            context=model.context,
            size=footprint.size,
            memory=footprint.memory,
            fits=footprint.fits,
            unsupported=None,
            sha256=model.origin.digest,
            aliases=[alias for alias, name in self._settings.aliases.items() if name == model.name],
            **_under_way(standing),
        )

    def _card(self, card: ModelCard) -> InstalledModel:
        entry, standing = card.entry, self._loading.standing(card.entry.name)
        return InstalledModel(
            name=entry.name,
            state=self._state(card, standing),
            licence=entry.licence,
            parameters=entry.parameters,
            context=entry.context,
            size=card.size,
            memory=card.memory,
            fits=card.fits,
            unsupported=entry.unsupported,
            sha256=card.sha256,
            aliases=list(card.aliases),
            **_under_way(standing),
        )

    def _state(self, card: ModelCard, standing: Standing | None) -> ModelState:
        if standing is not None:
            return standing.state
        if card.manifest is not None:
            return "here"
        return "pulling" if card.entry.name in self._pulling.names else "absent"


def _under_way(standing: Standing | None) -> dict[str, Any]:
    """What is said of a model's engine."""
    if standing is None:
        return {"failure": None, "resident": None, "open_requests": 0}
    return {"failure": standing.failure, "resident": standing.resident or None, "open_requests": standing.open}
