"""The server's life: the socket, what SIGTERM does, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from gluon_hash.progress import log
from gluon_hash.serve.app import create_app
from gluon_hash.serve.service import Service

__all__ = ["Server", "listen", "run"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
KEEP_ALIVE = 5  # seconds that a connection without a request is kept
BACKLOG = 1024


class Server(uvicorn.Server):
    """Uvicorn, whose end loses no request.

    The first signal begins it: for ``limits.drain`` seconds new requests are still taken, since
    some are on their way, and a load balancer that asks /healthz needs a moment to notice. Then the
    socket is closed; connections that are open have as long again to send what they were about to;
    what was accepted is answered, and the service's threads end. A second signal ends it at once.

    Parameters
    ----------
    service : Service
    local : bool
        See create_app.
    ready : callable, optional
        Called when requests are taken.
    """

    def __init__(
        self, service: Service, *, local: bool = False, ready: Callable[[], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(service, local=local),
                log_level="error",
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=int(2 * service.limits.timeout) + 1,
                server_header=False,
                backlog=BACKLOG,
            )
        )
        self._service, self._ready = service, ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self.signal: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then say that requests are taken."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self.signal is not None:
            self._loop.call_later(0, self._stop_taking)
        if self._ready is not None:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the socket behind the last connection that was made, wait for requests, end."""
        came = []
        for listening in sockets or []:
            listening.listen(0)  # who comes now waits, and is refused when the socket is closed
            came += _connections(listening)
        for server in self.servers:
            server.close()
        for connection in came:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        until = time.monotonic() + self._service.limits.drain
        while self.server_state.connections and time.monotonic() < until and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT go to handle_exit while the block runs, and are not raised again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        taken = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in taken}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second time, stop at once."""
        if self.signal is not None:
            self.should_exit = self.force_exit = True
            return
        self.signal = sig
        self.begin_to_stop()

    def begin_to_stop(self) -> None:
        """Say that the service stops, and stop taking requests a little later; any thread may."""
        self._service.stopping = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(
                self._loop.call_later, self._service.limits.drain, self._stop_taking
            )

    def _protocol(self) -> asyncio.Protocol:
        """What uvicorn makes for each connection."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _stop_taking(self) -> None:
        self.should_exit = True


def run(service: Service, host: str, port: int) -> int | None:
    """Serve until a signal comes; what was accepted is answered first.

    Parameters
    ----------
    service : Service
    host : str
        127.0.0.1: this machine alone; 0.0.0.0: whoever reaches it.
    port : int
        0: any that is free. The address is printed to stdout when requests are taken.

    Returns
    -------
    int or None
        The signal.

    Raises
    ------
    OSError
        If the address cannot be had.
    """
    listening = listen(host, port)
    local = host in LOOPBACK
    if not local:
        log(
            f"listening on {host}: whoever reaches this port may search, and see the images; "
            "the service asks for no password"
        )
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    service.warm_up()
    server = Server(service, local=local, ready=lambda: print(address, flush=True))
    asyncio.run(server.serve([listening]))
    return server.signal


def _connections(listening: socket.socket) -> list[socket.socket]:
    """Those that were made and not yet taken."""
    came: list[socket.socket] = []
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # there are no more
            return came
        connection.setblocking(False)
        came.append(connection)


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address, which Server serves; OSError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's delays (40 ms an answer) where the protocol is named, not 0
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(
            f"cannot listen at {host}:{port}: {error.strerror or error}; name another port"
        ) from error
    listening.setblocking(False)
    return listening
