"""What every request passes: its id, the token, the bound on those that wait, its time, and a line in the log."""

import hmac
import os
import re
import time
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serving.log import log
from pipeline.serving.refusal import RefusalError, refuse
from pipeline.serving.service import Service

REQUEST_ID = "pipeline.request_id"
PROBES = ("/health", "/ready", "/ping")  # asked by machines that have no token, and answered also when busy
OWN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Gate:
    """The outermost part of the application: it answers refusals, so that nothing inside need to."""

    def __init__(self, app: ASGIApp, service: Service, waiting: Callable[[], int]) -> None:
        self._app, self._service, self._waiting = app, service, waiting
        token = service.settings.token
        self._authorization = f"Bearer {token}".encode() if token else None
        self._prefix, self._numbers = os.urandom(6).hex(), count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        path, service = scope["path"], self._service
        headers = dict(scope["headers"])
        request_id = self._id(headers.get(b"x-request-id"))
        scope[REQUEST_ID], scope["app"] = request_id, self
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        refusal: RefusalError | None = None
        try:
            self._admit(path, headers)
            await self._app(scope, receive, answer)
        except RefusalError as error:
            refusal = error
        except HTTPException as error:
            refusal = _of_router(error, scope)
        except Exception as error:
            refusal = refuse("defect", "a defect of the service; its log says more under this request_id")
            log("defect", request_id=request_id, error=type(error).__name__, where=_places(error))
        if refusal:
            service.note_refusal(refusal)
            if not status:
                await _response(refusal, request_id)(scope, receive, answer)
        seconds = time.perf_counter() - started
        if timer := service.metrics.seconds.get(path):
            timer.observe(seconds)
        if refusal or service.settings.access_log:
            reason = refusal.reason if refusal else None
            fields = {"request_id": request_id, "method": scope["method"], "path": path[:100], "status": status}
            log("request", **fields, ms=round(1000 * seconds, 3), reason=reason)

    def _admit(self, path: str, headers: dict[bytes, bytes]) -> None:
        if path in PROBES:
            return
        if self._authorization and not hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            raise refuse(
                "unauthorized", "send the header Authorization: Bearer and the token", ("WWW-Authenticate", "Bearer")
            )
        if self._waiting() > self._service.settings.max_waiting:
            raise refuse("busy", "too many requests wait; try again", ("Retry-After", "1"))

    def _id(self, own: bytes | None) -> str:
        if own and OWN_ID.fullmatch(own):
            return own.decode()
        return f"{self._prefix}-{next(self._numbers)}"


def _response(refusal: RefusalError, request_id: str) -> Response:
    content = msgspec.json.encode(refusal.content(request_id))
    return Response(content, refusal.status, dict(refusal.headers), "application/json")


def _of_router(error: HTTPException, scope: Scope) -> RefusalError:
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return refuse("method", f"{scope['method']} is not for this path, but {allowed}", ("Allow", allowed))
    return refuse("not_found", "there is nothing at this path; / lists what there is")


def _places(error: Exception) -> list[str]:
    """Where it was raised. Its text is left out: it may hold a request's content."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
