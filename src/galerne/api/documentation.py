"""`GET /docs`: Swagger UI from this server alone; the page loads nothing from another host."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from galerne.protocol.chat import ChatRequest
from galerne.protocol.tokens import DetokenizeRequest, TokenizeRequest

_ASSETS = "/docs/assets"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
_BODIES: tuple[type[BaseModel], ...] = (ChatRequest, TokenizeRequest, DetokenizeRequest)
_REFERENCE = "#/components/schemas/{model}"


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """Documents the body of a route that reads it itself."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def install(app: FastAPI) -> None:
    """Add the page, what it needs, and the bodies' schemas to `/openapi.json`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas = document["components"]["schemas"]
            for model in _BODIES:
                body = model.model_json_schema(ref_template=_REFERENCE)
                schemas |= body.pop("$defs", {}) | {model.__name__: body}
            app.openapi_schema = document
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
