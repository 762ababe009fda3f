"""A short run of what `make fuzz` does at length."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.campaign import server

ANSWERED = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/conversations",
    "/v1/responses",
    "/v1/files",
}


def test_made_up_requests_are_answered_as_documented(default_model: Path, tmp_path: Path) -> None:
    with server(default_model.parents[1], tmp_path / "data") as house:
        options = ("--phases", "examples,fuzzing,stateful", "--max-examples", "4")
        run = house.attack(tmp_path, 1, *options, seconds=30)  # the machine may be busy with other tests
        statuses = house.answers()
        assert house.knows_key()
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert [route for route in statuses if route[1] >= 500] == []
    assert statuses.total() > 200
    assert {route for route, status in statuses if status == 200} >= ANSWERED
