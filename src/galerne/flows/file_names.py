"""The name that a client gives a file -> one that is safe to show, to keep and to send back."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

from galerne.errors import InvalidRequest

LONGEST = 255
"""Characters."""

BINARY = "application/octet-stream"
_media_type = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_escapes = {"%22": '"', "%0D": "\r", "%0A": "\n"}  # what forms write for these: WHATWG HTML, multipart/form-data


def clean_name(sent: str) -> str:
    """The last part of a path, without what is invisible or turns the direction of text. Raises `InvalidRequest`."""
    for escape, character in _escapes.items():
        sent = sent.replace(escape, character)
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", sent))[-1]
    name = "".join(character for character in last if not _unwanted(character)).strip()
    if name.strip(".") == "":
        raise InvalidRequest("the file has no name.", where="file", hint="Send it with a `filename`.")
    if len(name) > LONGEST:
        raise InvalidRequest(f"its name has {len(name)} characters; {LONGEST} are possible.", where="file")
    return name


def media_type_of(sent: str, name: str) -> str:
    """The type as it was sent, or as the name tells it."""
    sent = sent.partition(";")[0].strip().lower()
    if _media_type.fullmatch(sent):
        return sent
    return mimetypes.guess_type(name)[0] or BINARY


def _unwanted(character: str) -> bool:
    """Controls, marks that change the direction of what follows, halves of characters, and what has no meaning."""
    return unicodedata.category(character) in ("Cc", "Cs", "Cn") or character in _BIDI


_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
