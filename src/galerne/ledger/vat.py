"""Who pays VAT on a service that is supplied electronically, seen from a seller in one country.

Sources: Directive 2006/112/EC, articles 44 (business customers), 59 (customers outside the Union), 196 (reverse
charge), 226 (what an invoice says), https://eur-lex.europa.eu/eli/dir/2006/112/oj
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
_PREFIX = {"GR": "EL"}  # where a VAT number begins with other letters than the country's code

REVERSE_CHARGE = "Reverse charge / Autoliquidation (Directive 2006/112/EC, article 196)."
OUTSIDE = "Not subject to VAT / TVA non applicable (Directive 2006/112/EC, articles 44 and 59)."


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer, as an invoice names them."""

    name: str
    address: str  # in lines
    country: str  # ISO 3166-1, two letters
    vat_number: str | None = None
    registration: str | None = None  # in the country's register of companies: SIREN, ...

    def problems(self) -> list[str]:
        """What is wrong, as "field: what"."""
        found = []
        if not self.name.strip():
            found.append("name: is missing")
        if not self.address.strip():
            found.append("address: is missing")
        if not re.fullmatch("[A-Z]{2}", self.country):
            found.append("country: is two capital letters")
        if self.vat_number is not None and not self._fits(self.vat_number):
            found.append(f"vat_number: begins with {self._prefix} and goes on with 2 to 13 letters and digits")
        return found

    @property
    def _prefix(self) -> str:
        return _PREFIX.get(self.country, self.country)

    def _fits(self, number: str) -> bool:
        return re.fullmatch(rf"{re.escape(self._prefix)}[0-9A-Z+*]{{2,13}}", number) is not None


@dataclass(frozen=True, slots=True)
class Vat:
    """The rate of an invoice, and what must be said of it."""

    basis_points: int  # hundredths of a per cent
    mention: str | None = None


def vat_for(seller: Party, buyer: Party, basis_points: int, exemption: str | None) -> Vat:
    """`basis_points` is the seller's own rate; with an `exemption`, whose words it is, the seller charges none."""
    if exemption is not None:
        return Vat(0, exemption)
    if buyer.country == seller.country:
        return Vat(basis_points)
    if buyer.country not in EU:
        return Vat(0, OUTSIDE)
    if buyer.vat_number is not None and seller.country in EU:
        return Vat(0, REVERSE_CHARGE)
    return Vat(basis_points)  # a customer who is no business: the seller's rate, below the threshold of article 59c
