"""A log that nobody can change unseen."""

from __future__ import annotations

import json

import pytest

from galerne.ledger.canonical import canonical
from galerne.ledger.chain import EMPTY, Head, append, faults
from galerne.ledger.signing import SIGNATURE, SigningKey

KEY = SigningKey.generate()


def written(count: int) -> tuple[list[dict], Head]:
    head, records = EMPTY, []
    for number in range(count):
        record, head = append(head, {"what": f"record {number}", "amount": number}, KEY)
        records.append(json.loads(record))
    return records, head


def found(records, heads=()) -> list[int]:
    return [fault.index for fault in faults(records, KEY.public, heads)]


def test_a_log_as_it_was_written_has_no_fault() -> None:
    records, head = written(50)
    assert found(records, [head, EMPTY]) == []
    assert found([]) == []


@pytest.mark.parametrize("names", [(), ("a",), ("z",), ("\U0001f600", "signaturf", "Signature")])
def test_a_line_is_the_canonical_json_of_the_signed_document(names: tuple[str, ...]) -> None:
    document = {name: {"b": [1, None], "a": name} for name in names if name != SIGNATURE}
    assert KEY.signed(document) == canonical(KEY.sign(document))
    assert KEY.public.verifies(json.loads(KEY.signed(document)))


@pytest.mark.parametrize(
    ("change", "places"),
    [
        (lambda log: log[:7] + log[8:], [7]),  # deleted
        (lambda log: log[7:], [0]),
        (lambda log: [*log[:7], log[8], log[7], *log[9:]], [7, 9]),  # swapped: where one is missing, and where it is
        (lambda log: [*log[:8], log[7], *log[8:]], [8]),  # repeated
        (lambda log: [*log[:7], None, *log[8:]], [7]),  # unreadable
        (lambda log: [*log[:7], {**log[7], "amount": 8}, *log[8:]], [7]),  # edited
        (lambda log: [*log[:7], {**log[7], "amount": 8}, log[8], *log[10:]], [7, 9]),
    ],
)
def test_what_was_done_is_found_where_it_was_done_and_nowhere_else(change, places) -> None:
    records, _ = written(20)
    assert found(change(records)) == places


def test_a_cut_tail_is_found_by_a_head_that_was_kept() -> None:
    records, head = written(20)
    assert found(records[:15]) == []
    assert found(records[:15], [head]) == [15]


def test_a_log_written_anew_by_the_holder_of_the_key_does_not_fit_the_heads() -> None:
    records, head = written(20)
    other, _ = written(19)
    forged, _ = append(Head(19, "f" * 64), {"what": "never happened"}, KEY)
    assert found([*other, json.loads(forged)], [head]) == [19]
    assert found(records, [Head(10, "0" * 64)]) == [9]


def test_another_key_s_records_are_no_records() -> None:
    records, _ = written(3)
    record, _ = append(EMPTY, {"what": "forged"}, SigningKey.generate())
    assert found([json.loads(record), *records[1:]])[0] == 0
