"""What the server of the page answers at all: a layer before gradio, and without it."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse

from stylealign.explore.uploads import uploaded

API = "/gradio_api/"
UPLOAD = f"{API}upload"
FILE = f"{API}file="
OPEN = (
    *("/", "/theme.css", "/config", "/manifest.json", "/favicon.ico", "/robots.txt", UPLOAD, f"{API}upload_progress"),
    *(f"{API}{name}" for name in ("queue/join", "queue/data", "cancel", "reset", "startup-events")),
)
"""What the page asks for. All else that gradio has stays closed: its descriptions, its proxy, its other interfaces."""
OPEN_BELOW = ("/assets/", "/static/", "/svelte/", f"{API}heartbeat/")
LARGEST_CALL = 2**20
"""Bytes of a call: the values of the controls."""
# The browser asks this server alone. gradio's page has scripts and styles in its text.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'"
)
Receive = Callable[[], Awaitable[Any]]


class Guard:
    """An ASGI layer: answers what the page asks for alone, and adds the policy.

    It refuses other host names than the ones meant: a page of another site could reach a server on this machine
    through a name of its own. And it refuses a file that is not one of the page's, wherever it is named: gradio takes
    a description of a file as the value of any control, and copies, or fetches from another server, what it names.

    Args:
        app: what answers.
        hosts: names it may be asked under; empty for any.
        folder: of the page's files.
    """

    def __init__(self, app: Callable[..., Any], hosts: tuple[str, ...], folder: Path) -> None:
        self.app, self.hosts, self.folder = app, hosts, folder

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        reason = self._refused(scope)
        if reason is None and scope["method"] == "POST" and scope["path"] != UPLOAD:
            body = await _body(receive)
            receive = _again(body, receive)
            reason = self._refused_call(body)
        if reason is not None:
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
            return

        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]
                message = {**message, "headers": [*message["headers"], *policy]}
            await send(message)

        await self.app(scope, receive, with_policy)

    def _refused(self, scope: Any) -> str | None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if self.hosts and name.strip("[]").lower() not in self.hosts:
            return "another host name than the one that stylealign explore printed\n"
        path = scope["path"]
        if path.startswith(FILE):
            return None if uploaded(self.folder, path.removeprefix(FILE)) else "no file of this page\n"
        return None if path in OPEN or path.startswith(OPEN_BELOW) else "not a part of this page\n"

    def _refused_call(self, body: bytes) -> str | None:
        if len(body) > LARGEST_CALL:
            return "more than the page sends\n"
        try:
            waiting = [json.loads(body or b"null")]
        except (ValueError, RecursionError):
            return "no JSON\n"
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if "path" in value and uploaded(self.folder, value["path"]) is None:
                    return "no file of this page\n"
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)
        return None


async def _body(receive: Receive) -> bytes:
    """Return the body of a request, of one that is too large the first part."""
    body = b""
    while len(body) <= LARGEST_CALL:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what hands out a body that has been received, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again
