"""A log of 200 audit records as it lies in a file: no byte of it can be changed unseen."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from galerne.flows.signed_log import read_records
from galerne.ledger.audit import Action, Event, Party, Retention, event_body
from galerne.ledger.chain import EMPTY, Head, append, faults
from galerne.ledger.sealing import new_seal, opened, sealed
from galerne.ledger.signing import SigningKey

KEY = SigningKey.generate()
START = datetime(2026, 11, 25, tzinfo=UTC)
ANNA = Party("user", "user-anna", {"address": "192.0.2.7"})


def exported(count: int) -> tuple[list[str], list[Head]]:
    """The lines of a log, and its head before each of them and after the last."""
    seal, heads, lines, actions = new_seal(), [EMPTY], [], list(Action)
    for number in range(count):
        event = Event(actions[number % len(actions)], ANNA, details={"number": number})
        actor = sealed(ANNA, seal) if number % 4 == 0 else {"kind": "key", "id": "key-1"}
        time = START + timedelta(minutes=number)
        record, head = append(heads[-1], event_body(event, time, actor, None), KEY)
        lines.append(record.decode() + "\n")
        heads.append(head)
    return lines, heads


def test_every_byte_that_is_changed_names_its_record() -> None:
    """The check goes on from the record that was changed: those before it were not touched."""
    lines, heads = exported(200)
    for index, line in enumerate(lines):
        before, original = heads[index], line.encode()
        for place in range(len(original)):
            flipped = original[place] ^ 1 << place % 8
            changed = original[:place] + bytes([flipped]) + original[place + 1 :]
            records = read_records(io.TextIOWrapper(io.BytesIO(changed), "utf-8", errors="replace", newline="\n"))
            assert next(faults(records, KEY.public, start=before)).index == index, original[place:]


def test_what_is_sealed_opens_with_its_key_alone() -> None:
    seal, other = new_seal(), new_seal()
    party = sealed(ANNA, seal)
    assert opened(party, seal.key) == {
        "kind": "user",
        "id": "user-anna",
        "address": "192.0.2.7",
        "pseudonym": seal.pseudonym,
    }
    assert opened(party, None) == {"kind": "user", "id": seal.pseudonym, "erased": True}
    assert opened(party, other.key)["damaged"]
    assert opened({**party, "id": other.pseudonym}, seal.key)["damaged"]
    assert sealed(ANNA, seal)["sealed"] != party["sealed"]


def test_every_action_has_a_class() -> None:
    assert {action.retention for action in Action} == set(Retention)
