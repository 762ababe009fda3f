"""Chats of a server that is killed in the middle of an answer: what was said is there, and the chat goes on."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.process import HTTP, serve

from galerne.assistant.chats import SAVE_SECONDS


@pytest.fixture
def environment(default_model: Path, kernels_folder: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "GALERNE_MODELS_DIR": str(default_model.parents[1]),
        "GALERNE_KERNELS_DIR": str(kernels_folder),
        "GALERNE_DATA_DIR": str(tmp_path),
        "GALERNE_KV_CACHE_MB": "256",
        "GALERNE_SHUTDOWN_SECONDS": "1",
    }


def events(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line.startswith("data: "))


MANY_NUMBERS = {"type": "array", "minItems": 5000, "items": {"type": "integer"}}
"""An answer that does not end by itself, whatever the model would say."""


def test_a_killed_server_leaves_what_was_said(environment: dict[str, str]) -> None:
    with serve(environment) as served:
        served.until_ready()
        chat = HTTP.post(f"{served.url}/v1/chats", json={}).json()["id"]
        form = {"type": "json_schema", "json_schema": {"name": "numbers", "schema": MANY_NUMBERS}}
        asked = {"content": "Count from 1 to 1000.", "parameters": {"temperature": 0.0, "response_format": form}}
        address = f"{served.url}/v1/chats/{chat}/messages"
        with HTTP.stream("POST", address, json=asked) as response:
            said = events(response)
            answer = next(said)["answer"]["id"]
            heard, until = next(said)["text"], time.monotonic() + 2 * SAVE_SECONDS
            while time.monotonic() < until:
                event = next(said)
                assert event["type"] == "answer.text", event
                heard += event["text"]
            served.stop(signal.SIGKILL)
    with serve(environment) as served:
        served.until_ready()
        address = f"{served.url}/v1/chats/{chat}/messages"
        with HTTP.stream("GET", f"{address}/{answer}/events") as response:
            *_, ended = events(response)
        message = ended["answer"]
        assert (ended["type"], message["state"]) == ("answer.ended", "interrupted")
        assert message["content"]
        assert heard.startswith(message["content"]) or message["content"].startswith(heard)
        receipt = HTTP.get(f"{served.url}/v1/receipts/{answer}").json()
        assert receipt["tokens"]["completion"] > 0
        more = {"parent": answer, "content": "Go on.", "parameters": {"max_tokens": 5}}
        with HTTP.stream("POST", address, json=more) as response:
            *_, ended = events(response)
        assert (ended["answer"]["state"], ended["answer"]["finish_reason"]) == ("complete", "length")
