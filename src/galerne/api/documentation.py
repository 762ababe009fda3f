"""What the API says of itself: `/openapi.json`, and `/docs`, a page that loads nothing from another host."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from galerne.api.errors import STATUS
from galerne.api.sse import EventStream
from galerne.errors import (
    DatabaseUnavailable,
    DiskFull,
    GalerneError,
    InvalidRequest,
    ModelNotFound,
    PromptTooLong,
    TemplateError,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedField,
)
from galerne.protocol.failures import ErrorBody

_ASSETS = "/docs/assets"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
_INPUT = "{model}-Input"  # apart from the schemas of answers, which may have the same names
_REFERENCE = "#/components/schemas/"

READING = (InvalidRequest, UnsupportedField, TooLarge, TooSlow)
"""How reading a body may fail."""

ANSWERING = (*READING, ModelNotFound, PromptTooLong, TemplateError, Unavailable)
"""How answering it by a model may fail."""

KEEPING = (DiskFull, DatabaseUnavailable)
"""How keeping something may fail."""

_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}

STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {EventStream.media_type: {"itemSchema": _EVENT}}}}
"""The answer's other form, with `stream`; OpenAPI 3.2 has words for the events of a stream."""


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """Documents the body of a route that reads it itself (`openapi_extra`)."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _schema(model)}}}}


def takes_form(model: type[BaseModel]) -> dict[str, Any]:
    """The same for a form that has a file beside these fields."""
    fields = _schema(model)
    properties = fields["properties"] | {"file": {"type": "string", "format": "binary"}}
    schema = fields | {"properties": properties, "required": ["file"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def fails(*failures: type[GalerneError]) -> dict[int | str, dict[str, Any]]:
    """Documents how a route may fail (`responses`): each failure's code, at its status."""
    return {
        status.value: failure(*(each.code for each in group))
        for status, group in groupby(sorted(failures, key=STATUS.__getitem__), STATUS.__getitem__)
    }


def failure(*codes: str) -> dict[str, Any]:
    """The answer that tells one of these. It names the schema: a model would be compiled for every route anew."""
    content = {"application/json": {"schema": {"$ref": _REFERENCE + ErrorBody.__name__}}}
    return {"description": ", ".join(f"`{code}`" for code in codes), "content": content}


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Not to be changed: all applications share it."""
    return model.model_json_schema(ref_template=_REFERENCE + _INPUT)


def install(app: FastAPI) -> None:
    """Add the page, what it needs, and the bodies' schemas to `/openapi.json`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    async def docs() -> Response:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title}: the API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon-32x32.png",
            swagger_ui_parameters={"validatorUrl": None},  # else Swagger UI asks a host of its makers
        )
        page.headers["Content-Security-Policy"] = _POLICY
        return page

    app.openapi = openapi  # type: ignore[method-assign]
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]), name="assets")
    app.add_api_route("/docs", docs, include_in_schema=False)


def _document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the bodies that it does not know, and without its own form of refusals."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    told = ErrorBody.model_json_schema(ref_template=_REFERENCE + "{model}")
    schemas |= told.pop("$defs", {}) | {ErrorBody.__name__: told}
    for path in document["paths"].values():
        for operation in path.values():
            _lift_body(operation, schemas)
            _say_refusal(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _lift_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move the body's schema, and what it refers to, to where the document keeps schemas."""
    media = operation.get("requestBody", {"content": {}})["content"].get("application/json", {"schema": {}})
    if "title" not in (schema := media["schema"]):
        return
    body = {name: part for name, part in schema.items() if name != "$defs"}
    definitions = schema.get("$defs", {}) | {schema["title"]: body}
    media["schema"] = {"$ref": _REFERENCE + _INPUT.format(model=schema["title"])}
    schemas |= {_INPUT.format(model=model): definition for model, definition in definitions.items()}


def _say_refusal(operation: dict[str, Any]) -> None:
    """Every failure is told in one form: also a bad parameter, which FastAPI has a form of its own for, and where the
    answer itself is not JSON."""
    for status, response in operation["responses"].items():
        if status >= "400" and "content" in response:
            response["content"] = {"application/json": {"schema": {"$ref": _REFERENCE + ErrorBody.__name__}}}
