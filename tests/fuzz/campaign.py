"""schemathesis against a server of our own: requests made up from `/openapi.json`, right and wrong ones.

What it finds decides (`schemathesis.toml`, `hooks.py`), and what the server itself counts: there must be no answer of
5xx, and none that took too long.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.contract.server import serving, until_ready
from tests.fuzz.worker import COMMAND

from galerne.bootstrap import build_app, first_key
from galerne.settings import Settings

ROOT = Path(__file__).parents[2]
SECONDS = 5.0
"""What takes longer hangs."""

_COUNTED = re.compile(r'^galerne_http_requests_total\{.*route="(.*?)",status="(\d+)"\} (\S+)$', re.MULTILINE)


@dataclass(slots=True)
class Stopwatch:
    """Stands before the application, and knows how long its slowest answer took."""

    app: ASGIApp
    slowest: tuple[float, str] = field(default=(0.0, "nothing was asked"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        await self.app(scope, receive, send)
        if scope["type"] == "http":
            self.slowest = max(self.slowest, (time.monotonic() - began, f"{scope['method']} {scope['path']}"))


@dataclass(frozen=True, slots=True)
class House:
    """A server that runs. `server` sets every field."""

    url: str
    key: str  # its administrator's
    key_id: str
    watch: Stopwatch

    def attack(
        self, folder: Path, seed: int, *options: str, seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """One run. Its exit code is 0 when every answer is as it must be, and came within so many seconds."""
        config = str(Path(__file__).with_name("schemathesis.toml"))
        run = ["run", f"{self.url}/openapi.json", "--seed", str(seed), "--request-timeout", str(seconds)]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "FUZZ_KEY_ID": self.key_id,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, *run, "--header", self._header]
        return subprocess.run(
            ["nice", *command, *options],  # it takes all that the machine has; answers must not wait for that
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def answers(self) -> Counter[tuple[str, int]]:
        """How many there were so far, by route and status. `/readyz` says 503 until the model is loaded."""
        counted = _COUNTED.findall(httpx2.get(f"{self.url}/metrics", timeout=60).text)
        return Counter({(route, int(status)): int(float(n)) for route, status, n in counted if route != "/readyz"})

    def knows_key(self) -> bool:
        """Whether the requests did not shut themselves out."""
        kind, _, shown = self._header.partition(": ")
        return httpx2.get(f"{self.url}/v1/models", headers={kind: shown}, timeout=60).status_code == 200

    @property
    def _header(self) -> str:
        return f"Authorization: Bearer {self.key}"


@contextmanager
def server(models: Path, data: Path) -> Iterator[House]:
    """The real application, but for the model's arithmetic. It wants a key, and has room for every try to sign in."""
    settings = Settings(models_dir=models, data_dir=data, auth="keys", sign_in_tries=1000, sign_in_window_minutes=1)
    watch = Stopwatch(build_app(settings, COMMAND))
    key = first_key(settings)
    assert key is not None
    with serving(watch) as url:
        until_ready(url)
        shown = {"Authorization": f"Bearer {key}"}
        warm = {"model": "mistral-embed", "input": "warm"}  # its first request loads it
        httpx2.post(f"{url}/v1/embeddings", json=warm, headers=shown, timeout=60).raise_for_status()
        key_id = httpx2.get(f"{url}/v1/users/me", headers=shown, timeout=60).json()["api_key"]["id"]
        watch.slowest = (0.0, "nothing was asked")
        yield House(url, key, key_id, watch)
