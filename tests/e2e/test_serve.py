"""`galerne serve` as a user lives with it: it answers, survives its engine, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from tests.e2e.process import HTTP, MODEL, PATIENCE, Served, Stream, children, endless, free_port, galerne, serve


@pytest.fixture(scope="module")
def environment(default_model: Path, kernels_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "GALERNE_MODELS_DIR": str(default_model.parents[1]),
        "GALERNE_KERNELS_DIR": str(kernels_folder),
        "GALERNE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "GALERNE_KV_CACHE_MB": "256",
        "GALERNE_SHUTDOWN_SECONDS": "1",
    }


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[Served]:
    with serve(environment) as served:
        served.until_ready()
        yield served


def ask(served: Served, **fields: object) -> httpx2.Response:
    return HTTP.post(f"{served.url}/v1/chat/completions", json=endless(**fields))


def test_it_says_where_it_serves_and_answers(served: Served) -> None:
    assert served.process.stdout is not None
    assert served.process.stdout.readline() == f"Serving {MODEL} on {served.url} (its documentation: /docs)\n"
    answer = ask(served, min_tokens=5, max_tokens=5)
    assert (answer.status_code, answer.json()["usage"]["completion_tokens"]) == (200, 5)
    assert "server" not in answer.headers


def test_a_killed_engine_fails_what_is_open_at_once_and_is_back_by_itself(served: Served) -> None:
    before = ask(served, min_tokens=12, max_tokens=12).json()["choices"]
    streams = [Stream(served.url) for _ in range(2)]
    with ThreadPoolExecutor() as others:
        whole = others.submit(ask, served)
        for stream in streams:
            assert stream.chunk()["choices"][0]["finish_reason"] is None
        served.until_running(3)
        killed = served.engine()
        os.kill(killed, signal.SIGKILL)
        for stream in streams:
            last = stream.last()
            assert last["choices"][0]["finish_reason"] == "error"
            assert "killed by signal 9" in last["error"]["message"]
        assert (whole.result().status_code, whole.result().json()["code"]) == (503, "engine_failed")
        assert int(whole.result().headers["retry-after"]) > 0
    meanwhile = ask(served, min_tokens=5, max_tokens=5)
    assert meanwhile.status_code in (200, 503)  # it may be back already
    served.until_ready()
    assert served.engine() != killed
    assert ask(served, min_tokens=12, max_tokens=12).json()["choices"] == before
    assert f'restarts{{model="{MODEL}"}} 1.0' in HTTP.get(f"{served.url}/metrics").text


def test_wrong_bytes_instead_of_http_disturb_nobody(served: Served) -> None:
    address = ("127.0.0.1", int(served.url.rpartition(":")[2]))
    for junk in (b"", b"\x16\x03\x01\x02\x00", b"GET /healthz HTTP/x\r\n\r\n", b"POST / HTTP/1.1\r\n" + b"x" * 200_000):
        with socket.create_connection(address, timeout=PATIENCE) as connection:
            answer = b""
            with suppress(OSError):  # the server may have had enough
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(1 << 16)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert HTTP.get(f"{served.url}/healthz").status_code == 200


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_it_ends_when_told_to_and_tells_those_who_wait(
    environment: dict[str, str], how: signal.Signals, code: int
) -> None:
    with serve(environment) as served, ThreadPoolExecutor() as others:
        served.until_ready()
        stream = Stream(served.url)
        stream.chunk()
        whole = others.submit(ask, served)
        served.until_running(2)
        with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as slow:
            slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            slow.sendall(b"Content-Length: 1000\r\n\r\n{")
            below = children(served.process.pid)
            assert served.stop(how)[0] == code
            assert slow.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
        assert stream.last()["error"]["message"] == "the model is being stopped. Try again later."
        assert whole.result().status_code == 503
        assert below
        assert [process for process in below if Path(f"/proc/{process}").exists()] == []


def fails(*arguments: str, environment: dict[str, str]) -> str:
    """The one line on stderr of a server that does not start."""
    process = galerne("serve", *arguments, environment=environment)
    out, line = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert line.startswith("galerne: ")
    assert line.count("\n") == 1
    return line


def test_a_port_that_is_in_use(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use" in fails("--port", str(port), environment=environment)


def test_a_model_that_is_not_what_it_says(environment: dict[str, str], tmp_path: Path, default_model: Path) -> None:
    truncated = tmp_path / "model.gguf"
    truncated.write_bytes(default_model.read_bytes()[:2_000_000])
    port = str(free_port())
    assert "model.gguf" in fails("--port", port, "--model", str(truncated), environment=environment)
    assert "no-such-model" in fails("--port", port, "--model", "no-such-model", environment=environment)
