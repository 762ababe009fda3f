"""What an administrator sees of this installation: its settings and its health."""

from __future__ import annotations

import platform
import re
import resource
import shutil
import time

from galerne import __version__
from galerne.flows.served import ServedModels
from galerne.protocol.installation import DiskHealth, EngineHealth, Health, SettingCard
from galerne.settings import Settings, source_of
from galerne.weights.memory import machine_memory

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@")


class Installation:
    """The flow behind `/v1/admin/settings` and `/v1/admin/health`."""

    def __init__(self, models: ServedModels, settings: Settings) -> None:
        self._models = models
        self._settings = settings
        self._started = time.time()

    def settings(self) -> list[SettingCard]:
        return setting_cards(self._settings)

    async def health(self) -> Health:
        """How it is now."""
        disk = shutil.disk_usage(self._settings.data_dir)
        postgresql = (self._settings.database or "").startswith("postgresql")
        return Health(
            version=__version__,
            python=platform.python_version(),
            started_at=self._started,
            database="postgresql" if postgresql else "sqlite",
            disk=DiskHealth(total=disk.total, free=disk.free),
            memory=machine_memory(),
            memory_used=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
            engines=[
                EngineHealth(
                    model=model.name,
                    ready=await model.generator.ready(),
                    statistics=dict(model.generator.statistics()),
                )
                for model in self._models
            ],
        )


def setting_cards(settings: Settings) -> list[SettingCard]:
    """All of them; the password in the database's address is hidden."""
    values = settings.model_dump(mode="json")
    return [
        SettingCard(
            name=name, value=_hidden(values[name]), source=source_of(name, settings), description=field.description
        )
        for name, field in Settings.model_fields.items()
    ]


def _hidden(value: object) -> object:
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
