"""Kills a server at many moments while it works on batches, and looks whether anything was lost or done twice.

python -m tests.crash --kills 300
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from tests.crash.server import ANSWERED, fork
from tests.flows.fakes import ScriptedGenerator, served

from galerne.bootstrap import open_kept
from galerne.cli.serve import listen
from galerne.settings import Settings

ROWS = 150
OPEN_JOBS = 3
OPEN = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")
IN_FLIGHT = 16
"""Requests of batches that are under way at once: the setting's default."""


class House:
    """The server's folder, the process that serves from it at the moment, and a client that is patient."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self._folder = folder
        self._listener = listener
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=20)
        self._server = fork(folder, listener)
        self._half = socket.socket()

    def kill(self) -> None:
        os.kill(self._server, signal.SIGKILL)
        os.waitpid(self._server, 0)

    def start(self) -> None:
        self._server = fork(self._folder, self._listener)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """An answer, from whichever life of the server. What was asked for may have been done more than once."""
        while True:
            try:
                answer = self._client.request(method, path, **options)
            except httpx2.TransportError:
                continue
            answer.raise_for_status()
            return answer

    def send_half(self) -> None:
        """Begin an upload that never ends."""
        head = b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n"
        head += b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="half"\r\n\r\n' + b"x" * 100_000
        with suppress(OSError):
            self._half.close()
            self._half = socket.create_connection(self._listener.getsockname())
            self._half.sendall(head + part)


def says(job: int) -> list[str]:
    return [f"job {job} row {row}" for row in range(ROWS)]


def begin(house: House, number: int) -> None:
    """Leave a job, from a file or with its requests."""
    lines = [
        {"custom_id": say, "body": {"model": "fake", "messages": [{"role": "user", "content": say}], "temperature": 0}}
        for say in says(number)
    ]
    order: dict[str, Any] = {"endpoint": "/v1/chat/completions", "metadata": {"number": str(number)}}
    if number % 2:
        order["requests"] = lines
    else:
        content = "\n".join(map(json.dumps, lines)).encode()
        file = house.ask("POST", "/v1/files", files={"file": ("in.jsonl", content)}, data={"purpose": "batch"}).json()
        assert house.ask("GET", f"/v1/files/{file['id']}/content").content == content
        order["input_files"] = [file["id"]]
    house.ask("POST", "/v1/batch/jobs", json=order)


def check(house: House, job: dict[str, Any]) -> None:
    """Hold a job that has ended to what it promised."""
    lines: dict[str, list[Any]] = {}
    for kind in ("output_file", "error_file"):
        text = house.ask("GET", f"/v1/files/{job[kind]}/content").text if job[kind] else ""
        lines[kind] = [json.loads(line) for line in text.splitlines()]
    told = [line["custom_id"] for kind in lines.values() for line in kind]
    assert Counter(told) == Counter(says(int(job["metadata"]["number"]))), "a row was lost or told twice"
    for line in lines["output_file"]:
        assert line["response"]["body"]["choices"][0]["message"]["content"] == line["custom_id"][::-1], line
    assert job["succeeded_requests"] == len(lines["output_file"]), job
    assert {line["error"]["code"] for line in lines["error_file"]} <= {"batch_cancelled"}, job
    assert job["status"] == "CANCELLED" or (job["status"] == "SUCCESS" and not lines["error_file"]), job


def crash(house: House, kills: int, chance: random.Random) -> dict[str, int]:
    begun, ended = 0, dict[str, str]()
    while True:
        jobs = open_jobs(house, ended)
        if kills and len(jobs) < OPEN_JOBS:
            begin(house, begun)
            begun += 1
        elif kills:
            house.send_half()
            time.sleep(chance.uniform(0, 0.5))
            house.kill()
            house.start()
            kills -= 1
            if chance.random() < 0.05:
                cancel(house, chance.choice(jobs))
        elif jobs:
            time.sleep(0.1)
        else:
            return {"jobs": len(ended), "rows": len(ended) * ROWS} | Counter(ended.values())


def open_jobs(house: House, ended: dict[str, str]) -> list[str]:
    """Those that have not ended; each that has is checked once. A job whose answer was lost was ordered twice."""
    found = house.ask("GET", "/v1/batch/jobs?page_size=1000").json()["data"]
    for job in found:
        if job["id"] not in ended and job["status"] not in OPEN:
            check(house, job)
            ended[job["id"]] = job["status"].lower()
    return [job["id"] for job in found if job["status"] in OPEN]


def cancel(house: House, id: str) -> None:
    with suppress(httpx2.HTTPStatusError):  # it has ended meanwhile
        house.ask("POST", f"/v1/batch/jobs/{id}/cancel", json={})


@contextmanager
def in_house(folder: Path) -> Iterator[House]:
    with listen("127.0.0.1", 0) as listener:
        house = House(folder, listener)
        try:
            yield house
        finally:
            house.kill()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        with in_house(folder) as house:
            figures = crash(house, asked.kills, random.Random(asked.seed))
        answers = Counter((folder / ANSWERED).read_bytes().splitlines())
        again = sum(answers.values()) - len(answers)
        assert again <= asked.kills * IN_FLIGHT, f"{again} rows were answered again: more than were under way"
        check_folders(folder)
    seconds = round(time.monotonic() - began)
    json.dump({"kills": asked.kills} | figures | {"rows_answered_again": again, "seconds": seconds}, sys.stdout)
    print()


def check_folders(folder: Path) -> None:
    """Once what was left behind is old enough to be swept up, the disk holds just what the database knows."""
    for path in (folder / "data").glob("*/*"):
        os.utime(path, (0, 0))
    database, kept = open_kept(served(ScriptedGenerator(lambda _: b"")), Settings(data_dir=folder / "data"))
    kept.files.tidy()
    kept.batches.tidy()
    with database.read() as connection:
        known = {id for (id,) in connection.exec_driver_sql("SELECT id FROM files")}
        assert connection.exec_driver_sql("SELECT count(*) FROM batch_results").scalar() == 0
    database.close()
    assert {path.name for path in (folder / "data" / "files").iterdir()} == known
    assert list((folder / "data" / "batches").iterdir()) == []


if __name__ == "__main__":
    main()
