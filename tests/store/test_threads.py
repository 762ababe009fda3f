"""Threads: what is said stays, in order, where it was said; and is gone when nobody can come to it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select
from tests.store.side_by_side import side_by_side

from galerne.agents.threads import Lease, Thread, new_id, now
from galerne.errors import Busy, NotFound
from galerne.protocol.entries import Entry, MessageInputEntry, MessageOutputEntry
from galerne.protocol.metadata import Described
from galerne.store.database import Database
from galerne.store.entries import entries
from galerne.store.labels import labels
from galerne.store.threads import SqlThreads


class About(Described):
    title: str = ""


@pytest.fixture
def threads(database: Database) -> SqlThreads[About]:
    return SqlThreads(database, "conversation", About)


def said(*texts: str) -> list[Entry]:
    return [MessageInputEntry(id=new_id("msg"), created_at=now(), role="user", content=text) for text in texts]


def texts(entries: Sequence[Entry]) -> list[object]:
    return [entry.content for entry in entries if isinstance(entry, MessageInputEntry | MessageOutputEntry)]


def open_thread(
    threads: SqlThreads[About],
    *entries: Entry,
    head: str | None = None,
    workspace: str = "ours",
    lease: Lease | None = None,
    **metadata: object,
) -> Thread[About]:
    thread = Thread(new_id("conv"), workspace, now(), now(), head, About(title="one", metadata=metadata or None))
    lease = lease or Lease.new(60)
    threads.open(thread, entries, lease)
    threads.finish(thread.id, lease, [])
    return threads.find(workspace, thread.id)


def add(threads: SqlThreads[About], thread: Thread[About], *entries: Entry) -> Thread[About]:
    lease = Lease.new(60)
    threads.claim(thread.workspace, thread.id, lease)
    assert threads.finish(thread.id, lease, entries)
    return threads.find(thread.workspace, thread.id)


def test_entries_come_back_as_they_were_and_in_order(threads: SqlThreads[About]) -> None:
    first = said("one", "tw\0 é \U0001f300")
    thread = open_thread(threads, *first)
    answer = MessageOutputEntry(id=new_id("msg"), created_at=now(), content="three", model="m")
    thread = add(threads, thread, answer)
    assert threads.history(thread.head) == [*first, answer]
    assert thread.about == About(title="one")
    assert thread.leased_until is None


def test_an_empty_thread_has_no_history(threads: SqlThreads[About]) -> None:
    assert threads.history(open_thread(threads).head) == []


def test_a_thread_that_begins_in_another_shares_its_beginning_alone(threads: SqlThreads[About]) -> None:
    one, two, three = said("one", "two", "three")
    old = open_thread(threads, one, two, three)
    new = open_thread(threads, *said("other"), head=two.id)
    old = add(threads, old, *said("four"))
    assert texts(threads.history(new.head)) == ["one", "two", "other"]
    assert texts(threads.history(old.head)) == ["one", "two", "three", "four"]


def test_what_is_deleted_takes_along_what_nobody_else_can_come_to(
    database: Database, threads: SqlThreads[About]
) -> None:
    one, two, three = said("one", "two", "three")
    old = open_thread(threads, one, two, three, colour="red")
    new = open_thread(threads, *said("other"), head=two.id)
    threads.delete("ours", old.id)
    assert texts(threads.history(new.head)) == ["one", "two", "other"]
    assert texts(threads.history(three.id)) == []
    threads.delete("ours", new.id)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(entries)).scalar() == 0
        assert connection.execute(select(func.count()).select_from(labels)).scalar() == 0
    with pytest.raises(NotFound):
        threads.find("ours", old.id)


def test_a_thread_that_ends_inside_another_keeps_what_it_has(threads: SqlThreads[About]) -> None:
    one, two = said("one", "two")
    whole = open_thread(threads, one, two)
    beginning = open_thread(threads, head=one.id)
    threads.delete("ours", whole.id)
    assert texts(threads.history(beginning.head)) == ["one"]


@pytest.mark.parametrize("id", ["conv_none", "", "nul\0", "conv_'--"])
def test_what_is_not_there_or_not_ours_is_not_found(threads: SqlThreads[About], id: str) -> None:
    theirs = open_thread(threads, workspace="theirs")
    for wanted in (id, theirs.id):
        with pytest.raises(NotFound):
            threads.find("ours", wanted)
        with pytest.raises(NotFound):
            threads.claim("ours", wanted, Lease.new(60))
        with pytest.raises(NotFound):
            threads.delete("ours", wanted)
    assert threads.find("theirs", theirs.id).leased_until is None
    assert threads.page("ours", 0, 10, {}) == []


def test_kinds_do_not_see_each_other(database: Database, threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    with pytest.raises(NotFound):
        SqlThreads(database, "response", About).claim("ours", thread.id, Lease.new(60))
    assert threads.find("ours", thread.id).leased_until is None


def test_one_turn_at_a_time_adds(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    mine, other = Lease.new(60), Lease.new(60)
    threads.claim("ours", thread.id, mine)
    with pytest.raises(Busy):
        threads.claim("ours", thread.id, other)
    assert not threads.add(thread.id, other, said("no"))
    assert not threads.finish(thread.id, other, said("no"))
    assert threads.add(thread.id, mine, said("one"))
    assert threads.finish(thread.id, mine, said("two"))
    assert texts(threads.history(threads.claim("ours", thread.id, other).head)) == ["one", "two"]


def test_the_lease_of_who_died_runs_out_unless_it_is_renewed(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    dead = Lease("dead", time.time() - 1)
    threads.claim("ours", thread.id, dead)
    threads.renew(thread.id, dead.renewed(60))
    with pytest.raises(Busy):
        threads.claim("ours", thread.id, Lease.new(60))
    threads.renew(thread.id, dead)
    threads.claim("ours", thread.id, Lease.new(60))
    threads.renew(thread.id, dead.renewed(60))
    assert not threads.add(thread.id, dead, said("too late"))


def test_of_many_who_want_to_add_at_once_one_does(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    done, refused = [], []

    def turn(name: str) -> None:
        lease = Lease.new(60)
        try:
            threads.claim("ours", thread.id, lease)
        except Busy:
            refused.append(name)
        else:
            done.append(name)
            threads.add(thread.id, lease, said(name))

    side_by_side(turn, [f"turn {number}" for number in range(8)])
    assert (len(done), len(refused)) == (1, 7)
    assert texts(threads.history(threads.find("ours", thread.id).head)) == done


def test_what_is_deleted_during_a_turn_does_not_come_back(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    lease = Lease.new(60)
    threads.claim("ours", thread.id, lease)
    threads.delete("ours", thread.id)
    assert not threads.add(thread.id, lease, said("too late"))


def test_what_is_kept_besides_is_replaced(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads)
    lease = Lease.new(60)
    threads.claim("ours", thread.id, lease)
    threads.finish(thread.id, lease, [], About(title="two"))
    assert threads.find("ours", thread.id).about == About(title="two")


def test_a_page_has_the_newest_first_and_those_with_all_labels(threads: SqlThreads[About]) -> None:
    a = open_thread(threads, colour="red", size=1)
    b = open_thread(threads, colour="red", **{'"odd\0 name': {"deep": [1.5, None, True]}})
    c = open_thread(threads, colour="1")

    def page(first: int, most: int, **labels: object) -> list[str]:
        return [thread.id for thread in threads.page("ours", first, most, labels)]

    assert page(0, 10) == [c.id, b.id, a.id]
    assert page(1, 1) == [b.id]
    assert page(5, 5) == []
    assert page(0, 10, colour="red") == [b.id, a.id]
    assert page(0, 10, colour="red", size=1) == [a.id]
    assert page(0, 10, **{'"odd\0 name': {"deep": [1.5, None, True]}}) == [b.id]
    assert page(0, 10, colour=1) == []
    assert page(0, 10, nothing=None) == []


def test_a_long_history_is_read_and_deleted(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads, *said(*map(str, range(3000))))
    assert texts(threads.history(thread.head)) == list(map(str, range(3000)))
    threads.delete("ours", thread.id)
    assert threads.history(thread.head) == []


def test_what_was_deleted_meanwhile_is_not_gone_on_from(threads: SqlThreads[About]) -> None:
    thread = open_thread(threads, *said("one"))
    threads.delete("ours", thread.id)
    with pytest.raises(Busy):
        open_thread(threads, *said("two"), head=thread.head)
    assert threads.page("ours", 0, 10, {}) == []
