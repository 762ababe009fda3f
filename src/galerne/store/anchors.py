"""Where heads are taken to: a file, a timestamp authority, another installation. Fills `flows.anchoring`'s ports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from galerne.errors import BadFile, Unavailable
from galerne.ledger.canonical import canonical
from galerne.ledger.timestamps import kept_form, request_for

SECONDS = 30.0
"""How long an authority or a peer may take."""


class AppendedFile:
    """A line for each head. It belongs on another disk, or another machine's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, line: Mapping[str, Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(canonical(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BadFile(f"cannot be written: {error.strerror}.", where=str(self._path)) from None


class HttpAuthority:
    """A timestamp authority over HTTP (RFC 3161, 3.4)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def stamp(self, document: Mapping[str, Any]) -> str:
        headers = {"Content-Type": "application/timestamp-query"}
        return kept_form(_post(self._url, request_for(document), headers).content, self._url)


class HttpPeer:
    """Another installation, which keeps our heads."""

    def __init__(self, url: str, key: str) -> None:
        """`key`: an API key of that installation's, with the scope `audit:witness`."""
        self._url = f"{url.rstrip('/')}/v1/audit/heads"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def keep(self, head: Mapping[str, Any], public_key: str) -> Mapping[str, Any]:
        body = canonical({"head": dict(head), "public_key": public_key})
        try:
            longest = _post(self._url, body, self._headers).json()["longest"]
        except (ValueError, LookupError, TypeError):
            raise BadFile("gave no answer that can be read.", where=self._url) from None
        return dict(longest)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    """Raises `Unavailable`."""
    try:
        answer = httpx2.post(url, content=body, headers=dict(headers), timeout=SECONDS)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise Unavailable(f"{url} does not do what it is asked: {error}.", retry_after=60) from None
    return answer
