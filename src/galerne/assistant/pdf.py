"""A branch of a chat on paper: PDF, A4, with every letter that the Union's languages have, in a font that is embedded.

Markdown stays as it was written. What the font lacks (emoji, other scripts) is named by its place in Unicode,
[U+1F600], so that nothing is lost: the other forms of export have it as it is. The document's metadata says that a
model made a part of it, in IPTC's words (XMP).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import as_file, files
from itertools import groupby
from xml.sax.saxutils import escape

from fpdf import FPDF, Align
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from galerne.assistant.headings import headings_in
from galerne.protocol.chat_exports import TRAINED, ExportLanguage
from galerne.protocol.chats import ChatMessage

FONT = "Source Sans Pro"
SIZE, LEADING = 10, 5.0  # points, millimetres

_XMP = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{source}">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{notice}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF>"""


def pdf(title: str | None, line: Sequence[ChatMessage], language: ExportLanguage) -> bytes:
    """The document. Takes a moment: call it from a thread."""
    paper = _Paper(title, language)
    for message in line:
        paper.message(message)
    return bytes(paper.output())


class _Paper(FPDF):
    def __init__(self, title: str | None, language: ExportLanguage) -> None:
        super().__init__(format="A4")
        self._headings = headings_in(language)
        title, notice = title or self._headings.title, self._headings.notice
        self.set_lang(language)
        self.set_margins(20, 18)
        self.set_auto_page_break(True, 20)
        folder = files("font_source_sans_pro") / "files"
        for style, name in (("", "Regular"), ("B", "Bold")):
            with as_file(folder / f"SourceSansPro-{name}.ttf") as path:
                self.add_font(FONT, style, path)
        font = self.fonts[FONT.lower()]
        assert isinstance(font, TTFFont)
        self._letters = frozenset(font.cmap)
        self.set_title(title)
        self.set_subject(notice)
        self.set_keywords("AI-generated")
        self.set_xmp_metadata(_XMP.format(source=TRAINED, title=escape(title), notice=escape(notice)))
        self.set_creation_date(datetime.now(UTC))
        self.add_page()
        self._say(title, size=16, leading=8.0, bold=True)
        self._say(notice)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FONT, size=SIZE - 2)
        self.cell(0, LEADING, f"{self._headings.mark} · {self.page_no()}/{{nb}}", align=Align.C)

    def message(self, message: ChatMessage) -> None:
        self.ln(LEADING)
        self._say(self._headings.of(message), bold=True)
        for file in message.attachments:
            self._say(self._headings.attached.format(name=file.name))
        if message.reasoning:
            self._say(self._headings.reasoning.format(text=message.reasoning), size=SIZE - 2)
        if message.content:
            self._say(message.content)
        for call in message.tool_calls:
            self._say(f"{call.function.name}({call.function.arguments})")

    def _say(self, text: str, *, size: int = SIZE, leading: float = LEADING, bold: bool = False) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        runs = groupby(text, lambda letter: ord(letter) in self._letters or letter == "\n")
        shown = "".join("".join(run) if known else _named(run) for known, run in runs)
        self.multi_cell(0, leading, shown, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _named(letters: Iterable[str]) -> str:
    return f"[{' '.join(f'U+{ord(letter):04X}' for letter in letters)}]"
