"""What the API says of itself: `/openapi.json`, and `/docs`, a page that loads nothing from another host."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from galerne.api.documented_access import SCHEMES, accesses, refusals, security
from galerne.api.documented_limits import with_limits
from galerne.api.errors import CHALLENGE, INTERNAL, STATUS
from galerne.api.examples import EXAMPLES
from galerne.api.sse import EventStream
from galerne.errors import (
    DatabaseUnavailable,
    DiskFull,
    EngineFailed,
    GalerneError,
    InvalidRequest,
    ModelLoading,
    ModelNotFound,
    PromptTooLong,
    QueueFull,
    QuotaExceeded,
    TemplateError,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedField,
)
from galerne.protocol.failures import ErrorBody
from galerne.settings import Settings

_ASSETS = "/docs/assets"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
_INPUT = "{model}-Input"  # apart from the schemas of answers, which may have the same names
_REFERENCE = "#/components/schemas/"

READING = (InvalidRequest, UnsupportedField, TooLarge, TooSlow)
"""How reading a body may fail."""

_NOT_NOW = (QuotaExceeded, QueueFull, ModelLoading, EngineFailed, Unavailable)

ANSWERING = (*READING, ModelNotFound, PromptTooLong, TemplateError, *_NOT_NOW)
"""How answering it by a model may fail."""

KEEPING = (DiskFull, DatabaseUnavailable)
"""How keeping something may fail."""

_SECONDS = {"required": True, "schema": {"type": "integer", "minimum": 0}, "description": "Seconds."}

_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": CHALLENGE}}},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}
"""What failures of a status say besides."""

_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}

STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {EventStream.media_type: {"itemSchema": _EVENT}}}}
"""The answer's other form, with `stream`; OpenAPI 3.2 has words for the events of a stream."""


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """Documents the body of a route that reads it itself (`openapi_extra`)."""
    shown = {"example": EXAMPLES[model]} if model in EXAMPLES else {}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _schema(model), **shown}}}}


def takes_form(model: type[BaseModel]) -> dict[str, Any]:
    """The same for a form that has a file beside these fields. A form cannot say null: what is not said is left out."""
    fields = _schema(model)
    said = {name: _without_null(field) for name, field in fields["properties"].items()}
    properties = said | {"file": {"type": "string", "format": "binary"}}
    schema = fields | {"properties": properties, "required": ["file"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    told = {name: part for name, part in field.items() if name not in ("anyOf", "default")}
    if "enum" in field:
        told["enum"] = [value for value in field["enum"] if value is not None]
    forms = [form for form in field.get("anyOf", ()) if form != {"type": "null"}]
    return told | (forms[0] if len(forms) == 1 else {"anyOf": forms} if forms else {})


def fails(*failures: type[GalerneError]) -> dict[int | str, dict[str, Any]]:
    """Documents how a route may fail (`responses`): each failure's code, at its status."""
    return {
        status.value: failure(*(each.code for each in group), headers=_HEADERS.get(status, {}))
        for status, group in groupby(sorted(failures, key=STATUS.__getitem__), STATUS.__getitem__)
    }


def failure(*codes: str, headers: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The answer that tells one of these. It names the schema: a model would be compiled for every route anew."""
    content = {"application/json": {"schema": {"$ref": _REFERENCE + ErrorBody.__name__}}}
    return {"description": ", ".join(f"`{code}`" for code in codes), "headers": dict(headers), "content": content}


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Not to be changed: all applications share it."""
    return model.model_json_schema(ref_template=_REFERENCE + _INPUT)


def install(app: FastAPI, settings: Settings, *, open_door: bool) -> None:
    """Add the page, what it needs, and the bodies' schemas to `/openapi.json`; `open_door`: nobody must show a key."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_limits(_document(app, open_door=open_door), settings)
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


def _document(app: FastAPI, *, open_door: bool) -> dict[str, Any]:
    """FastAPI's document, with the bodies that it does not know, who may ask, and without its own form of refusals."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    document["components"]["securitySchemes"] = SCHEMES
    schemas = document["components"]["schemas"]
    told = ErrorBody.model_json_schema(ref_template=_REFERENCE + "{model}")
    schemas |= told.pop("$defs", {}) | {ErrorBody.__name__: told}
    for path, method, access in accesses(app.routes):
        operation = document["paths"][path][method]
        _lift_body(operation, schemas)
        operation["security"] = security(method, access, open_door=open_door)
        refused = fails(InvalidRequest, *refusals(path, access))  # `say_once` refuses at every route
        operation["responses"] = _failures_said(operation["responses"], refused | {500: failure(INTERNAL)})
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
    for model, definition in definitions.items():
        known = schemas.setdefault(_INPUT.format(model=model), definition)
        assert known == definition, f"two models are called {model}: the documents can show one of them"


def _failures_said(responses: dict[str, Any], more: dict[int | str, dict[str, Any]]) -> dict[str, Any]:
    """These and more, by status. Every failure is told in one form: also a bad parameter, which FastAPI has a form of
    its own for, and where the answer itself is not JSON."""
    said = {status: response for status, response in responses.items() if "HTTPValidationError" not in str(response)}
    for status, response in said.items():
        if status >= "400":
            response["content"] = failure()["content"]
    for number, response in more.items():
        told = said.setdefault(str(number), response)
        codes = [*told["description"].split(", "), *response["description"].split(", ")]
        told["description"] = ", ".join(dict.fromkeys(codes))
    return dict(sorted(said.items()))
