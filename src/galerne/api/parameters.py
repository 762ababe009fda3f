"""Parameters in addresses: what many routes have, and what holds for all of them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import Path, Request

from galerne.errors import InvalidRequest

Id = Annotated[str, Path(json_schema_extra={"maxLength": 200})]
"""The id of something that this server keeps. What is longer is not there, like any other word that is no id."""


def say_once(http: Request) -> None:
    """Raises `InvalidRequest` for a parameter that is given twice and is no list: FastAPI would take one of them."""
    given = Counter(name for name, _ in http.query_params.multi_items())
    repeated = {name for name, times in given.items() if times > 1}
    if repeated and (repeated := repeated - _lists(http)):
        raise InvalidRequest("is given more than once.", where=min(repeated), hint="Say it once.")


def _lists(http: Request) -> set[str]:
    """The parameters of this route that may be given several times."""
    operation = http.app.openapi()["paths"].get(http.scope["route"].path_format, {}).get(http.method.lower(), {})
    return {
        parameter["name"]
        for parameter in operation.get("parameters", ())
        for form in parameter["schema"].get("anyOf", [parameter["schema"]])
        if form.get("type") == "array"
    }
