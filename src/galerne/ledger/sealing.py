"""What is known of a person, encrypted with a key of theirs: whoever destroys the key has destroyed it everywhere.

A record shows a pseudonym, which only the row with the key leads from and to. AES-256-GCM (NIST SP 800-38D) with random
nonces; the pseudonym is authenticated with it, so that what is sealed cannot be passed off as somebody else's.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from galerne.ledger.audit import Party
from galerne.ledger.canonical import canonical

_NONCE = 12  # bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """A person's key. `new_seal` sets every field."""

    pseudonym: str  # stands for the person in records
    key: bytes


def new_seal() -> Seal:
    return Seal(f"person-{secrets.token_hex(12)}", AESGCM.generate_key(256))


def sealed(party: Party, seal: Seal) -> dict[str, Any]:
    """A party as it may stand in a record."""
    nonce = secrets.token_bytes(_NONCE)
    secret = canonical({**party.private, "id": party.id})
    closed = nonce + AESGCM(seal.key).encrypt(nonce, secret, seal.pseudonym.encode())
    return {"kind": party.kind, "id": seal.pseudonym, "sealed": base64.b64encode(closed).decode()}


def opened(party: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    """A party of a record for whoever may read it; with no `key`, the person has been erased."""
    readable = {name: value for name, value in party.items() if name != "sealed"}
    if key is None:
        return {**readable, "erased": True}
    closed = base64.b64decode(party["sealed"])
    try:
        secret = AESGCM(key).decrypt(closed[:_NONCE], closed[_NONCE:], str(party["id"]).encode())
    except InvalidTag:
        return {**readable, "damaged": True}
    return {**readable, **json.loads(secret), "pseudonym": party["id"]}
