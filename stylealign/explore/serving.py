"""The server of the page: on this machine alone, with no way out and no file but those it was given. Imports gradio."""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before gradio is imported, which reads them: no telemetry, no look for a newer version.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr
import uvicorn
from fastapi import FastAPI

from stylealign.explore.desk import Desk
from stylealign.explore.guard import Guard
from stylealign.explore.page import blocks
from stylealign.explore.ports import LOCAL

LARGEST_FILE = "64mb"
CSS = Path(__file__).with_name("page.css")


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
    # Of a page that is mounted gradio thinks that it is still being written, and lets a browser name any file.
    page.has_launched = True
    options: dict[str, Any] = {
        "ssr_mode": False,
        "footer_links": [],
        "max_file_size": LARGEST_FILE,
        "show_error": False,
    }
    gr.mount_gradio_app(app, page, path="/", theme=theme, css_paths=CSS, **options)
    app.add_middleware(Guard, hosts=hosts, folder=desk.folder)
    return app


def serve(make: Callable[[Path], Desk], listening: socket.socket, host: str, announce: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        make: from a folder for the files of the page, which goes at the end, to what it does.
        listening: socket of `opened_port`.
        host: the address that it listens at.
        announce: gets the page's address when it can be opened.
    """
    with tempfile.TemporaryDirectory(prefix="stylealign-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        is_local = host in LOCAL
        app = app_of(make(Path(folder)), LOCAL if is_local else ())
        number = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        announce(f"http://{shown}:{number}")
        server.run(sockets=[listening])
