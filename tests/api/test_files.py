"""`/v1/files` over HTTP: what is kept, what is refused, and that nothing else remains."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.client import Answer, Exchange
from tests.api.kept_house import BERT, BOUNDARY, KeptHouse, field, form, part
from tests.api.test_bodies import assert_refused

from galerne.api.form import _Form
from galerne.errors import InvalidRequest
from galerne.flows.file_names import clean_name


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    """For tests that do not mind what others keep: making an application takes a while."""
    house = KeptHouse(tmp_path_factory.mktemp("shared"))
    yield house
    house.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeptHouse]:
    house = KeptHouse(tmp_path)
    yield house
    house.database.close()


async def assert_nothing_kept(shared: KeptHouse, exchange: Exchange) -> Answer:
    """The answer to an upload that leaves everything as it was."""
    before = shared.contents(), (await shared.get("/v1/files")).json()
    answer = await exchange.answer()
    assert (shared.contents(), (await shared.get("/v1/files")).json()) == before
    return answer


async def test_a_file_comes_back_byte_for_byte(shared: KeptHouse) -> None:
    content = bytes(range(256)) * 1000
    answer = await shared.upload(content, "données.bin", purpose="batch")
    assert answer.status == 200, answer.body
    file = answer.json()
    assert (file["filename"], file["bytes"], file["purpose"]) == ("données.bin", len(content), "batch")
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert (await shared.get(f"/v1/files/{file['id']}")).json() == file
    download = await shared.get(f"/v1/files/{file['id']}/content")
    assert (download.status, download.body) == (200, content)
    assert download.headers["content-type"] == "application/octet-stream"
    assert download.headers["content-disposition"] == "attachment; filename*=utf-8''donn%C3%A9es.bin"
    assert download.headers["x-content-type-options"] == "nosniff"


async def test_content_lies_under_its_id_for_its_owner_alone(house: KeptHouse) -> None:
    file = (await house.upload(name="x.jsonl")).json()
    assert [path.name for path in house.contents()] == [file["id"]]
    assert house.contents()[0].stat().st_mode & 0o077 == 0
    assert (house.folder / "signing.key").stat().st_mode & 0o077 == 0


async def test_deleted_is_gone(shared: KeptHouse) -> None:
    path = f"/v1/files/{(await shared.upload()).json()['id']}"
    assert (await shared.delete(path)).json()["deleted"] is True
    assert not [each for each in shared.contents() if each.name in path]
    for answer in (await shared.get(path), await shared.get(f"{path}/content"), await shared.delete(path)):
        assert_refused(answer, 404, "not_found", "file_id")


@pytest.mark.parametrize("content", [b"", b"\n", b"a", b"a\n", b"a\nb", b"a\r\n\r\nb\n"])
async def test_short_files_and_their_lines(shared: KeptHouse, content: bytes) -> None:
    file = (await shared.upload(content, purpose="batch")).json()
    assert file["num_lines"] == len(content.split(b"\n")) - (content == b"" or content.endswith(b"\n"))
    assert (await shared.get(f"/v1/files/{file['id']}/content")).body == content


@pytest.mark.parametrize(
    ("purpose", "content", "sample_type"),
    [
        ("batch", b"{}", "batch_request"),
        ("ocr", b"%PDF", "ocr_input"),
        ("fine-tune", b'{"messages": []}\n', "instruct"),
        ("fine-tune", b'{"text": "messages"}\n', "pretrain"),
        ("fine-tune", b"[" * 60_000, "pretrain"),
        ("user_data", b"anything", "other"),
    ],
)
async def test_what_a_file_is_made_of(shared: KeptHouse, purpose: str, content: bytes, sample_type: str) -> None:
    assert (await shared.upload(content, purpose=purpose)).json()["sample_type"] == sample_type


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\win.ini", "win.ini"),
        ("C:\\Users\\a\\b.txt", "b.txt"),
        ("/absolute", "absolute"),
        ('quote".txt', 'quote".txt'),
        ("a\r\nSet-Cookie: b=c.txt", "aSet-Cookie: b=c.txt"),
        ("\x00\x1fnul\x7f.txt", "nul.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("exe.\u202etxt.exe", "exe.txt.exe"),
        ("日本語 😀.pdf", "日本語 😀.pdf"),
        ("; filename=other", "; filename=other"),
        ("  spaces  ", "spaces"),
    ],
)
async def test_odd_names_are_kept_safe(shared: KeptHouse, sent: str, kept: str) -> None:
    file = (await shared.upload(name=sent)).json()
    assert file["filename"] == kept
    download = await shared.get(f"/v1/files/{file['id']}/content")
    shown = download.headers["content-disposition"]
    assert shown.isascii()
    assert shown.isprintable()
    assert kept in (unquote(shown.partition("''")[2]), shown.partition('filename="')[2].rstrip('"'))


@pytest.mark.parametrize("name", ["", ".", "..", "a/", "\\", "\r\n", "\u202e", "x" * 256])
async def test_a_name_that_is_none(shared: KeptHouse, name: str) -> None:
    answer = await assert_nothing_kept(shared, shared.send(form(b"x", name)))
    assert_refused(answer, 422, "invalid_request", "file")


@given(st.text())
def test_a_clean_name_is_one_part_of_a_path_and_stays_so(sent: str) -> None:
    try:
        name = clean_name(sent)
    except InvalidRequest:
        return
    assert name.encode()  # whole characters
    assert not set(name) & set("/\\\0\r\n")
    assert name not in (".", "..")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"purpose": "world-domination"}, "invalid_request", "purpose"),
        ({"purpose": ""}, "invalid_request", "purpose"),
        ({"color": "red"}, "unsupported_field", "color"),
        ({"visibility": "user"}, "unsupported_field", "visibility"),
        ({"expiry": "0"}, "invalid_request", "expiry"),
        ({"expiry": "soon"}, "invalid_request", "expiry"),
        ({"expiry": "9" * 5000}, "too_large", "expiry"),
        ({"expires_after__seconds": "3600"}, "invalid_request", None),
        (
            {"expires_after__seconds": "1", "expires_after__anchor": "created_at"},
            "invalid_request",
            "expires_after[seconds]",
        ),
        (
            {"expires_after__seconds": "3600", "expires_after__anchor": "created_at", "expiry": "1"},
            "invalid_request",
            None,
        ),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    shared: KeptHouse, fields: dict[str, str], code: str, param: str | None
) -> None:
    answer = await assert_nothing_kept(shared, shared.send(form(b"x", **fields)))
    assert_refused(answer, 413 if code == "too_large" else 422, code, param)


FILE = b'Content-Disposition: form-data; name="file"; filename="a"'
END = b"--" + BOUNDARY + b"--\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        END,
        field("purpose", "batch") + END,
        part(FILE, b"x") + part(FILE, b"y") + END,
        part(FILE, b"x") + field("purpose", "batch") + field("purpose", "batch") + END,
        part(b'Content-Disposition: form-data; name="file"', b"no name of a file") + END,
        part(b'Content-Disposition: form-data; name="other"; filename="a"', b"x") + END,
        part(b"Content-Type: text/plain", b"no disposition") + END,
        part(b"Content-Disposition", b"no colon") + END,
        part(b"X-Long: " + b"x" * 100_000, b"x") + END,
        part(FILE, b"x"),
        part(FILE, b"x")[:-10],
        b"--" + BOUNDARY + b"\r\n" + FILE,
        b"".join(field(f"f{number}", "x") for number in range(100)) + END,
        field("purpose", "x" * 10_000) + part(FILE, b"x") + END,
    ],
)
async def test_a_form_that_is_none_is_refused_and_nothing_is_kept(shared: KeptHouse, body: bytes) -> None:
    answer = await assert_nothing_kept(shared, shared.send(body))
    assert answer.status in (413, 422), answer.body


@pytest.mark.parametrize(
    "kind",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
async def test_another_content_type(shared: KeptHouse, kind: str) -> None:
    assert_refused(await shared.send(form(b"x"), content_type=kind).answer(), 422, "invalid_request", "content-type")


@given(
    content=st.binary(max_size=200) | st.sampled_from([b"\r\n--" + BOUNDARY[:-1], b"\r\n--", b"\r", b"--" + BOUNDARY]),
    cuts=st.lists(st.integers(0, 600), max_size=20),
)
def test_a_form_may_be_cut_anywhere(content: bytes, cuts: list[int]) -> None:
    body = form(content, purpose="batch")
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    taken = _Form(BOUNDARY)
    received = b"".join(taken.feed(body[start:end]) for start, end in pairwise(places) if end > start)
    assert (received, taken.ended) == (content, True)
    assert taken.fields == {"purpose": b"batch"}


async def test_fields_may_come_after_the_file(shared: KeptHouse) -> None:
    body = part(FILE, b"x") + field("purpose", "batch") + END
    assert (await shared.send(body).answer()).json()["purpose"] == "batch"


async def test_a_file_larger_than_the_limit_is_refused_while_it_comes(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, max_file_mb=1)
    announced = house.send(form(b"x" * (3 << 20)), content_length=str(3 << 20))
    assert_refused(await announced.answer(), 413, "too_large")
    unannounced = house.send(
        *[form(b"x" * (1 << 20) + b"y")[start : start + 65536] for start in range(0, 1 << 21, 65536)]
    )
    assert_refused(await unannounced.answer(), 413, "too_large", "file")
    assert house.contents() == []
    assert (await house.upload(b"x" * (1 << 20))).status == 200
    house.database.close()


async def test_a_client_that_leaves_half_way_leaves_nothing(house: KeptHouse) -> None:
    exchange = house.send(form(b"x" * 100_000)[:50_000], ends=False)
    while not house.contents():
        await asyncio.sleep(0.01)
    await exchange.leave()
    assert house.contents() == []


async def test_a_client_that_dawdles_is_told_so(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, upload_seconds=0.05)
    exchange = house.send(form(b"x"), ends=False)
    assert_refused(await exchange.answer(), 408, "too_slow")
    assert house.contents() == []
    house.database.close()


async def test_a_full_disk_is_said_and_nothing_remains(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, disk_reserve_mb=2**40)
    assert_refused(await house.upload(), 507, "disk_full")
    assert house.contents() == []
    house.database.close()


async def test_a_disk_that_fills_while_it_is_written_to(house: KeptHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("galerne.store.contents.os.fsync", full)
    assert_refused(await house.upload(), 507, "disk_full")
    assert house.contents() == []
    assert (await house.get("/v1/files")).json()["data"] == []


async def test_a_workspace_has_room_for_so_many_files(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path, max_files=1)
    assert (await house.upload()).status == 200
    assert_refused(await house.upload(), 413, "too_large", "file")
    assert len(house.contents()) == 1
    assert (await house.upload(who=BERT)).status == 200
    house.database.close()


async def test_a_large_file_is_never_in_memory(house: KeptHouse) -> None:
    piece = bytes(1 << 16)
    head, tail = form(b"|").split(b"|")
    await house.upload()  # what the application makes at its first request is not the file's
    exchange = house.send(head, *[piece] * 1024, tail)
    tracemalloc.start()
    try:
        answer = await exchange.answer()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json()["bytes"] == 1 << 26
    assert peak < 1 << 20


@pytest.mark.parametrize(
    "fields", [{"expiry": "1"}, {"expires_after__anchor": "created_at", "expires_after__seconds": "3600"}]
)
async def test_a_file_lives_as_long_as_was_asked(
    house: KeptHouse, fields: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (await house.upload(**fields)).json()
    other = (await house.upload()).json()
    assert file["expires_at"] == file["created_at"] + 3600
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    assert_refused(await house.get(f"/v1/files/{file['id']}"), 404, "not_found", "file_id")
    assert_refused(await house.delete(f"/v1/files/{file['id']}"), 404, "not_found", "file_id")
    assert [each["id"] for each in (await house.get("/v1/files")).json()["data"]] == [other["id"]]
    house.kept.files.tidy()
    assert [path.name for path in house.contents()] == [other["id"]]


async def test_what_a_killed_process_left_is_swept_up(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    kept = (await house.upload()).json()["id"]
    fresh, old = tmp_path / "files" / "file-fresh", tmp_path / "files" / "file-old"
    fresh.touch()
    old.touch()
    for path in (old, tmp_path / "files" / kept):
        os.utime(path, (0, 0))
    house.kept.files.tidy()
    assert [path.name for path in house.contents()] == sorted([kept, "file-fresh"])
    house.database.close()


async def test_a_list_goes_page_by_page_or_from_the_last_one_on(house: KeptHouse) -> None:
    ids = [(await house.upload(name=f"{number}.txt")).json()["id"] for number in range(5)]
    newest = ids[::-1]

    async def listed(query: str) -> list[str]:
        return [file["id"] for file in (await house.get(f"/v1/files?{query}")).json()["data"]]

    assert await listed("") == newest
    assert await listed("order=asc") == ids
    assert await listed("page=0&page_size=2") == newest[:2]
    assert await listed("page=2&page_size=2") == newest[4:]
    assert await listed("page=9&page_size=2") == []
    assert await listed(f"after={newest[1]}&limit=2") == newest[2:4]
    assert await listed(f"after={ids[1]}&order=asc") == ids[2:]
    page = (await house.get("/v1/files?limit=2")).json()
    assert (page["has_more"], page["first_id"], page["last_id"], page["total"]) == (True, newest[0], newest[1], 5)
    page = (await house.get(f"/v1/files?limit=2&after={ids[1]}")).json()
    assert (page["has_more"], page["first_id"]) == (False, ids[0])
    assert "total" not in (await house.get("/v1/files?include_total=false")).json()


async def test_a_list_shows_what_is_asked_for(house: KeptHouse) -> None:
    await house.upload(name="100%.txt", purpose="batch")
    await house.upload(name="Rapport_Été.PDF", purpose="ocr", media_type="application/pdf")

    async def listed(query: str) -> set[str]:
        return {file["filename"] for file in (await house.get(f"/v1/files?{query}")).json()["data"]}

    assert await listed("purpose=batch") == {"100%.txt"}
    assert await listed("purpose=unknown") == set()
    assert await listed("sample_type=ocr_input&sample_type=other") == {"Rapport_Été.PDF"}
    assert await listed("source=upload") == {"100%.txt", "Rapport_Été.PDF"}
    assert await listed("source=mistral") == set()
    assert await listed("mimetypes=application/pdf") == {"Rapport_Été.PDF"}
    assert await listed("search=rapport") == {"Rapport_Été.PDF"}
    assert await listed("search=%25") == {"100%.txt"}
    assert await listed("search=_") == {"Rapport_Été.PDF"}


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("page=-1", "invalid_request", "page"),
        ("page=x", "invalid_request", "page"),
        ("page_size=0", "invalid_request", "page_size"),
        ("limit=100000", "invalid_request", "limit"),
        ("order=random", "invalid_request", "order"),
        ("colour=red", "unsupported_field", "colour"),
        ("search=%00", "invalid_request", "search"),
        ("sample_type=%00", "invalid_request", "sample_type.0"),
        ("page=1&after=file-x", "invalid_request", None),
    ],
)
async def test_a_wrong_query_is_named(shared: KeptHouse, query: str, code: str, param: str | None) -> None:
    assert_refused(await shared.get(f"/v1/files?{query}"), 422, code, param)


async def test_a_list_cannot_go_on_from_what_is_not_there(shared: KeptHouse) -> None:
    theirs = (await shared.upload(who=BERT)).json()["id"]
    for after in (theirs, "file-" + "0" * 32, "nonsense"):
        assert_refused(await shared.get(f"/v1/files?after={after}"), 404, "not_found", "after")


@pytest.mark.parametrize(
    "id", ["nonsense", "file-x", "..", "%2e%2e%2fsigning.key", "%00", "file-" + "f" * 32, "a" * 5000]
)
async def test_an_id_that_is_none(shared: KeptHouse, id: str) -> None:
    for answer in (
        await shared.get(f"/v1/files/{id}"),
        await shared.get(f"/v1/files/{id}/content"),
        await shared.get(f"/v1/files/{id}/url"),
        await shared.delete(f"/v1/files/{id}"),
    ):
        assert answer.status == 404
        assert len(answer.body) < 1500


async def signed(house: KeptHouse, path: str, query: str = "") -> str:
    """The path of a signed link."""
    address = urlsplit((await house.get(f"{path}/url{query}")).json()["url"])
    assert (address.scheme, address.netloc) == ("http", "127.0.0.1:8000")
    return f"{address.path}?{address.query}"


async def test_a_signed_link_needs_no_key(shared: KeptHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/files/{(await shared.upload(b'secret')).json()['id']}"
    link = await signed(shared, path, "?expiry=1")
    assert (await shared.client.get(link)).body == b"secret"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3590)
    assert (await shared.client.get(link)).status == 200
    monkeypatch.setattr(time, "time", lambda: now + 3602)
    assert_refused(await shared.client.get(link), 404, "not_found")


async def test_a_link_leads_to_its_own_file_alone_and_while_it_is_there(house: KeptHouse) -> None:
    mine = (await house.upload(b"mine")).json()["id"]
    theirs = (await house.upload(b"theirs", who=BERT)).json()["id"]
    link = await signed(house, f"/v1/files/{mine}")
    for forged in (
        link.replace(mine, theirs),
        link.replace("expires=", "expires=1"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link[:-1],
        link.partition("signature=")[0] + "signature=",
        link.partition("signature=")[0] + "signature=%F0%9F%98%80",
    ):
        assert_refused(await house.client.get(forged), 404, "not_found")
    await house.delete(f"/v1/files/{mine}")
    assert_refused(await house.client.get(link), 404, "not_found", "file_id")


@pytest.mark.parametrize("expiry", ["0", "169", "-1", "x", "1.5"])
async def test_a_link_lives_an_hour_to_a_week(shared: KeptHouse, expiry: str) -> None:
    path = f"/v1/files/{(await shared.upload()).json()['id']}/url?expiry={expiry}"
    assert_refused(await shared.get(path), 422, "invalid_request", "expiry")


async def test_links_outlive_the_server(tmp_path: Path) -> None:
    first = KeptHouse(tmp_path)
    link = await signed(first, f"/v1/files/{(await first.upload(b'kept')).json()['id']}")
    first.database.close()
    second = KeptHouse(tmp_path)
    assert (await second.client.get(link)).body == b"kept"
    second.database.close()
    stranger = KeptHouse(tmp_path / "elsewhere")
    assert (await stranger.client.get(link)).status == 404
    stranger.database.close()


async def test_content_that_somebody_removed_from_the_disk(house: KeptHouse) -> None:
    path = f"/v1/files/{(await house.upload()).json()['id']}"
    house.contents()[0].unlink()
    assert (await house.get(f"{path}/content")).status == 404
    assert (await house.delete(path)).status == 200


async def test_a_part_of_a_file(shared: KeptHouse) -> None:
    path = f"/v1/files/{(await shared.upload(b'0123456789')).json()['id']}/content"
    answer = await shared.client.get(path, {"authorization": "Bearer anna", "range": "bytes=2-4"})
    assert (answer.status, answer.body) == (206, b"234")
