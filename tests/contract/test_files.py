"""Files by the official clients: everything that they can say of them, and what they make of the answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mistralai.client import Mistral, errors
from mistralai.client import models as mistral_models
from openai import APIStatusError, NotFoundError, OpenAI, UnprocessableEntityError
from tests.contract.clients import async_openai, mistral, openai

CONTENT = b'{"custom_id": "1", "body": {}}\n{"custom_id": "2", "body": {}}\n'


@pytest.fixture
def by_mistral(server: str) -> Iterator[Mistral]:
    with mistral(server) as client:
        yield client


@pytest.fixture
def by_openai(server: str) -> Iterator[OpenAI]:
    with openai(server) as client:
        yield client


def test_mistral(by_mistral: Mistral, server: str) -> None:
    files = by_mistral.files
    file = files.upload(file={"file_name": "été.jsonl", "content": CONTENT}, purpose="batch", expiry=2)
    assert (file.object, file.filename, file.size_bytes, file.num_lines) == ("file", "été.jsonl", len(CONTENT), 2)
    assert (file.purpose, file.sample_type, file.source) == ("batch", "batch_request", "upload")
    assert (file.visibility, file.expires_at) == ("workspace", file.created_at + 7200)
    found = files.retrieve(file_id=file.id)
    assert (found.id, found.deleted, found.mimetype) == (file.id, False, file.mimetype)
    assert files.download(file_id=file.id).read() == CONTENT
    url = files.get_signed_url(file_id=file.id, expiry=1).url
    assert url.startswith(server)
    assert httpx2.get(url).content == CONTENT
    deleted = files.delete(file_id=file.id)
    assert (deleted.id, deleted.deleted) == (file.id, True)
    assert httpx2.get(url).status_code == 404
    with pytest.raises(errors.SDKError, match="there is no file"):
        files.retrieve(file_id=file.id)


async def test_mistral_async(server: str, tmp_path: Path) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(b"%PDF" * 100_000)
    async with mistral(server) as client:
        with path.open("rb") as content:
            upload: Any = mistral_models.File(fileName=path.name, content=content)
            file = await client.files.upload_async(file=upload, purpose="ocr")
        assert (file.size_bytes, file.mimetype, file.sample_type) == (400_000, "application/pdf", "ocr_input")
        assert (await client.files.retrieve_async(file_id=file.id)).num_lines is None
        download = await client.files.download_async(file_id=file.id)
        assert await download.aread() == path.read_bytes()
        assert (await client.files.get_signed_url_async(file_id=file.id)).url.startswith(server)
        assert (await client.files.list_async(purpose="ocr")).data[0].id == file.id
        assert (await client.files.delete_async(file_id=file.id)).deleted


def test_mistral_lists(by_mistral: Mistral) -> None:
    files = by_mistral.files
    kept = [files.upload(file={"file_name": f"list {number}.txt", "content": b"x"}).id for number in range(3)]
    page = files.list(page_size=2, search="LIST", source=["upload"], mimetypes=["text/plain"], sample_type=["other"])
    assert (page.total, [file.id for file in page.data]) == (3, kept[:0:-1])
    page = files.list(page=1, page_size=2, search="list", include_total=False)
    assert ([file.id for file in page.data], page.total or None) == ([kept[0]], None)
    assert files.list(purpose="fine-tune", search="list").data == []
    for id in kept:
        files.delete(file_id=id)


def test_openai(by_openai: OpenAI) -> None:
    files = by_openai.files
    file = files.create(
        file=("requests.jsonl", io.BytesIO(CONTENT)),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (file.object, file.filename, file.bytes, file.purpose) == ("file", "requests.jsonl", len(CONTENT), "batch")
    assert (file.status, file.expires_at) == ("processed", file.created_at + 3600)
    assert files.retrieve(file.id) == file
    assert files.wait_for_processing(file.id).status == "processed"
    assert files.content(file.id).read() == CONTENT
    deleted = files.delete(file.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (file.id, "file", True)
    with pytest.raises(NotFoundError, match="there is no file") as refusal:
        files.content(file.id)
    assert refusal.value.param == "file_id"


async def test_openai_async(server: str, tmp_path: Path) -> None:
    path = tmp_path / "données.bin"
    path.write_bytes(bytes(range(256)))
    async with async_openai(server) as client:
        file = await client.files.create(file=path, purpose="user_data")
        assert (file.filename, file.expires_at) == ("données.bin", None)
        assert (await client.files.content(file.id)).content == path.read_bytes()
        async with client.files.with_streaming_response.content(file.id) as response:
            assert b"".join([piece async for piece in response.iter_bytes(100)]) == path.read_bytes()
        assert (await client.files.delete(file.id)).deleted


def test_openai_goes_through_its_pages(by_openai: OpenAI) -> None:
    files = by_openai.files
    kept = [files.create(file=(f"{number}.txt", b"x"), purpose="evals").id for number in range(5)]
    assert [file.id for file in files.list(purpose="evals", limit=2)] == kept[::-1]
    assert [file.id for file in files.list(purpose="evals", limit=2, order="asc")] == kept
    assert [file.id for file in files.list(purpose="evals", after=kept[1])] == [kept[0]]
    for id in kept:
        files.delete(id)


async def test_openai_goes_through_its_pages_async(server: str) -> None:
    async with async_openai(server) as client:
        kept = [(await client.files.create(file=(f"{n}.txt", b"x"), purpose="vision")).id for n in range(3)]
        assert [file.id async for file in client.files.list(purpose="vision", limit=1)] == kept[::-1]
        for id in kept:
            await client.files.delete(id)


def test_what_is_refused_is_understood(by_mistral: Mistral, by_openai: OpenAI) -> None:
    with pytest.raises(errors.SDKError, match="purpose"):
        by_mistral.files.upload(file={"file_name": "a", "content": b"x"}, purpose="ransom")
    with pytest.raises(errors.SDKError, match="visibility: this version does not implement it"):
        by_mistral.files.upload(file={"file_name": "a", "content": b"x"}, visibility="user")
    with pytest.raises(UnprocessableEntityError, match="expires_after") as refusal:
        by_openai.files.create(file=("a", b"x"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 1})
    assert refusal.value.code == "invalid_request"


def test_a_file_that_is_too_large(by_openai: OpenAI) -> None:
    with pytest.raises(APIStatusError, match="larger than") as refusal:
        by_openai.files.create(file=("a", bytes((513 << 20) + 1)), purpose="batch")
    assert refusal.value.status_code == 413
