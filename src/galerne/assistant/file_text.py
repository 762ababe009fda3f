"""The program that reads the text of files, confined to a process of its own: a stranger may have made them.

What a file is shows in its first bytes, whatever it is called. Nothing of its text is left out silently: headers,
footers and comments of Word files are no part of it, and neither are pictures.
"""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docx
import pypdf
from docx.document import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from galerne.prompt.confined import serve

PDF = b"%PDF-"
ZIP = b"PK\x03\x04"
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
WORD_BODY = "word/document.xml"
MOST_UNPACKED = 100 << 20
"""Bytes that a Word file may unpack to."""
MOST_PARTS = 10_000
"""Files in a Word file."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Refused(Exception):
    """The file cannot be read; the message says why."""


def reply(question: dict[str, Any]) -> dict[str, Any]:
    """A "text", with its "encoding" or its "pages", or why it was "refused"."""
    data = base64.b64decode(question["data"])
    try:
        return _read(data, question["most"])
    except Refused as refusal:
        return {"refused": str(refusal)}


def _read(data: bytes, most: int) -> dict[str, Any]:
    if PDF in data[:1024]:
        return _pdf(data, most)
    if data.startswith(ZIP):
        return {"text": _joined(_word(data), most), "kind": "docx"}
    if data.startswith(OLD_OFFICE):
        raise Refused("it is a file of an old Office: save it as .docx or PDF.")
    text, encoding = _decoded(data)
    return {"text": _joined(iter([text]), most), "kind": "text", "encoding": encoding}


def _pdf(data: bytes, most: int) -> dict[str, Any]:
    with _parsing("PDF"):
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused("it is protected by a password.")
        text = _joined((page.extract_text() for page in reader.pages), most)
        pages = len(reader.pages)
    if not text.strip():
        raise Refused("it has no text, only pictures of it perhaps: use one that was read by OCR.")
    return {"text": text, "kind": "pdf", "pages": pages}


def _word(data: bytes) -> Iterator[str]:
    """Its paragraphs; a table's rows are a line each."""
    with _parsing("Word file"):
        _check_parts(data)
        document: Document = docx.Document(io.BytesIO(data))
        for block in document.iter_inner_content():
            yield from [block.text] if isinstance(block, Paragraph) else _rows(block)


@contextmanager
def _parsing(kind: str) -> Iterator[None]:
    """Whatever a parser stumbles over, it is the file that is wrong."""
    try:
        yield
    except (Refused, MemoryError, GeneratorExit):
        raise
    except Exception as error:
        raise Refused(f"it is not a {kind} that can be read: {str(error)[:200] or type(error).__name__}.") from None


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        yield " | ".join(cell.text.replace("\n", " ") for cell in row.cells)


def _check_parts(data: bytes) -> None:
    """What an archive says of its parts; the process's memory bounds those that lie."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if WORD_BODY not in archive.namelist():
            raise Refused("it is an archive, but no Word file: attach what is in it.")
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise Refused(f"it unpacks to more than {MOST_UNPACKED >> 20} MiB.")


def _decoded(data: bytes) -> tuple[str, str]:
    """A text, and how it is written."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _checked(data[len(mark) :], encoding), encoding
    try:
        return _checked(data, "utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _checked(data, "latin-1"), "latin-1"


def _checked(data: bytes, encoding: str) -> str:
    """Raises `UnicodeDecodeError` for what is no UTF-8."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            raise
        raise Refused(f"it says that it is {encoding}, and is not.") from None
    if encoding == "latin-1":
        text = "".join(map(_windows, text)) if any("\x80" <= letter <= "\x9f" for letter in text) else text
    if _CONTROL.search(text):
        raise Refused("it is neither text, nor PDF, nor Word (.docx).")
    return text


def _windows(letter: str) -> str:
    """What Windows has where Latin-1 has control characters."""
    return bytes([ord(letter)]).decode("cp1252", errors="replace") if letter <= "\xff" else letter


def _joined(pieces: Iterator[str], most: int) -> str:
    """Lines end as on Unix. Raises `Refused` as soon as it is too long."""
    parts: list[str] = []
    length = 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece) + 1
        if length > most + 1:
            raise Refused(f"its text has more than {most} characters.")
    return "\n".join(parts).replace("\r\n", "\n").replace("\r", "\n")


if __name__ == "__main__":
    serve(reply)
