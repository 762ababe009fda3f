"""The models that this process runs, by the names that people call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from galerne import __version__
from galerne.backends.generator import Generator
from galerne.errors import ModelNotFound
from galerne.prompt.fim import FillInTheMiddle
from galerne.prompt.template import ChatTemplate
from galerne.prompt.tokenizer import Tokenizer
from galerne.weights.catalogue import Entry


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model, and how to talk to it. `bootstrap` sets every field."""

    name: str
    digest: str  # SHA-256 of its files
    created: int  # when its file was last written, seconds since 1970
    tokenizer: Tokenizer
    template: ChatTemplate
    fim: FillInTheMiddle | None  # None: it was not trained to fill in the middle
    generator: Generator
    entry: Entry | None  # what the catalogue, or who imported it, knows of it

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints: the same request with the same seed gets the same answer."""
        return f"galerne-{__version__}-{self.digest[:12]}-{self.template.digest[:12]}-{self.generator.level}"


class ServedModels:
    """All of them, and the aliases that lead to them."""

    def __init__(self, models: Iterable[ServedModel], aliases: Mapping[str, str]) -> None:
        self._models = {model.name: model for model in models}
        self._aliases = {alias: name for alias, name in aliases.items() if name in self._models}

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models.values())

    def find(self, name: str) -> ServedModel:
        """The model of that name or alias. Raises `ModelNotFound`."""
        model = self._models.get(self._aliases.get(name, name))
        if model is None:
            hint = f"This server runs {', '.join(self._models)}; an alias can be set for it (aliases)."
            raise ModelNotFound(f"there is no model {name[:200]!r} here.", where="model", hint=hint)
        return model

    def aliases_of(self, model: ServedModel) -> list[str]:
        return sorted(alias for alias, name in self._aliases.items() if name == model.name)
