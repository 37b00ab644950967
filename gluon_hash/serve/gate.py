"""What every request passes: who may ask, how many at a time, how long a body, what is counted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gluon_hash.serve.service import Service

__all__ = ["Gate", "TooLarge", "is_local"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ALWAYS = ("/healthz", "/metrics")  # answered however much there is to do
LOCAL = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class TooLarge(ValueError):
    """A body of more bytes than are taken."""


class Gate:
    """An ASGI application around another.

    Parameters
    ----------
    app : callable
        The application behind it.
    service : Service
        Its limits, its counts, and whether it stops.
    local : bool
        Answer only requests that name this machine as localhost: a page of another site that has
        its own name resolve to 127.0.0.1 could else read the collection.
    """

    def __init__(self, app: Application, service: Service, *, local: bool) -> None:
        self._app, self._service, self._local = app, service, local
        self._limits, self._metrics = service.limits, service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send, self._service)
        started = time.monotonic()
        try:
            await self._pass(scope, receive, reply)
        finally:
            self._metrics.request(
                scope["method"] if scope["method"] in ("GET", "POST", "HEAD") else "other",
                _route(scope),
                reply.status,
                time.monotonic() - started,
            )

    async def _pass(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if self._local and not is_local(headers.get("host", "")):
            await reply.error(403, f"this service answers as one of {', '.join(LOCAL)} only")
        elif scope["path"] in ALWAYS:
            await self._app(scope, receive, reply)
        elif self._metrics.in_work >= self._limits.waiting:
            await self._drop(receive)
            await reply.error(503, "too many requests are in work; try again", retry_after=1)
        else:
            self._metrics.in_work += 1
            try:
                await self._app(scope, self._limited(receive, headers), reply)
            finally:
                self._metrics.in_work -= 1

    async def _drop(self, receive: Receive) -> None:
        """Read a body and forget it: who still sends does not listen to an answer."""
        taken = 0
        try:
            while taken <= self._limits.max_upload:
                message = await asyncio.wait_for(receive(), self._limits.timeout)
                taken += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
        except asyncio.TimeoutError:
            return

    def _limited(self, receive: Receive, headers: dict[str, str]) -> Receive:
        """``receive``, which raises TooLarge once more bytes have come than are taken.

        The rest is read and forgotten, up to a few times the limit, as in _drop.
        """
        most, taken = self._limits.max_upload, 0
        announced = headers.get("content-length", "")
        too_large = announced.isdigit() and int(announced) > most

        async def limited() -> Message:
            nonlocal taken
            while True:
                message = await receive()
                taken += len(message.get("body", b""))
                if taken <= most and not too_large:
                    return message
                if not message.get("more_body") or taken > 4 * most:
                    raise TooLarge(f"the request is larger than {most:,} bytes; shrink the image")

        return limited


class _Reply:
    """``send`` that adds headers and remembers the status."""

    def __init__(self, send: Send, service: Service) -> None:
        self._send, self._service, self.status = send, service, 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(HEADERS)
            if self._service.stopping:
                headers["connection"] = "close"  # the next request goes to who still works
            message = {
                **message,
                "headers": [
                    *message.get("headers", []),
                    *((key.encode(), value.encode()) for key, value in headers.items()),
                ],
            }
        await self._send(message)

    async def error(self, status: int, text: str, *, retry_after: int | None = None) -> None:
        body = json.dumps({"error": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        if retry_after is not None:
            headers.append((b"retry-after", b"%d" % retry_after))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def is_local(host: str) -> bool:
    """Whether a Host header names this machine, with a port or without.

    Examples
    --------
    >>> [is_local(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "evil.example:80")]
    [True, True, True, False]
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.lower() in LOCAL


def _route(scope: Scope) -> str:
    """The pattern of the path, of which there are few; "other" where there is none."""
    return getattr(scope.get("route"), "path", None) or "other"
