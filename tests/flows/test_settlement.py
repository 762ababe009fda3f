"""What an answer came to: energy that was measured, estimated, or is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from galerne.engine.events import EndReason, Work
from galerne.flows.meter import Account, Claim
from galerne.flows.settlement import Settlement
from galerne.identity.caller import Caller
from galerne.ledger.energy import Grid, Power
from galerne.ledger.prices import Kind, PriceList
from galerne.ledger.usage import Reservation

NOW = datetime(2026, 11, 25, 15, 4, 30, tzinfo=UTC)
CLAIM = Claim("a", "/v1/x", Caller("town"), "m", "d", "t", "f", ((1, 2, 3),), Kind.INPUT, 12, 10)
RESERVATION = Reservation("a", "o", "town", None, "k", "/v1/x", "m", 3, 10, 9, NOW, "j", 0, "d", None, "e", "p")
SETTLEMENT = Settlement(b"secret", Power(8, 4, 15), Grid(36.0, 2024, "the operator"))
WORK = Work(3, 0, 1, cpu_seconds=0.5, joules=7.0)


def settled(*work: Work):
    accounts = [Account(f"a-{number}", "m", "d", EndReason.STOP, each, (number,)) for number, each in enumerate(work)]
    return SETTLEMENT.of(RESERVATION, CLAIM, accounts, PriceList(), NOW)


def test_what_the_machine_counted_is_measured() -> None:
    used, receipt = settled(WORK, WORK)
    assert (receipt["energy"]["method"], receipt["energy"]["millijoules"]) == ("measured", 14_000)
    assert receipt["energy"]["co2_micrograms"] == 140  # 14 J are 1/257,143 kWh
    assert (used.millijoules, used.cpu_microseconds) == (14_000, 1_000_000)


@pytest.mark.parametrize(
    ("changes", "method", "millijoules"),
    [
        ({"joules": None}, "estimated", 8_000),
        ({"joules": None, "cpu_seconds": None}, "unknown", None),
        ({"cpu_seconds": None}, "measured", 14_000),
    ],
)
def test_what_is_not_known_of_one_choice_is_not_known_of_the_answer(changes, method, millijoules) -> None:
    used, receipt = settled(WORK, replace(WORK, **changes))
    assert (receipt["energy"]["method"], receipt["energy"]["millijoules"]) == (method, millijoules)
    assert used.millijoules == millijoules


def test_choices_are_in_order_however_many_there_are() -> None:
    work = [WORK] * 12
    _, receipt = settled(*work)
    answers = [[number] for number in range(12)]
    assert receipt["answer_digest"] == SETTLEMENT.digest("a", answers)


def test_the_worst_end_is_the_answer_s() -> None:
    for reasons, worst in (
        ([EndReason.STOP, EndReason.LENGTH], "length"),
        ([EndReason.REFUSED, EndReason.CANCELLED], "refused"),
        ([EndReason.FAILED, EndReason.REFUSED], "failed"),
    ):
        accounts = [Account(f"a-{number}", "m", "d", reason, WORK) for number, reason in enumerate(reasons)]
        used, _ = SETTLEMENT.of(RESERVATION, CLAIM, accounts, PriceList(), NOW)
        assert used.reason == worst
