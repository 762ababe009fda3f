"""The models that this process runs, by the names that people call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from galerne import __version__
from galerne.backends.embedder import Embedder
from galerne.backends.generator import Generator
from galerne.errors import Forbidden, InvalidRequest, ModelNotFound, ModelNotLoaded
from galerne.identity.caller import Caller
from galerne.prompt.fim import FillInTheMiddle
from galerne.prompt.template import ChatTemplate
from galerne.prompt.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes. `bootstrap` sets every field."""

    size: int  # bytes of its files
    parameters: int
    memory: int  # bytes that it needs, estimated
    fits: bool  # whether that is no more than this machine has


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from. `bootstrap` sets every field."""

    digest: str  # SHA-256 of its files
    created: int  # when its file was last written, seconds since 1970
    owner: str  # who published it, as far as its file or its source says
    licence: str | None  # SPDX identifier where there is one; None: not known
    footprint: Footprint | None = None  # None: nobody asks for it


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that writes, and how to talk to it. `bootstrap` sets every field."""

    name: str
    origin: Origin
    tokenizer: Tokenizer
    template: ChatTemplate
    fim: FillInTheMiddle | None  # None: it was not trained to fill in the middle
    generator: Generator

    @property
    def digest(self) -> str:
        return self.origin.digest

    @property
    def context_length(self) -> int:
        """The most tokens of a prompt and its answer."""
        return self.generator.context_length

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints: the same request with the same seed gets the same answer."""
        return f"galerne-{__version__}-{self.digest[:12]}-{self.template.digest[:12]}-{self.generator.level}"


@dataclass(frozen=True, slots=True)
class ServedEmbedder:
    """A model that turns texts into vectors. `bootstrap` sets every field."""

    name: str
    origin: Origin
    embedder: Embedder

    @property
    def digest(self) -> str:
        return self.origin.digest

    @property
    def tokenizer(self) -> Tokenizer:
        """May be read from its file when it is asked for: ask in a thread."""
        return self.embedder.tokenizer

    @property
    def context_length(self) -> int:
        """The most tokens of a text."""
        return self.embedder.context_length

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints: the same text gets the same vector."""
        return f"galerne-{__version__}-{self.digest[:12]}-{self.embedder.level}"


class ServedModels:
    """All of them, and the aliases that lead to them. Iterating gives those that write.

    Whoever found a model may go on with it when it is removed: its generator says when it ends.
    """

    def __init__(
        self,
        models: Iterable[ServedModel],
        aliases: Mapping[str, str],
        embedders: Iterable[ServedEmbedder] = (),
        is_here: Callable[[str], bool] = lambda _: False,
        *,
        complete: bool = True,
    ) -> None:
        """`is_here` tells of a name whether a model of that name is on this machine. `complete` False: there may be
        others, of which nobody is to learn here."""
        self._models = {model.name: model for model in models}
        self._embedders = {model.name: model for model in embedders}
        self._aliases = aliases
        self._is_here = is_here
        self._complete = complete

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(list(self._models.values()))  # one may be removed meanwhile

    def add(self, model: ServedModel, embedder: ServedEmbedder) -> None:
        """A model that writes, and the vectors behind what it reads."""
        self._models[model.name], self._embedders[model.name] = model, embedder

    def remove(self, own_name: str) -> None:
        """Nobody finds it any longer. Harmless when it is not there."""
        self._models.pop(own_name, None)
        self._embedders.pop(own_name, None)

    @property
    def names(self) -> list[str]:
        """Of all models; one that writes and turns texts into vectors is there once."""
        return list(dict.fromkeys([*self._models, *self._embedders]))

    def of(self, caller: Caller) -> ServedModels:
        """Those that the caller may use."""
        if (only := caller.models) is None:
            return self
        writers = [model for model in self if model.name in only]
        embedders = [model for model in self._embedders.values() if model.name in only]
        is_here = self._is_here
        return ServedModels(
            writers, self._aliases, embedders, lambda name: name in only and is_here(name), complete=False
        )

    def find(self, name: str) -> ServedModel:
        """The model of that name or alias that writes. Raises `ModelNotFound`, `Forbidden`, `InvalidRequest`."""
        own_name = self.own_name(name)
        model = self.writer(own_name)
        if model is None:
            hint = f"These write: {', '.join(self._models)}."
            raise InvalidRequest(f"{own_name} turns texts into vectors, and writes nothing.", where="model", hint=hint)
        return model

    def find_embedder(self, name: str) -> ServedEmbedder:
        """The model of that name or alias that turns texts into vectors. Raises what `find` raises."""
        own_name = self.own_name(name)
        model = self.embedder(own_name)
        if model is None:
            hint = f"These do: {', '.join(self._embedders)}."
            raise InvalidRequest(f"{own_name} does not turn texts into vectors.", where="model", hint=hint)
        return model

    def own_name(self, name: str) -> str:
        """What a model of that name or alias is called. Raises `ModelNotFound`, `ModelNotLoaded`; whoever may use some
        alone is refused every other name, whether there is such a model or not (`Forbidden`)."""
        own_name = self._aliases.get(name, name)
        if own_name in self.names:
            return own_name
        names = ", ".join(self.names) or "none"
        if self._is_here(own_name):
            hint = f"Whoever may do models:manage can load it; loaded are: {names}."
            raise ModelNotLoaded(f"{own_name} is on this machine, but not loaded.", where="model", hint=hint)
        if not self._complete:
            raise Forbidden(f"you may not use {name[:200]!r}.", where="model", hint=f"You may use {names}.")
        hint = f"This server runs {names}; an alias can be set for it (aliases)."
        raise ModelNotFound(f"there is no model {name[:200]!r} here.", where="model", hint=hint)

    def writer(self, own_name: str) -> ServedModel | None:
        return self._models.get(own_name)

    def embedder(self, own_name: str) -> ServedEmbedder | None:
        return self._embedders.get(own_name)

    def aliases_of(self, own_name: str) -> list[str]:
        return sorted(alias for alias, name in self._aliases.items() if name == own_name)
