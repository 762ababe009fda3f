"""Several models in one server: each is asked by its name, comes and goes, and dies alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.process import HTTP, MODEL, PATIENCE, Served, Stream, children, command_line, endless, galerne, serve
from tests.e2e.two_models import BROKEN, SECOND, import_both


@pytest.fixture(scope="module")
def environment(default_model: Path, kernels_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("several")
    import_both(default_model, folder)
    return {
        "GALERNE_MODELS_DIR": str(folder / "models"),
        "GALERNE_KERNELS_DIR": str(kernels_folder),
        "GALERNE_DATA_DIR": str(folder / "data"),
        "GALERNE_KV_CACHE_MB": "128",
        "GALERNE_SHUTDOWN_SECONDS": "1",
    }


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[Served]:
    with serve(environment, "--model", MODEL, "--model", SECOND) as served:
        served.until_ready()
        until(lambda: card(served, SECOND)["state"] == "ready")
        yield served


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def card(served: Served, name: str) -> dict[str, Any]:
    cards = HTTP.get(f"{served.url}/v1/admin/models").json()["data"]
    return next(card for card in cards if card["name"] == name)


def change(served: Served, name: str, how: str) -> httpx2.Response:
    return HTTP.post(f"{served.url}/v1/admin/models/{name}/{how}")


def ask(served: Served, model: str) -> httpx2.Response:
    short = endless(model=model, min_tokens=5, max_tokens=5)
    return HTTP.post(f"{served.url}/v1/chat/completions", json=short)


def engines(served: Served) -> list[int]:
    return [process for process in children(served.process.pid) if b"run_worker" in command_line(process)]


def test_each_is_asked_by_its_name_and_receipts_say_which_it_was(served: Served) -> None:
    listed = {model["id"]: model for model in HTTP.get(f"{served.url}/v1/models").json()["data"]}
    assert list(listed)[:2] == [MODEL, SECOND]
    for name in (MODEL, SECOND):
        answer = ask(served, name)
        assert (answer.status_code, answer.json()["model"]) == (200, name)
        receipt = HTTP.get(f"{served.url}/v1/receipts/{answer.headers['x-galerne-receipt']}").json()
        named = receipt.get("receipt", receipt)["model"]
        assert (named["name"], named["sha256"]) == (name, listed[name]["sha256"])
        vector = HTTP.post(f"{served.url}/v1/embeddings", json={"model": name, "input": "wind"})
        assert (vector.status_code, vector.json()["model"]) == (200, name)
    assert listed[MODEL]["sha256"] != listed[SECOND]["sha256"]
    metrics = HTTP.get(f"{served.url}/metrics").text
    for name in (MODEL, SECOND):
        assert f'galerne_answers_total{{model="{name}",reason="length"}}' in metrics
        assert f'galerne_engine_resident_bytes{{model="{name}"}}' in metrics


def test_an_engine_that_is_killed_takes_no_other_along(served: Served) -> None:
    first, second = (Stream(served.url, model=name) for name in (MODEL, SECOND))
    for stream in (first, second):
        stream.chunk()
    killed = min(engines(served))  # the first one that was started
    os.kill(killed, signal.SIGKILL)
    assert "killed by signal 9" in first.last()["error"]["message"]
    assert second.chunk()["choices"][0]["finish_reason"] is None
    assert change(served, SECOND, "unload").json()["state"] == "unloading"
    assert second.last()["error"]["message"] == "the model is being stopped. Try again later."
    served.until_ready()
    assert killed not in engines(served)


def test_one_is_loaded_and_unloaded_again_and_its_memory_is_free(served: Served, environment: dict[str, str]) -> None:
    change(served, SECOND, "unload")
    until(lambda: card(served, SECOND)["state"] == "here")
    assert len(engines(served)) == 1
    refusal = ask(served, SECOND)
    assert (refusal.status_code, refusal.json()["code"]) == (404, "model_not_loaded")
    command = galerne("admin", "models", "load", SECOND, "--port", served.port, environment=environment)
    assert command.communicate(timeout=PATIENCE) == (f"{SECOND}: loading\n", "")
    until(lambda: card(served, SECOND)["state"] == "ready")
    assert card(served, SECOND)["resident"] > 50_000_000
    assert len(engines(served)) == 2
    assert ask(served, SECOND).status_code == 200
    done = [event["action"] for event in audited(served, SECOND)]
    assert done[:2] == ["model.loaded", "model.unloaded"]


def test_a_batch_waits_for_a_model_that_the_settings_name_by_its_path(
    environment: dict[str, str], default_model: Path, tmp_path: Path
) -> None:
    name, own = default_model.stem, environment | {"GALERNE_DATA_DIR": str(tmp_path), "GALERNE_LOG_LEVEL": "warning"}
    with serve(own, "--model", MODEL, "--model", str(default_model)) as served:
        served.until_ready()
        until(lambda: card(served, name)["state"] == "ready")
        assert (card(served, name)["size"], card(served, name)["fits"]) == (default_model.stat().st_size, True)
        rows = [{"custom_id": str(at), "body": endless(model=name, min_tokens=40, max_tokens=40)} for at in range(60)]
        order = {"endpoint": "/v1/chat/completions", "model": name, "requests": rows}
        job = HTTP.post(f"{served.url}/v1/batch/jobs", json=order).json()

        def told() -> dict[str, Any]:
            return HTTP.get(f"{served.url}/v1/batch/jobs/{job['id']}").json()  # type: ignore[no-any-return]

        until(lambda: told()["succeeded_requests"])
        change(served, name, "unload")
        until(lambda: card(served, name)["state"] == "here")
        assert ask(served, name).json()["code"] == "model_not_loaded"
        assert told()["status"] == "RUNNING"
        assert change(served, name, "load").status_code == 202
        until(lambda: told()["status"] == "SUCCESS")
        assert (told()["succeeded_requests"], told()["failed_requests"]) == (60, 0)


def audited(served: Served, name: str) -> list[dict[str, Any]]:
    """What was done to a model, the newest first."""
    query = {"object": name, "action": "model"}
    return HTTP.get(f"{served.url}/v1/admin/audit", params=query).json()["data"]  # type: ignore[no-any-return]


def test_one_whose_weights_are_no_numbers_fails_and_the_server_lives(served: Served) -> None:
    assert change(served, BROKEN, "load").status_code == 202  # its file is well formed
    until(lambda: card(served, BROKEN)["state"] == "failed")
    assert "not finite" in card(served, BROKEN)["failure"]
    assert ask(served, BROKEN).json()["code"] == "model_not_loaded"
    assert ask(served, MODEL).status_code == 200
    assert audited(served, BROKEN)[0]["result"] == "failed"


def test_one_named_twice_is_refused(environment: dict[str, str]) -> None:
    process = galerne("serve", "--model", MODEL, "--model", "gpt-4o", environment=environment)
    _, line = process.communicate(timeout=PATIENCE)
    assert (process.returncode, line) == (
        1,
        f"galerne: other_models: gpt-4o is called {MODEL}, as another. "
        "Name each model once; a file is called as it is in the list when it was imported.\n",
    )
