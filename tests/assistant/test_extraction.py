"""Files become text, whoever made them: what is wrong with one is said, and nothing hangs or grows."""

from __future__ import annotations

import io
import zipfile
import zlib

import docx
import pytest
from fpdf import FPDF

from galerne.assistant.extraction import Extraction
from galerne.assistant.file_text import WORD_BODY
from galerne.errors import InvalidRequest

SECONDS = 5.0
BODY = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">{}</w:document>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "{}">{}]>'.format(
    "ha" * 1000, "".join(f'<!ENTITY {b} "{f"&{a};" * 50}">' for a, b in zip("abcdefg", "bcdefgh", strict=True))
)


def pdf(*pages: str, password: str | None = None) -> bytes:
    document = FPDF()
    document.set_font("helvetica")
    for page in pages:
        document.add_page()
        document.multi_cell(0, text=page)
    if password:
        document.set_encryption(owner_password="owner", user_password=password)
    return bytes(document.output())


def raw_pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, the first one its root."""
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + head + table + end


def paged_pdf(content: bytes) -> bytes:
    return raw_pdf(
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 9 9] /Resources <<>>>>",
        b"<</Length %d /Filter /FlateDecode>>\nstream\n%s\nendstream" % (len(content), content),
    )


def word(*paragraphs: str, table: list[list[str]] | None = None) -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(len(table), len(table[0]))
        for row, cells in enumerate(table):
            for column, text in enumerate(cells):
                grid.cell(row, column).text = text
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_body(body: bytes, times: int = 1) -> bytes:
    """A Word file whose main part is this, so many times."""
    file = io.BytesIO()
    packed = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with zipfile.ZipFile(io.BytesIO(word())) as good, packed as bad:
        for name in good.namelist():
            with bad.open(name, "w", force_zip64=False) as part:
                for _ in range(times if name == WORD_BODY else 1):
                    part.write(body if name == WORD_BODY else good.read(name))
    return file.getvalue()


def lying(archive: bytes) -> bytes:
    """The same, where the directory says that the main part is small."""
    place = archive.rindex(WORD_BODY.encode()) - 46  # its entry: APPNOTE.TXT 4.3.12
    return archive[: place + 24] + (1000).to_bytes(4, "little") + archive[place + 28 :]


def archive(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def extraction() -> Extraction:
    return Extraction(seconds=SECONDS, most_characters=100_000)


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("Où est l'été ?\r\n".encode(), "Où est l'été ?\n", "utf-8"),
        ("\ufeffété".encode(), "été", "utf-8"),
        ("\ufeffété \U0001f300".encode("utf-16-le"), "été \U0001f300", "utf-16-le"),
        ("\ufeffété".encode("utf-16-be"), "été", "utf-16-be"),
        ("a;b\n1;été".encode("latin-1"), "a;b\n1;été", "latin-1"),
        ("“été” €".encode("cp1252"), "“été” €", "latin-1"),
        (b"\x1b[31mred\x0c\n", "\x1b[31mred\x0c\n", "utf-8"),
    ],
)
async def test_texts_are_read_as_they_are_written(
    extraction: Extraction, data: bytes, text: str, encoding: str
) -> None:
    read = await extraction.read(data)
    assert (read.text, read.kind, read.encoding, read.pages) == (text, "text", encoding, None)


async def test_a_pdf_is_read_page_by_page(extraction: Extraction) -> None:
    read = await extraction.read(pdf("Winds at Brest", "Tides"))
    assert (read.text, read.kind, read.pages) == ("Winds at Brest\nTides", "pdf", 2)


async def test_a_word_file_is_read_with_its_tables(extraction: Extraction) -> None:
    read = await extraction.read(word("Winds été", "Tides", table=[["a", "b"], ["1", "2\n3"]]))
    assert (read.text, read.kind) == ("Winds été\nTides\na | b\n1 | 2 3", "docx")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00\x01\x02" * 100, "neither text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither text"),
        (b"\xff\xfea\x00b", "says that it is utf-16-le, and is not"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old Office"),
        (archive(a=b"b"), "no Word file"),
        (archive(a=b"b")[:-30], "not a Word file"),
        (word("x")[:2000], "not a Word file"),
        (with_body(b"<w:document"), "not a Word file"),
        (with_body(b"<x/>"), "not a Word file"),
        (with_body((LAUGHS + BODY.format("&h;")).encode()), "not a Word file"),
        (with_body(BODY.format("<w:body>" + "<w:p>" * 100_000).encode()), "not a Word file"),
        (pdf("x", password="secret"), "protected by a password"),
        (pdf(""), "no text"),
        (pdf("x")[:400], "not a PDF"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 40, "not a PDF"),
        (raw_pdf(b"<</Type /Catalog /Pages 2 0 R>>", b"<</Type /Pages /Kids [2 0 R] /Count 1>>"), "not a PDF"),
        (raw_pdf(b"<</Type /Catalog /Pages 2 0 R>>", b"<</Type /Pages /Kids [1 0 R] /Count 999999999>>"), "no text"),
        (paged_pdf(zlib.compress(b"q " * 1_000_000)), "no text"),
        (paged_pdf(zlib.compress(b"[" * 1_000_000)), "no text"),
        (b"x" * 200_000, "more than 100000 characters"),
        (word("x" * 200_000), "more than 100000 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_read_is_refused(extraction: Extraction, data: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refusal:
        await extraction.read(data)
    assert refusal.value.where == "file"
    assert len(str(refusal.value)) < 1200


async def test_what_unpacks_to_too_much_is_refused(extraction: Extraction) -> None:
    with pytest.raises(InvalidRequest, match="unpacks to more than 100 MiB"):
        await extraction.read(with_body(bytes(1 << 20), 101))
    with pytest.raises(InvalidRequest, match="more memory"):
        await extraction.read(lying(with_body(bytes(1 << 20), 600)))
    squeeze = zlib.compressobj(1)
    squeezed = b"".join([*(squeeze.compress(bytes(1 << 20)) for _ in range(600)), squeeze.flush()])
    with pytest.raises(InvalidRequest):
        await extraction.read(paged_pdf(squeezed))
