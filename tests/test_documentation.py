"""What the documents promise, held against the code; and what must not be in the repository at all."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from galerne.cli import app
from galerne.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
FOLDERS = {"XDG_DATA_HOME": "$XDG_DATA_HOME", "XDG_CACHE_HOME": "$XDG_CACHE_HOME", "XDG_STATE_HOME": "$XDG_STATE_HOME"}


def tracked() -> list[Path]:
    """The files that git knows, or would know; without git (an unpacked archive) there is nothing to hold."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git repository")
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, folder in FOLDERS.items():
        monkeypatch.setenv(variable, folder)
    rows = {name: default.strip("`") for name, default, _ in ROW.findall((ROOT / "docs/guide/settings.md").read_text())}
    settings = Settings.model_construct()  # the defaults alone, whatever the environment says
    assert list(rows) == list(Settings.model_fields), "docs/guide/settings.md lists the settings in the code's order"
    for name, documented in rows.items():
        assert documented == shown(getattr(settings, name)), name


def shown(default: object) -> str:
    match default:
        case None | ():
            return "none"
        case bool():
            return str(default).lower()
        case dict():
            return "see below"
        case _:
            return str(default)


def test_every_alias_is_documented() -> None:
    text = (ROOT / "docs/guide/settings.md").read_text()
    assert [alias for alias in Settings.model_construct().aliases if f"`{alias}`" not in text] == []


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize("path", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_the_help_of_every_command_shows_an_example(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert answer.exit_code == 0
    assert re.search(rf"Examples?:?\s+(\$ )?galerne {' '.join(path)}", answer.output), answer.output


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    assert [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()] == []


def test_the_index_of_decisions_is_complete() -> None:
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    index = (ROOT / "docs/adr/README.md").read_text()
    assert [record.name for record in records if f"]({record.name})" not in index] == []
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(1, len(records) + 1))
    for record in records:
        for heading in ("Status", "Context", "Alternatives", "Decision", "Consequences"):
            assert re.search(rf"^(## {heading}|{heading}:)", record.read_text(), re.MULTILINE), (record.name, heading)


# Written in two halves, so that this file does not find itself.
UNWANTED = re.compile(
    "|".join(
        first + second
        for first, second in (
            (r"py", r"pi\.org"),
            (r"python", r"hosted\.org"),
            (r"npm", r"js\.(org|com)"),
            (r"download\.", r"pytorch\.org"),
            (r"extra-index", r"-url[ =]"),
            (r"(^|[^\w.~$}])/(home|root|opt|mnt|wor", r"k|tmp)/\w"),
        )
    ),
    re.MULTILINE,
)


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:  # a binary file
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]!r}" for match in UNWANTED.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", ["run", "bench", "test"])
def test_every_dependency_is_locked_with_its_hashes(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {"run": [], "bench": ["bench"], "test": ["test", "bench"]}[lock]
    wanted = [*project["dependencies"], *(name for extra in extras for name in project["optional-dependencies"][extra])]
    entries = re.split(r"\n(?=\S)", (ROOT / f"requirements/{lock}.lock").read_text().strip())
    pinned = {
        match[1] for entry in entries if (match := re.match(r"([\w-]+)==\S+", entry)) and "--hash=sha256:" in entry
    }
    assert len(entries) >= len(pinned) > 20
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert {re.split(r"[<>=~\[; ]", name)[0].lower().replace("_", "-") for name in wanted} - pinned == set()
