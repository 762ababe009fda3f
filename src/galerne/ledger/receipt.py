"""The receipt of an answer: what it was made of, and what it cost. No text of a person is in it.

It is a record of the tamper-evident log (`chain`), signed; whoever has the public key can check it without this server.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from galerne.ledger.energy import Energy
from galerne.ledger.prices import Cost, euros

VERSION = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known of an answer when it has ended. The flow that answered sets every field."""

    id: str  # of the answer, as the client got it
    endpoint: str  # "/v1/chat/completions", ...
    time: str  # when it ended, RFC 3339
    workspace: str
    model: str
    model_sha256: str
    template_sha256: str | None  # None: no template took part
    engine: str  # version and kernel level: equal ones give equal tokens for equal requests
    prompt_tokens: int
    cached_tokens: int  # of the prompt
    completion_tokens: int
    reasons: tuple[str, ...]  # how each choice ended: "stop", "length", "cancelled", "failed", ...
    prompt_digest: str  # salted, see `salted_digest`
    answer_digest: str | None  # None: its process died, and took it along
    sources: tuple[str, ...] = ()  # digests of the passages that were used


def receipt_body(answer: Answered, pseudonym: str, costs: Sequence[Cost], energy: Energy) -> dict[str, Any]:
    """The receipt, before the log gives it its place and signature. Every number is an integer or a string."""
    return {
        "kind": "answer",
        "version": VERSION,
        "id": answer.id,
        "endpoint": answer.endpoint,
        "time": answer.time,
        "tenant": pseudonym,
        "model": {
            "name": answer.model,
            "sha256": answer.model_sha256,
            "template_sha256": answer.template_sha256,
            "engine": answer.engine,
        },
        "tokens": {
            "prompt": answer.prompt_tokens,
            "cached": answer.cached_tokens,
            "completion": answer.completion_tokens,
        },
        "price": {
            "euros": euros(sum(cost.nano_euros for cost in costs)),
            "parts": [
                {"kind": cost.kind.value, "tokens": cost.tokens, "euros": euros(cost.nano_euros)} for cost in costs
            ],
        },
        "energy": energy.document(),
        "sources": list(answer.sources),
        "prompt_digest": answer.prompt_digest,
        "answer_digest": answer.answer_digest,
        "flags": {
            "reasons": list(answer.reasons),
            "truncated": "length" in answer.reasons,
        },
        "ai_generated": True,
    }


def salted_digest(text: bytes, salt: bytes) -> str:
    """Shows later that a text is the one that a receipt means, to whoever has the salt; tells nobody else anything."""
    return hmac.new(salt, text, hashlib.sha256).hexdigest()


def pseudonym(workspace: str, secret: bytes) -> str:
    """A workspace's name in receipts: the same in all of one house's, and nothing to others."""
    return hmac.new(secret, workspace.encode(), hashlib.sha256).hexdigest()[:16]
