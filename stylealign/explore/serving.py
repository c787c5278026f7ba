"""The server of the page: on this machine alone, with no way out and no file but those it was given. Imports gradio."""

import errno
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

# Before gradio is imported, which reads them: no telemetry, no look for a newer version.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from stylealign.errors import StyleAlignError
from stylealign.explore.desk import Desk
from stylealign.explore.page import blocks

LARGEST_FILE = "64mb"
LOCAL = ("127.0.0.1", "localhost", "::1")
CSS = Path(__file__).with_name("page.css")
# The browser asks this server alone. gradio's page has scripts and styles in its text.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'"
)
CLOSED = ("/proxy=", "/file=http:", "/file=https:", "/file/http:", "/file/https:")
"""Ways of gradio to let the server ask other servers."""


class Guard:
    """An ASGI layer: refuses other host names than the ones meant, ways to other servers, and adds the policy.

    Without the names a page of another site could reach a server on this machine through a name of its own.
    """

    def __init__(self, app: Callable[..., Any], hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reason = self._refused(scope)
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
        path = scope["path"].replace("//", "/")
        return "no way to other servers\n" if any(part in path for part in CLOSED) else None


def app_of(desk: Desk, hosts: tuple[str, ...] = LOCAL) -> FastAPI:
    """Return the page as an application.

    Args:
        desk: what the page does.
        hosts: names it may be asked under; empty for any.
    """
    app = FastAPI(openapi_url=None)
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Default(primary_hue="blue", font=fonts, font_mono=["ui-monospace", "monospace"])
    page = blocks(desk).queue(default_concurrency_limit=2, api_open=False, max_size=64)
    options: dict[str, Any] = {
        "ssr_mode": False,
        "footer_links": [],
        "max_file_size": LARGEST_FILE,
        "show_error": False,
    }
    gr.mount_gradio_app(app, page, path="/", theme=theme, css_paths=CSS, **options)
    app.add_middleware(Guard, hosts=hosts)
    return app


def opened_port(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        StyleAlignError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        is_elsewhere = isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL
        remedy = "name an address of this machine" if is_elsewhere else "name another --port, or 0 for a free one"
        raise StyleAlignError(f"--host {host} --port {port}: {reason}; {remedy}") from error
    return listening


def serve(make: Callable[[Path], Desk], host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        make: from a folder for the files of the page, which goes at the end, to what it does.
        host: address to listen at.
        port: port; 0 takes a free one.
        announce: gets the page's address when it can be opened.
    """
    with closing(opened_port(host, port)) as listening, tempfile.TemporaryDirectory(prefix="stylealign-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        is_local = host in LOCAL
        app = app_of(make(Path(folder)), LOCAL if is_local else ())
        number = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        announce(f"http://{shown}:{number}")
        server.run(sockets=[listening])
