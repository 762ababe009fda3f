"""An answer, made again on this machine from what was kept of its request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galerne.bootstrap.engines import build_generator
from galerne.bootstrap.models import load_local_model
from galerne.bootstrap.served import served_model
from galerne.errors import NotFound

if TYPE_CHECKING:
    from galerne.bootstrap.models import Announce
    from galerne.flows.kept_requests import KeptRequest
    from galerne.flows.replay import Replayed
    from galerne.settings import Settings


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it."""

    choices: Sequence[Replayed]
    as_signed: bool  # what was kept is what the receipt means
    engine: str  # that answered then
    engine_now: str  # equal ones give equal tokens


async def replay_answer(id: str, settings: Settings, announce: Announce) -> Replay:
    """Raises `NotFound` for an answer that has no receipt or whose request was not kept, and what loading a model
    raises."""
    from galerne.flows.replay import replay

    kept, receipt, as_signed = _kept(id, settings)
    loaded = load_local_model(receipt["model"]["name"], settings, announce)
    generator = build_generator(loaded, settings)
    try:
        engine_now = served_model(loaded, generator).fingerprint
        return Replay(await replay(kept, generator), as_signed, receipt["model"]["engine"], engine_now)
    finally:
        await generator.close()
        loaded.template.close()


def _kept(id: str, settings: Settings) -> tuple[KeptRequest, dict[str, dict[str, str]], bool]:
    from galerne.flows.settlement import Settlement
    from galerne.store.kept_requests import SqlRequestStore
    from galerne.store.receipts import SqlReceiptLog
    from galerne.store.schema import open_database
    from galerne.store.secret import load_secret

    with closing(open_database(settings)) as database:
        kept = SqlRequestStore(database, settings.keep_requests_days).find(id)
        if kept is None:
            hint = "Requests are kept when the setting keep_requests_days says for how long."
            raise NotFound("the request of such an answer was not kept.", where=id, hint=hint)
        receipt = SqlReceiptLog(database).find(id, kept.workspace)
    if receipt is None:
        raise NotFound("there is no receipt of such an answer.", where=id)
    settlement = Settlement(load_secret(settings.data_dir / "pseudonyms.key"))
    told = [choice.tokens for choice in kept.choices]
    return kept, receipt, settlement.digest(id, told) == receipt["answer_digest"]
