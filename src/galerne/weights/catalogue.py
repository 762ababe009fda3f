"""The catalogue: which models there are, where they come from, and what they cost to run. A TOML file for people.

The built-in file lies beside this one; `Settings.catalogue` names a file of one's own, whose entries are laid over it.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from galerne.errors import SettingsError
from galerne.weights.sources import parse_source

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""What a model may be called: it is also the name of a folder."""

MAX_FILE = 1 << 22
BYTES_PER_WEIGHT = 2  # of a source whose size nobody states: published checkpoints are 16 bit


class CacheShape(BaseModel):
    """What a model's key/value cache is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    layers: int = Field(ge=1, le=1024)
    kv_heads: int = Field(ge=1, le=1024)
    head_dim: int = Field(ge=1, le=4096)


class Entry(BaseModel):
    """One model of the catalogue. The file sets every field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    licence: str = Field(min_length=1, max_length=100)  # SPDX identifier where there is one
    commercial: bool | None = True  # whether the licence allows use in business; None: not known
    parameters: int = Field(ge=1, le=10**14)
    architecture: str = Field(min_length=1, max_length=100)
    context: int = Field(ge=1, le=10**8)  # tokens, as its authors state it
    fim: bool | None = False  # whether it was trained to fill in the middle; None: not known
    cache: CacheShape | None = None  # must be there unless it is unsupported
    source: str
    size: int | None = Field(None, ge=1, le=10**15)  # bytes; absent when the publisher does not say
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")  # absent when it is not known
    unsupported: str | None = None  # why this version cannot run it, yet

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("a model's name is made of a-z, 0-9, '.', '_' and '-'")
        return name

    @field_validator("source")
    @classmethod
    def _known_source(cls, source: str) -> str:
        parse_source(source)
        return source

    @model_validator(mode="after")
    def _estimable(self) -> Self:
        if self.cache is None and self.unsupported is None:
            raise ValueError("a model that can run needs its cache = { layers, kv_heads, head_dim }")
        return self

    @property
    def weight_bytes(self) -> int:
        """The size that is stated, or what 16-bit weights take."""
        return self.size if self.size is not None else self.parameters * BYTES_PER_WEIGHT


def load_catalogue(own: Path | None = None) -> dict[str, Entry]:
    """All entries by name, `own` (a TOML file) laid over the built-in ones. Raises `SettingsError`."""
    built_in = files("galerne.weights").joinpath("catalogue.toml").read_text("utf-8")
    entries = _parse(built_in, "catalogue.toml")
    if own is not None:
        entries |= _parse(_read(own), str(own))
    return entries


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise SettingsError(f"is larger than {MAX_FILE} bytes.", where=str(path))
        return text.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the catalogue cannot be read: {error}.", where=str(path)) from None


def _parse(text: str, where: str) -> dict[str, Entry]:
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"the catalogue is not TOML: {error}.", where=where) from None
    tables = content.pop("model", [])
    if content or not isinstance(tables, list):
        raise SettingsError("the catalogue is a list of [[model]] tables, and nothing else.", where=where)
    entries: dict[str, Entry] = {}
    for number, table in enumerate(tables, start=1):
        entry = _entry(table, f"{where}: model {number}")
        if entry.name in entries:
            raise SettingsError("is there twice.", where=f"{where}: {entry.name}")
        entries[entry.name] = entry
    return entries


def _entry(table: Any, where: str) -> Entry:
    try:
        return Entry.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(table.get("name", ""))[:100] if isinstance(table, dict) else ""
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{message}.", where=" ".join(part for part in (where, name, field) if part)) from None
