"""One worker: uvicorn with uvloop and httptools, its signals, and the package loaded again."""

import asyncio
import hashlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
import uvloop

from pipeline.errors import InputError, ResourceError
from pipeline.serving.app import make_app
from pipeline.serving.log import log, take_over
from pipeline.serving.model import SUMS
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def bind(settings: Settings) -> socket.socket:
    """The socket to listen at; nobody can connect before uvicorn listens.

    Raises:
        ResourceError: the address is taken, or is none of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or str(error)
        raise ResourceError(
            f"cannot listen at {settings.host} port {settings.port}: {why}; use another --port"
        ) from None
    bound.set_inheritable(True)
    return bound


def work(settings: Settings, bound: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT: then what is in flight is answered, what is new refused."""
    take_over()
    service = Service(settings)
    config = uvicorn.Config(
        lambda: None,  # takes its place below: the application asks the server how many requests wait
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=max(1, round(settings.timeout)),
        backlog=2048,
    )
    server = _Server(config)
    tasks = server.server_state.tasks
    service.metrics.waiting(lambda: len(tasks))
    config.app = make_app(service, lambda: len(tasks))
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise InputError(f"{settings.tls_cert}, {settings.tls_key}: {error.strerror or error}") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(server, service, bound))
    if service.sample:
        service.sample.close()


async def _run(server: "_Server", service: Service, bound: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    reloading = asyncio.Lock()

    async def reload() -> None:
        async with reloading:
            await loop.run_in_executor(None, service.reload)

    background: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        task = loop.create_task(reload())
        background.add(task)
        task.add_done_callback(background.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    settings = service.settings
    if settings.watch:
        background.add(loop.create_task(_watch(service, settings.watch, reload)))
    host, port = bound.getsockname()[:2]
    scheme = "https" if settings.tls_cert else "http"
    server.announce = lambda: log(
        "serving",
        url=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}",
        version=service.active.model.version,
        worker=settings.worker,
        open_to_all=not settings.token and settings.host not in LOOPBACK,
    )
    await server.serve(sockets=[bound])
    for task in background:
        task.cancel()
    log("ended", worker=settings.worker)


async def _watch(service: Service, seconds: float, reload: Callable[[], Awaitable[None]]) -> None:
    """Load the package again whenever its sums are others; one that was refused is tried again when it changes."""
    tried = service.active.model.version
    while True:
        await asyncio.sleep(seconds)
        with suppress(OSError):  # it is being replaced
            found = hashlib.sha256((service.settings.package / SUMS).read_bytes()).hexdigest()[:12]
            if found not in (tried, service.active.model.version):
                await reload()
            tried = found


class _Server(uvicorn.Server):
    """uvicorn's server, whose signals are ours: it would end by the signal again, and so not with 0."""

    announce = staticmethod(lambda: None)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce()

    def end(self) -> None:
        """Stop listening, answer what is in flight, and return."""
        if not self.should_exit:
            log("ending")
        self.should_exit = True
