"""The addresses of the service: FastAPI routes around a Service, errors as JSON, the page."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gluon_hash.serve.answering import Options
from gluon_hash.serve.batching import Busy
from gluon_hash.serve.collection import NotHere
from gluon_hash.serve.gate import Gate, TooLarge
from gluon_hash.serve.pictures import NoPicture
from gluon_hash.serve.questions import Question, parse_question
from gluon_hash.serve.service import IMAGE_SIZES, Refused, Service

__all__ = ["create_app"]

PAGE = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "results.js": "text/javascript",
    "tree.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
MOST_LISTED, AN_ID = 200, "An id of the collection."
BODY = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"image": {"type": "string", "format": "binary"}},
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {
                    "code": {"type": "string", "description": "Hexadecimal or base64."},
                    "id": {"type": "integer", "description": "An item of the collection."},
                    "features": {"type": "array", "items": {"type": "number"}},
                },
            }
        },
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
            }
        },
    }
    for status, text in {
        400: "The request is not understood, or does not fit the index.",
        404: "No such item.",
        408: "The request took too long to arrive.",
        413: "Too many bytes or pixels.",
        422: "The image cannot be read or encoded.",
        503: "Too much to do; Retry-After says when to come again.",
    }.items()
}
STATUS: dict[type[Exception], int] = {
    TooLarge: 413,
    asyncio.TimeoutError: 408,
    Busy: 503,
    NotHere: 404,
    NoPicture: 404,
    ValueError: 400,
}


def create_app(service: Service, *, local: bool = False) -> FastAPI:
    """The application of a service.

    Parameters
    ----------
    service : Service
        Closed when the application ends.
    local : bool
        Answer only requests to localhost: see Gate.

    Returns
    -------
    FastAPI
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="gluon_hash",
        summary="Codes of images, and the nearest images of a collection.",
        docs_url=None,  # they load scripts of others
        redoc_url=None,
        lifespan=lifespan,
        responses=ERRORS,
    )
    _add_questions(app, service)
    _add_items(app, service)
    _add_state(app, service)
    _add_page(app)
    _add_errors(app)
    app.add_middleware(Gate, service=service, local=local)
    return app


def _add_questions(app: FastAPI, service: Service) -> None:
    async def read(request: Request) -> Question:
        body = await asyncio.wait_for(request.body(), service.limits.timeout)
        return parse_question(request.headers, body)

    @app.post("/encode", openapi_extra={"requestBody": BODY})
    async def encode(request: Request) -> dict[str, Any]:
        """The code of an image, or of features."""
        return await service.encode(await read(request))

    @app.post("/search", openapi_extra={"requestBody": BODY})
    async def search(request: Request, options: Annotated[Options, Query()]) -> dict[str, Any]:
        """The nearest items of an image, a code, features or an item of the collection."""
        return await service.search(await read(request), options)


def _add_items(app: FastAPI, service: Service) -> None:
    collection = service.collection

    @app.get("/collection")
    def describe() -> dict[str, Any]:
        """How many codes there are, how long they are, the names of the levels."""
        return {**collection.describe(), "encodes_images": service.model is not None}

    @app.get("/tree")
    def tree() -> dict[str, Any]:
        """The classes, coarsest first, with how many items each has."""
        return collection.tree()

    @app.get("/items")
    def items(
        within: Annotated[str | None, Query(description="LEVEL=CLASS")] = None,
        offset: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 60,
    ) -> dict[str, Any]:
        """Items of the collection, or of a branch of its tree."""
        return collection.page(within, offset, limit)

    @app.get("/items/{item}")
    def one(item: Annotated[int, Path(description=AN_ID)]) -> dict[str, Any]:
        """Path and classes of an item."""
        return collection.describe_item(item)

    @app.get("/items/{item}/image", response_class=Response)
    async def image(
        item: Annotated[int, Path(description=AN_ID)],
        size: Annotated[int, Query(ge=IMAGE_SIZES[0], le=IMAGE_SIZES[1])] = 1024,
    ) -> Response:
        """The image of an item, at most `size` pixels wide and high: JPEG, or PNG if small."""
        picture = await service.image(item, size)
        kept = {"cache-control": "private, max-age=3600"}
        return Response(picture.data, media_type=picture.media_type, headers=kept)


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """200 while requests are taken, 503 once the service stops."""
        status = "stopping" if service.stopping else "ok"
        return JSONResponse({"status": status}, 503 if service.stopping else 200)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counts and times, for Prometheus."""
        return PlainTextResponse(
            service.metrics.text(service.queued), media_type="text/plain; version=0.0.4"
        )


def _add_page(app: FastAPI) -> None:
    folder = resources.files("gluon_hash.serve") / "page"
    files = {name: (folder / name).read_bytes() for name in PAGE}
    version = hashlib.sha256(b"".join(files.values())).hexdigest()[:16]

    def served(name: str) -> Response:
        headers = {"cache-control": "no-cache", "etag": f'"{version}"'}
        return Response(files[name], media_type=PAGE[name], headers=headers)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return served("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return served(name)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"][1:]))
        return JSONResponse({"error": f"{where}: {problem['msg']}"}, 400)

    @app.exception_handler(HTTPException)
    async def no_such_address(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return _error(error.status, error)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"error": "the client went away"}, 400)

    for kind, status in STATUS.items():
        app.add_exception_handler(kind, lambda request, error, status=status: _error(status, error))


def _error(status: int, error: Exception) -> JSONResponse:
    text = str(error.args[0]) if error.args else "the request took too long to arrive"
    return JSONResponse({"error": text}, status, {"retry-after": "1"} if status == 503 else None)
