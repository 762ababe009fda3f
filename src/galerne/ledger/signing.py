"""Ed25519 signatures (RFC 8032) over canonical JSON: made with a key that stays here, checked with its public half."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from galerne.errors import BadFile
from galerne.ledger.canonical import canonical, joined

SIGNATURE = "signature"
"""The field that holds a document's signature; it is over the document without it."""


class PublicKey:
    """Checks signatures; needs nothing but itself."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(raw).hexdigest()[:16]  # names the key in what it signed
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Raises `BadFile` for a file that holds none."""
        try:
            return cls.parse(path.read_bytes(), str(path))
        except OSError as error:
            raise BadFile(f"no public key can be read: {error}.", where=str(path)) from None

    @classmethod
    def parse(cls, pem: bytes, where: str) -> PublicKey:
        """Raises `BadFile`, which names `where`, for what is none."""
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadFile(f"no public key can be read: {error}.", where=where) from None
        if not isinstance(key, Ed25519PublicKey):
            raise BadFile("the key is not of Ed25519.", where=where)
        return cls(key)

    def verifies(self, document: Mapping[str, Any]) -> bool:
        """Whether the document is, to the last character, what the holder of the private key signed."""
        spelled = document.get(SIGNATURE)
        if not isinstance(spelled, str):
            return False
        try:
            signature = base64.b64decode(spelled, validate=True)
            self._key.verify(signature, _signed_bytes(document))
        except (InvalidSignature, ValueError):
            return False
        return base64.b64encode(signature).decode() == spelled  # base64 has other spellings of the same bytes


class SigningKey:
    """Signs documents."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def generate(cls) -> SigningKey:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, secret: bytes) -> SigningKey:
        """The key that these 32 bytes are."""
        return cls(Ed25519PrivateKey.from_private_bytes(secret))

    def sign(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with its signature."""
        return {**document, SIGNATURE: self._signature(canonical(document))}

    def signed(self, document: Mapping[str, Any]) -> bytes:
        """The same as canonical JSON, which is computed just once: it is most of the work."""
        before = canonical({name: value for name, value in document.items() if name < SIGNATURE})
        behind = canonical({name: value for name, value in document.items() if name > SIGNATURE})
        signature = f'{{"{SIGNATURE}":"{self._signature(joined(before, behind))}"}}'  # nothing in it to be escaped
        return joined(before, signature.encode(), behind)

    def _signature(self, text: bytes) -> str:
        return base64.b64encode(self._key.sign(text)).decode()


def _signed_bytes(document: Mapping[str, Any]) -> bytes:
    return canonical({name: value for name, value in document.items() if name != SIGNATURE})
