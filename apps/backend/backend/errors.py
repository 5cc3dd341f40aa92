"""Failures as JSON: what the client did wrong is 4xx, a database that does not answer is 503."""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg.errors import UndefinedTable

log = logging.getLogger(__name__)


async def answer_invalid(_request: Request, error: Exception) -> Response:
    """Where and why. The input is not echoed: a lone surrogate in it could not be written as UTF-8."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's type for handlers is wider
    detail = [{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)


async def answer_unavailable(request: Request, error: Exception) -> Response:
    log.warning("%s %s: the database is unavailable: %s", request.method, request.url.path, error)
    return JSONResponse({"detail": "the database is unavailable"}, 503, headers={"Retry-After": "5"})


async def answer_not_migrated(_request: Request, error: Exception) -> Response:
    log.error("run `alembic upgrade head`: %s", error)
    return JSONResponse({"detail": "the database is not migrated"}, 503, headers={"Retry-After": "5"})


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(OperationalError, answer_unavailable)
    app.add_exception_handler(UndefinedTable, answer_not_migrated)
