"""What is told of an invoice, over HTTP and in the terminal."""

from __future__ import annotations

from dataclasses import asdict

from galerne.ledger.invoices import Invoice, spelled
from galerne.protocol.invoices import InvoiceCard, InvoiceLine


def invoice_card(invoice: Invoice) -> InvoiceCard:
    body = invoice.body
    return InvoiceCard(
        number=invoice.number,
        kind=body.kind.value,
        workspace=body.workspace,
        period=body.period,
        issued=body.issued,
        due=body.due,
        lines=[InvoiceLine(**asdict(line)) for line in body.lines],
        net_cents=body.net_cents,
        vat_percent=spelled(body.vat.basis_points),
        vat_mention=body.vat.mention,
        vat_cents=body.vat_cents,
        total_cents=body.total_cents,
        credits=body.credits,
    )
