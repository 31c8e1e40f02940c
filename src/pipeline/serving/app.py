"""The routes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from pipeline.serving import arrow, invocations, page
from pipeline.serving.gate import REQUEST_ID, Gate
from pipeline.serving.refusal import refuse
from pipeline.serving.service import Form, Service

JSON = "application/json"
LARGE = 64 * 1024  # bytes of a body whose answer is made in a thread, so that short requests need not wait for it
DRAINED = 8


def make_app(service: Service, waiting: Callable[[], int]) -> Gate:
    """The application; `waiting` says how many requests are not yet answered."""
    routes = _Routes(service)
    router = Router(
        [
            Route("/predict", routes.predict, methods=["POST"]),
            Route("/invocations", routes.invocations, methods=["POST"]),
            Route("/health", routes.health),
            Route("/ping", routes.health),
            Route("/ready", routes.ready),
            Route("/metadata", routes.metadata),
            Route("/metrics", routes.metrics),
            Route("/openapi.json", routes.openapi),
            Route("/", routes.page),
        ],
        redirect_slashes=False,
    )
    return Gate(router, service, waiting)


class _Routes:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.thread = ThreadPoolExecutor(1, "large")

    async def predict(self, request: Request) -> Response:
        kind = _content_type(request)
        if kind not in (JSON, arrow.MEDIA_TYPE):
            raise refuse("content_type", f"the body must be {JSON}")
        return await self._answer("json" if kind == JSON else "arrow", request)

    async def invocations(self, request: Request) -> Response:
        if _content_type(request) != JSON:
            raise refuse("content_type", f"the body must be {JSON}")
        return await self._answer("mlflow", request)

    async def _answer(self, form: Form, request: Request) -> Response:
        body = await _body(request, self.service.settings.max_bytes, self.service.settings.timeout)
        if len(body) > LARGE:
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self.thread, self.service.reply, form, body)
        else:
            reply = self.service.reply(form, body)
        self.service.note(reply, request.scope[REQUEST_ID])
        response = Response(reply.content, media_type=JSON)
        if form == "mlflow" and (unseen := invocations.unseen(reply.asked)):
            response.headers["X-Unseen"] = unseen
        return response

    async def health(self, request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type=JSON)

    async def ready(self, request: Request) -> Response:
        """As health: the port is opened when the package has answered its example, and closed at SIGTERM."""
        return Response(b'{"status":"ready"}', media_type=JSON)

    async def metadata(self, request: Request) -> Response:
        return Response(self.service.active.metadata, media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        return Response(self.service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, request: Request) -> Response:
        return Response(self.service.active.openapi, media_type=JSON)

    async def page(self, request: Request) -> Response:
        return Response(self.service.active.page, media_type="text/html", headers=page.HEADERS)


def _content_type(request: Request) -> str:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise refuse("content_type", "the body must not be compressed")
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().partition("charset=")[2].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        raise refuse("content_type", "the body must be UTF-8")
    return kind.strip().lower()


async def _body(request: Request, largest: int, seconds: float) -> bytes:
    """The whole body. One that is too large is read on and thrown away, up to DRAINED times the bound: most clients
    send all before they read an answer, and would see a broken connection instead of one.
    """
    too_large = refuse("too_large", f"the body has more than {largest} bytes", ("Connection", "close"))
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() and len(length) < 20 else 0
    if announced > DRAINED * largest or (announced > largest and "expect" in request.headers):
        raise too_large
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise refuse("slow", "the connection ended before the body did")
                part, more = message.get("body", b""), message.get("more_body")
                size += len(part)
                if size > DRAINED * largest or (size > largest and not more):
                    raise too_large
                if size <= largest:
                    parts.append(part)
                if not more:
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise refuse("slow", f"the body did not arrive in {seconds:g} s", ("Connection", "close")) from None
