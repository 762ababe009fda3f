"""Writes what the API says of itself, with everything that is kept: `python -m tests.api.openapi FILE`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.api.kept_house import KeptHouse


def main(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = KeptHouse(Path(folder))
        file.write_text(json.dumps(house.app.openapi()))
        house.database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
