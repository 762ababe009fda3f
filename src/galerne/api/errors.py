"""The one place where a failure gets its HTTP status, and the body that both official clients can read.

`docs/errors.md` says the same for people; a test holds the two together.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from galerne.api.request_id import current_request_id
from galerne.errors import (
    BadFile,
    BadGrammar,
    Busy,
    DatabaseUnavailable,
    DigestMismatch,
    DiskFull,
    EngineFailed,
    Forbidden,
    GalerneError,
    InvalidRequest,
    MemoryFull,
    ModelLoading,
    ModelNotFound,
    ModelNotLoaded,
    NotAuthenticated,
    NotFound,
    PromptTooLong,
    PullError,
    QueueFull,
    QuotaExceeded,
    SettingsError,
    Taken,
    TemplateError,
    TooLarge,
    TooManyTries,
    TooSlow,
    Unavailable,
    UnsupportedField,
    UnsupportedFile,
)
from galerne.protocol.answers import ErrorObject
from galerne.protocol.failures import ErrorBody, ErrorDetail
from galerne.protocol.parsing import refusal

logger = logging.getLogger(__name__)

STATUS: Mapping[type[GalerneError], HTTPStatus] = {
    GalerneError: HTTPStatus.INTERNAL_SERVER_ERROR,
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedField: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadGrammar: HTTPStatus.UNPROCESSABLE_ENTITY,
    PromptTooLong: HTTPStatus.BAD_REQUEST,
    Taken: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    ModelNotFound: HTTPStatus.NOT_FOUND,
    ModelNotLoaded: HTTPStatus.NOT_FOUND,
    SettingsError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadFile: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnsupportedFile: HTTPStatus.INTERNAL_SERVER_ERROR,
    TemplateError: HTTPStatus.INTERNAL_SERVER_ERROR,
    DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    MemoryFull: HTTPStatus.INSUFFICIENT_STORAGE,
    PullError: HTTPStatus.BAD_GATEWAY,
    DigestMismatch: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    QueueFull: HTTPStatus.SERVICE_UNAVAILABLE,
    QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    ModelLoading: HTTPStatus.SERVICE_UNAVAILABLE,
    Busy: HTTPStatus.CONFLICT,
    EngineFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every class of the tree, each named here: a new one without a status fails the tests."""

INTERNAL = "internal_error"
"""The code of what nobody foresaw."""

CHALLENGE = "Bearer"
"""What 401 asks for, in the header `WWW-Authenticate` (RFC 9110, section 15.5.2; RFC 6750, section 3)."""

CLIENT_LEFT = 499
"""The status in the log when a client did not wait for its answer, as nginx says it."""


def error_body(status: int, code: str, message: str, where: str | None = None, fault: str | None = None) -> ErrorBody:
    """The wire form of a failure; `fault`: what is wrong with a value's form."""
    kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    detail = None
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        detail = [ErrorDetail(loc=[where] if where else [], msg=message, type=fault or code)]
    return ErrorBody(
        message=message,
        type=kind,
        param=where,
        code=code,
        request_id=current_request_id(),
        error=ErrorObject(message=message, type=kind, param=where, code=code),
        detail=detail,
    )


def report(error: Exception) -> ErrorBody:
    """What a client is told of any failure. What nobody foresaw goes to the log; the client gets the request's id."""
    if isinstance(error, GalerneError):
        fault = error.kind if isinstance(error, InvalidRequest) else None
        return error_body(STATUS[type(error)], error.code, str(error), error.where, fault)
    logger.error("unforeseen failure", exc_info=error, extra={"request_id": current_request_id()})
    message = "something went wrong inside the server; its log says what, under this request's id."
    return error_body(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL, message)


def status_of(error: Exception) -> HTTPStatus:
    return STATUS[type(error)] if isinstance(error, GalerneError) else HTTPStatus.INTERNAL_SERVER_ERROR


def respond(error: Exception) -> Response:
    return _response(status_of(error), report(error), _headers(error))


def refused(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The response to what is not even a request of ours; its code is the status in words."""
    return _response(status, error_body(status, status.phrase.lower().replace(" ", "_"), message), headers or {})


def install(app: FastAPI) -> None:
    """Let the failures that are known leave as error objects; `RequestLog` does it for the others."""

    async def on_failure(_: Request, error: Exception) -> Response:
        return respond(error)

    async def on_parameter(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        fault = error.errors()[0]
        where = ".".join(str(step) for step in fault["loc"][1:]) or None  # the first one says: query, path, header
        return respond(refusal(fault["type"], fault["msg"], where))

    async def on_http(http: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _allowed(http) or headers["Allow"]
        message = {
            HTTPStatus.NOT_FOUND: "there is nothing at this address. See /docs.",
            HTTPStatus.METHOD_NOT_ALLOWED: "this address does not answer to that method. See /docs.",
        }.get(status, error.detail)
        return refused(status, message, headers)

    async def on_disconnect(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_LEFT)  # for the log: nobody reads it

    app.add_exception_handler(GalerneError, on_failure)
    app.add_exception_handler(RequestValidationError, on_parameter)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_disconnect)


def _allowed(http: Request) -> str:
    """The methods that a documented address knows: several routes may share it, and HEAD is known where GET is."""
    paths = http.app.openapi()["paths"]
    path = http.scope["path"] if http.scope["path"] in paths else getattr(http.scope.get("route"), "path_format", None)
    known = [method.upper() for method in paths.get(path, ())]
    return ", ".join(known + ["HEAD"] * ("GET" in known))


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": CHALLENGE}
    return {"Retry-After": str(math.ceil(error.retry_after))} if isinstance(error, Unavailable) else {}


def _response(status: int, body: ErrorBody, headers: Mapping[str, str]) -> Response:
    return JSONResponse(body.model_dump(), status, dict(headers))
