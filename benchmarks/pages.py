"""How soon the assistant's pages are there, and how soon a token is on the screen: `python -m benchmarks.pages`.

A headless Chromium before `galerne serve`. A page is there when its composer takes what is typed and the browser has
nothing else to do. A token is on the screen when the browser has drawn a frame with its letters, by the clock of the
machine, which also says when it was sent.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx2
from playwright.sync_api import Browser, Page, Route, sync_playwright

from benchmarks import report
from benchmarks.relay import Relay, Sent, relaying

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
FIRST_LOAD, SLOW_DOWN = 1.5, 4  # goal in seconds; how many times slower the CPU of a slow machine is
ON_SCREEN = 50  # goal, in milliseconds
TOKENS = 256
LONG = 2048  # tokens of the long answer
PACE = 250  # tokens of it a second, which is what the engine gives one stream
START_SECONDS = 120

WHEN_THERE = """() => new Promise((there) => {
  const look = () => {
    const composer = document.querySelector('textarea');
    if (composer && !composer.disabled) requestIdleCallback(() => there(performance.now() / 1000));
    else requestAnimationFrame(look);
  };
  look();
})"""

NOTE_FRAMES = """() => {
  window.frames = [];
  let changed = false;
  const drawn = new MessageChannel();
  drawn.port1.onmessage = () => {
    if (!changed) return;
    changed = false;
    const answer = [...document.querySelectorAll('article .markdown')].at(-1);
    window.frames.push([Date.now() / 1000, answer ? answer.textContent.replace(/[^a-zA-Z]/g, '').length : 0]);
  };
  const frame = () => {
    drawn.port2.postMessage(null);
    requestAnimationFrame(frame);
  };
  frame();
  new MutationObserver(() => { changed = true; }).observe(document.body,
    {childList: true, characterData: true, subtree: true});
}"""
"""Notes when each frame was drawn that changed anything, and how many letters of the answer were there."""

SECTION = """## The winds of coast {number}

The *galerne* is a squally wind from the north-west that comes **suddenly**, after a warm day, with `rain`. Who
sails there looks at the sky, and at the glass, before anything else.

1. It is announced by a fall of the barometer.
2. It turns from the south to the north-west within minutes.

| wind | from | where it blows | how strong |
| --- | --- | --- | ---: |
| galerne | north-west | the Bay of Biscay | eight |
| mistral | north | the valley of the Rhone | nine |
| tramontane | north-west | Languedoc and Roussillon | eight |
| autan | south-east | Toulouse and the Lauragais | seven |

```python
def beaufort(speed: float) -> int:
    \"\"\"The force of a wind, from its speed in metres per second.\"\"\"
    force = 0
    for number, least in enumerate(THRESHOLDS):
        if speed >= least:
            force = number
    return force
```

"""


def long_answer() -> list[str]:
    """With tables, lists and code, in pieces as long as tokens are."""
    pieces: list[str] = []
    for number in range(LONG):
        pieces += re.findall(r"(?s).{1,4}", SECTION.format(number=number))
        if len(pieces) >= LONG:
            break
    return pieces[:LONG]


def first_load(browser: Browser, url: str, *, slower: int) -> float:
    """Seconds until the first page is there, in a browser that has never been here."""
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.goto("/", wait_until="commit")
        return float(page.evaluate(WHEN_THERE))


def delays(page: Page, relay: Relay, tokens: int) -> list[float]:
    """Milliseconds from when a piece of an answer was sent until it was on the screen, for each that has letters."""
    page.goto("/")
    page.get_by_role("button", name="Instructions and parameters").click()
    page.get_by_label("Longest answer, in tokens").fill(str(tokens))
    page.get_by_label("Seed").fill("1")
    page.get_by_role("button", name="Close").click()
    page.evaluate(NOTE_FRAMES)
    page.get_by_role("textbox", name="Your message").fill("Write a long story about the wind, the sea and a boat.")
    page.keyboard.press("Enter")
    page.locator("article[data-state=complete]").wait_for(timeout=START_SECONDS * 1000)
    page.wait_for_timeout(500)
    return list(_delays(relay.sent, page.evaluate("window.frames")))


def _delays(sent: Sequence[Sent], frames: Sequence[tuple[float, int]]) -> Iterator[float]:
    letters, frame = 0, 0
    for piece in sent:
        own = len(re.sub("[^a-zA-Z]", "", piece.text))
        letters += own
        while frame < len(frames) and frames[frame][1] < letters:
            frame += 1
        if frame == len(frames):
            raise RuntimeError(f"of {letters} letters that were sent, the page shows {frames[-1][1]}")
        if own:
            yield (frames[frame][0] - piece.time) * 1000


def measure(url: str, chromium: str, rounds: int) -> list[list[str]]:
    with sync_playwright() as playwright, relaying(url) as relay:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        loads = {
            slower: median(first_load(browser, url, slower=slower) for _ in range(rounds)) for slower in (1, SLOW_DOWN)
        }
        page = browser.new_page(base_url=url, locale="en-GB")
        page.route("**/v1/chats/*/messages", lambda route: _by_way_of(relay, route))
        answered = delays(page, relay, TOKENS)
        relay.script, relay.pause = long_answer(), 1 / PACE
        written = delays(page, relay, 1)
        browser.close()
    return [
        ["first load, until one can type and the browser rests", f"{loads[1]:.2f} s", f"{FIRST_LOAD} s"],
        [f"the same, with a CPU {SLOW_DOWN} times slower", f"{loads[SLOW_DOWN]:.2f} s", "-"],
        [f"from sent to drawn, the tokens of an answer of {TOKENS}", *_shown(answered)],
        [f"the same, {LONG:,} tokens of tables, lists and code, {PACE} a second", *_shown(written)],
        ["the last 200 of these", *_shown(written[-200:])],
    ]


def _by_way_of(relay: Relay, route: Route) -> None:
    route.continue_(url=relay.url + route.request.url.removeprefix(relay.server))


def _shown(delays: Sequence[float]) -> tuple[str, str]:
    late = quantiles(delays, n=20)[-1]
    return f"{median(delays):.0f} ms (95 of 100: {late:.0f} or less)", f"{ON_SCREEN} ms"


@contextmanager
def serving(model: str) -> Iterator[str]:
    """The address of a server with data of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("galerne")), "serve", "--port", str(port), "--model", model]
    with tempfile.TemporaryDirectory() as folder:
        own = os.environ | {"GALERNE_DATA_DIR": folder, "GALERNE_LOG_LEVEL": "warning"}
        with subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL) as process:
            try:
                url = f"http://127.0.0.1:{port}"
                _until_ready(url)
                yield url
            finally:
                process.terminate()


def _until_ready(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx2.get(f"{url}/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"the server is not ready after {START_SECONDS} s")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a GGUF model, by name or path")
    parser.add_argument("--rounds", type=int, default=7, help="the first load is the median of so many")
    parser.add_argument("--output", type=Path, default=report.DOCUMENT)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("The pages are not measured: there is no `chromium` on this machine.", file=sys.stderr)
        return
    with serving(options.model) as url:
        figures = measure(url, chromium, options.rounds)
    rows = report.table(["the assistant's pages", "measured", "goal"], figures)
    method = f"headless Chromium before `galerne serve` with {options.model}, medians of {options.rounds} first loads"
    report.put(options.output, "pages", [report.provenance("python -m benchmarks.pages", method), "", *rows])
    print("\n".join(rows))


if __name__ == "__main__":
    main()
