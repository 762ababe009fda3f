"""Timestamps by others (RFC 3161): an authority signs that a document was there at a time, whoever made it.

So nobody, not even the holder of the log's key, can make a head of the past later.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from galerne.errors import BadFile
from galerne.ledger.canonical import canonical


def request_for(document: Mapping[str, Any]) -> bytes:
    """What an authority is sent: a digest, and nothing of the document (DER)."""
    return TimestampRequestBuilder().data(canonical(document)).build().as_bytes()


def kept_form(response: bytes, where: str) -> str:
    """An authority's response as it is kept in JSON. Raises `BadFile`, which names `where`, for what is none."""
    try:
        decode_timestamp_response(response)
    except ValueError as error:
        raise BadFile(f"gave no timestamp: {error}.", where=where) from None
    return base64.b64encode(response).decode()


def check_timestamp(document: Mapping[str, Any], kept: str, roots: Sequence[Certificate], where: str) -> datetime:
    """When the document was there, at the latest, as an authority under one of these roots says. Raises `BadFile`."""
    verifier = VerifierBuilder()
    for root in roots:
        verifier = verifier.add_root_certificate(root)
    try:
        response = decode_timestamp_response(base64.b64decode(kept, validate=True))
        verifier.build().verify_message(response, canonical(document))
    except (ValueError, binascii.Error, VerificationError) as error:
        raise BadFile(f"has a timestamp that does not fit: {error}.", where=where) from None
    return response.tst_info.gen_time


def read_roots(path: Path) -> list[Certificate]:
    """The certificates in a PEM file. Raises `BadFile`."""
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadFile(f"no certificate can be read: {error}.", where=str(path)) from None
