"""`/v1/admin/invoices`: from answers to a PDF whose figures are those of the books."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.house import CHAT, question
from tests.api.kept_house import KeptHouse

from galerne.bootstrap import receipts_key
from galerne.flows.invoicing import Invoicing
from galerne.ledger.prices import Kind, Price
from galerne.ledger.usage import receivable
from galerne.store.books import SqlBooks
from galerne.store.invoices import SqlInvoiceBook

INVOICES = "/v1/admin/invoices"
MONTH = f"{datetime.now(UTC):%Y-%m}"
LATER = datetime.now(UTC) + timedelta(days=40)
SELLER = {
    "seller_name": "Galerne SAS",
    "seller_address": "1 rue Haute\n35000 Rennes",
    "seller_vat_number": "FR12345678901",
    "seller_registration": "SIREN 123 456 789",
    "seller_bank": "IBAN FR76 3000 4000 5000 6000 7000 123",
}
BUYER = {"name": "Δήμος Αθηναίων, Столична община, Łódź", "address": "Βασιλέως 1", "country": "FR"}


class House(KeptHouse):
    """Where it is always some weeks later for whoever makes invoices."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        monkeypatch.setattr(Invoicing.__init__, "__defaults__", (lambda: LATER,))
        super().__init__(folder, **SELLER | settings)
        self.books = SqlBooks(self.database, receipts_key(self.settings))
        for kind, nano in ((Kind.INPUT, 2 * 10**8), (Kind.CACHED, 10**8), (Kind.OUTPUT, 10**9)):
            self.books.set_price(Price("fake", kind, date(2026, 1, 1), nano))

    async def put(self, path: str, document: Any) -> Any:
        return await self.client.post(path, document, {"authorization": "Bearer anna"}, method="PUT")

    async def used(self, buyer: dict[str, Any] = BUYER) -> None:
        await self.post(CHAT, question())  # 3 computed, 2 cached, 9 told: 0.6 + 0.2 + 9 euros
        assert (await self.put("/v1/admin/customers/anna", buyer)).status == 200

    async def issue(self, **fields: Any) -> Any:
        return await self.post(INVOICES, {"workspace": "anna", "period": MONTH} | fields)


async def test_a_month_is_invoiced_with_vat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    await house.used()
    invoice = (await house.issue()).json()
    assert invoice["number"] == f"F{LATER.year}-00001"
    assert [(line["text"], line["cents"]) for line in invoice["lines"]] == [
        ("fake: cached tokens", 20),
        ("fake: input tokens", 60),
        ("fake: output tokens", 900),
    ]
    assert (invoice["net_cents"], invoice["vat_cents"], invoice["total_cents"]) == (980, 196, 1176)
    assert house.books.balance()[receivable("anna")] == 1176 * 10**7
    assert (await house.issue()).json()["code"] == "taken"
    assert (await house.get(f"{INVOICES}/{invoice['number']}")).json() == invoice
    assert (await house.get(f"{INVOICES}?workspace=bert")).json()["data"] == []


async def test_what_is_taken_back_can_be_invoiced_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    await house.used()
    first = (await house.issue()).json()
    note = (await house.post(f"{INVOICES}/{first['number']}/credit", {})).json()
    assert (note["number"][0], note["credits"], note["total_cents"]) == ("A", first["number"], -1176)
    assert house.books.balance()[receivable("anna")] == 0
    assert (await house.post(f"{INVOICES}/{note['number']}/credit", {})).status == 422
    buyer = BUYER | {"country": "DE", "vat_number": "DE123456789"}
    await house.put("/v1/admin/customers/anna", buyer)
    again = (await house.issue()).json()
    assert (again["vat_cents"], again["vat_percent"], again["total_cents"]) == (0, "0.00", 980)
    assert "Reverse charge" in again["vat_mention"]
    assert house.books.balance()[receivable("anna")] == 980 * 10**7
    assert sum(house.books.balance().values()) == 0


async def test_a_subscription_includes_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    await house.used()
    plan = {"workspace": "anna", "since": f"{MONTH}-01", "name": "Team", "cents": 5000, "included_tokens": 7}
    assert (await house.post("/v1/admin/plans", plan)).json() == plan
    assert (await house.get("/v1/admin/plans")).json()["data"] == [plan]
    assert (await house.post("/v1/admin/plans", plan | {"since": f"{MONTH}-02"})).status == 422
    invoice = (await house.issue()).json()
    assert invoice["net_cents"] == 5000 + 980 - 490  # 7 of 14 tokens are included
    assert house.books.balance()[receivable("anna")] == invoice["total_cents"] * 10**7


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"period": "2026-13"}, 422), ({"period": f"{LATER:%Y-%m}"}, 422), ({"period": "2026-01"}, 422),
     ({"workspace": "bert"}, 404)],
)  # fmt: skip
async def test_what_cannot_be_invoiced_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], status: int
) -> None:
    house = House(tmp_path, monkeypatch)
    await house.used()
    assert (await house.issue(**fields)).status == status
    assert (await house.get(INVOICES)).json()["data"] == []


async def test_without_a_seller_there_are_no_invoices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch, seller_name=None)
    await house.used()
    answer = await house.issue()
    assert (answer.status, answer.json()["param"]) == (500, "seller_name")


async def test_the_pdf_says_what_the_law_wants_and_what_the_books_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("font_source_sans_pro")
    from pypdf import PdfReader

    house = House(tmp_path, monkeypatch)
    await house.used()
    invoice = (await house.issue()).json()
    printed = await house.get(f"{INVOICES}/{invoice['number']}/pdf")
    assert printed.headers["content-type"] == "application/pdf"
    assert (await house.get(f"{INVOICES}/{invoice['number']}/pdf")).body == printed.body
    reader = PdfReader(io.BytesIO(printed.body))
    text = "\n".join(page.extract_text() for page in reader.pages)
    for said in (
        invoice["number"], invoice["issued"], invoice["due"], invoice["period"], *SELLER["seller_address"].splitlines(),
        SELLER["seller_name"], SELLER["seller_vat_number"], SELLER["seller_registration"], SELLER["seller_bank"],
        *BUYER.values(), "20.00 %", "9.80 1.96 11.76", "fake: output tokens 9 1000000 9.00", "40 euros",
    ):  # fmt: skip
        assert said in text, (said, text)
    assert reader.metadata is not None
    assert reader.metadata.title == invoice["number"]


async def test_a_pdf_that_fails_leaves_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    await house.used()
    number = (await house.issue()).json()["number"]

    def fails(*_: object) -> bytes:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Invoicing, "pdf", fails)
        assert (await house.get(f"{INVOICES}/{number}/pdf")).status == 500
    assert [each["number"] for each in (await house.get(INVOICES)).json()["data"]] == [number]
    assert SqlInvoiceBook(house.database).all()[0].number == number
