"""An invoice on paper: PDF, A4, with every letter that the Union's languages have, in a font that is embedded.

The same invoice gives the same bytes, so it can be made whenever somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files

from fpdf import FPDF, Align, FontFace
from fpdf.enums import TableBordersLayout, XPos, YPos

from galerne.ledger.invoices import Invoice, InvoiceKind, spelled
from galerne.ledger.vat import Party

FONT = "Source Sans Pro"
TITLES = {InvoiceKind.INVOICE: "Invoice / Facture", InvoiceKind.CREDIT_NOTE: "Credit note / Avoir"}
SIZE, LEADING = 9, 4.6  # points, millimetres


def invoice_pdf(invoice: Invoice) -> bytes:
    """The document."""
    pdf, body = _Paper(invoice), invoice.body
    pdf.title_block()
    pdf.parties(body.seller, body.buyer)
    pdf.positions()
    pdf.totals()
    for mention in filter(None, (body.vat.mention, *body.mentions)):
        pdf.say(mention)
    return bytes(pdf.output())


class _Paper(FPDF):
    def __init__(self, invoice: Invoice) -> None:
        super().__init__(format="A4")
        self._invoice = invoice
        self.set_margins(18, 16)
        self.set_auto_page_break(True, 20)
        folder = files("font_source_sans_pro") / "files"
        for style, name in (("", "Regular"), ("B", "Bold")):
            with as_file(folder / f"SourceSansPro-{name}.ttf") as path:
                self.add_font(FONT, style, path)
        self.set_font(FONT, size=SIZE)
        self.set_title(invoice.number)
        self.set_author(invoice.body.seller.name)
        self.set_lang("en")
        self.set_creation_date(invoice.booked)
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FONT, size=SIZE - 1)
        text = f"{self._invoice.body.seller.name} · {self._invoice.number} · {self.page_no()}/{{nb}}"
        self.cell(0, LEADING, text, align=Align.C)
        self.set_font(FONT, size=SIZE)

    def title_block(self) -> None:
        body = self._invoice.body
        self.set_font(FONT, "B", 16)
        self.say(f"{TITLES[body.kind]} {self._invoice.number}", height=9)
        self.set_font(FONT, size=SIZE)
        self.say(f"Date of issue / Date d'émission: {body.issued}")
        self.say(f"Period of supply / Période de prestation: {body.period}")
        if body.credits is not None:
            self.say(f"Takes back the invoice / Annule la facture {body.credits}")
        else:
            self.say(f"Due / Échéance: {body.due}")
        self.ln(LEADING)

    def parties(self, seller: Party, buyer: Party) -> None:
        top, half = self.get_y(), self.epw / 2
        bottoms = []
        for left, title, party in ((0.0, "Seller / Vendeur", seller), (half, "Buyer / Client", buyer)):
            self.set_xy(self.l_margin + left, top)
            self.set_font(FONT, "B")
            self.cell(half, LEADING, title, new_x=XPos.LEFT, new_y=YPos.NEXT)
            self.set_font(FONT)
            self.multi_cell(half - 6, LEADING, "\n".join(_lines(party)), align=Align.L)
            bottoms.append(self.get_y())
        self.set_xy(self.l_margin, max(bottoms))
        self.ln(LEADING)

    def positions(self) -> None:
        rows = [
            (line.text, _count(line.tokens), line.euros_per_million or "", spelled(line.cents))
            for line in self._invoice.body.lines
        ]
        head = ("Service / Désignation", "Tokens", "EUR per million / par million", "EUR net / HT")
        self._table((head, *rows), (85, 27, 35, 27))

    def totals(self) -> None:
        body = self._invoice.body
        head = ("VAT rate / Taux de TVA", "EUR net / HT", "EUR VAT / TVA", "EUR total / TTC")
        rate = f"{spelled(body.vat.basis_points)} %"
        amounts = tuple(map(spelled, (body.net_cents, body.vat_cents, body.total_cents)))
        self._table((head, (rate, *amounts), ("Total", *amounts)), (85, 27, 35, 27), last_bold=True)

    def say(self, text: str, height: float = LEADING) -> None:
        self.multi_cell(0, height, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(self, rows: Sequence[Sequence[str]], widths: Sequence[int], *, last_bold: bool = False) -> None:
        align = (Align.L, Align.R, Align.R, Align.R)
        with self.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=tuple(widths),
            line_height=LEADING,
            padding=1,
            text_align=align,
            headings_style=FontFace(emphasis="BOLD"),
        ) as table:
            for place, cells in enumerate(rows):
                row = table.row(style=FontFace(emphasis="BOLD") if last_bold and place == len(rows) - 1 else None)
                for cell in cells:
                    row.cell(cell)
        self.ln(LEADING)


def _lines(party: Party) -> list[str]:
    lines = [party.name, *party.address.splitlines(), party.country]
    if party.registration is not None:
        lines.append(party.registration)
    if party.vat_number is not None:
        lines.append(f"VAT / TVA {party.vat_number}")
    return lines


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
