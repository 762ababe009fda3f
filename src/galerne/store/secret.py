"""A secret of this installation, made once and kept where only its owner can read it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from galerne.errors import SettingsError

BYTES = 32


def load_secret(path: Path) -> bytes:
    """The secret in this file, which is made first where it is missing. Several processes may come at once.

    Raises `SettingsError`.
    """
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read or written: {error.strerror}.", where="data_dir") from None
    if len(secret) < BYTES:
        raise SettingsError(f"{path} has fewer than {BYTES} bytes.", where="data_dir", hint="Remove it.")
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # whole, and only if nobody was first
    except FileExistsError:
        pass
    finally:
        draft.unlink()
