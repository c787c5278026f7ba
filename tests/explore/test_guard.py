"""Which files a browser can make the server open: those that it sent, and the page's own, whatever names them."""

import asyncio
import json
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.explore import desk as desks
from stylealign.explore.desk import Desk
from stylealign.explore.family import family_of
from stylealign.explore.scene import Explorer
from stylealign.explore.uploads import uploaded

pytest.importorskip("gradio", reason="needs the extra explore")
from starlette.responses import PlainTextResponse

from stylealign.explore.guard import LARGEST_CALL, Guard
from stylealign.explore.serving import app_of

CONTROLS = (3, 4, 0.5, 0.5, "all", 1.0, [])
META = {"meta": {"_type": "gradio.FileData"}}
LIMIT_S = 60
"""After which a test that waits for another thread has failed; a limit for a busy machine."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "served"
    (folder / "a").mkdir(parents=True)
    return folder


@pytest.fixture
def desk(files: dict[str, Path], folder: Path) -> Desk:
    family = family_of(str(files["parent"]), [("", str(files["toon"]))], Path("no-zoo.yaml"))
    return Desk(Explorer(family, {}), None, lambda: pytest.fail("nothing to invert"), folder)


def elsewhere(folder: Path) -> list[Any]:
    """Return what may not be opened: files that are there, files that are not, and what is no file."""
    (folder / "a/link.png").symlink_to(folder.parent / "secret.png")
    (folder / "out").symlink_to(folder.parent)
    os.mkfifo(folder / "a/pipe.png")
    there = [folder.parent / "secret.png", folder / "../secret.png", folder / "a/link.png", folder / "out/secret.png"]
    missing = [folder.parent / "none.png", folder / "a/none.png", folder / "a", folder, folder / "a/pipe.png"]
    texts = ["/etc/passwd", "/dev/zero", "secret.png", "http://127.0.0.1:9/x.png", "", f"{folder}/a\0b", "x" * 9999]
    return [*map(str, there + missing), *texts, None, 3, [str(folder)], {"path": str(folder)}]


def test_only_a_regular_file_of_the_folder_is_an_upload(folder: Path) -> None:
    (folder / "a/own.png").write_bytes(b"own")
    assert uploaded(folder, str(folder / "a/own.png")) == folder.resolve() / "a/own.png"
    assert all(uploaded(folder, named) is None for named in elsewhere(folder))


def test_the_desk_opens_no_other_file_and_tells_nothing_of_it(desk: Desk, folder: Path) -> None:
    said = set()
    for named in elsewhere(folder):
        with pytest.raises(StyleAlignError) as raised:
            desk.find(named)
        said.add(str(raised.value))
    assert len(said) == 1 and str(folder) not in said.pop()


def asked(app: Any, method: str, path: str, sent: Any = None) -> int:
    """Return the status of one request."""
    status: list[int] = []
    messages = [{"type": "http.request", "body": sent if isinstance(sent, bytes) else json.dumps(sent).encode()}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        status.extend([message["status"]] if message["type"] == "http.response.start" else [])

    headers = [(b"host", b"localhost:1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"", "root_path": ""}
    asyncio.run(app({**scope, "raw_path": path.encode(), "http_version": "1.1", "scheme": "http"}, receive, send))
    return status[0]


def test_a_file_that_is_not_the_pages_is_refused_before_gradio(folder: Path) -> None:
    guard = Guard(PlainTextResponse("answered"), ("localhost",), folder)
    (folder / "a/own.png").write_bytes(b"own")
    call = lambda named: {"fn_index": 1, "data": [3, {"deep": [{"path": named, **META}]}]}  # noqa: E731
    join, own = "/gradio_api/queue/join", str(folder / "a/own.png")
    assert asked(guard, "POST", join, call(own)) == 200
    assert asked(guard, "GET", f"/gradio_api/file={own}") == 200
    for named in elsewhere(folder):
        assert asked(guard, "POST", join, call(named)) == 403
        if isinstance(named, str):
            assert asked(guard, "GET", f"/gradio_api/file={named}") == 403
    assert asked(guard, "POST", join, b"x" * (LARGEST_CALL + 1)) == 403
    assert asked(guard, "POST", join, b"[" * 99_999) == 403
    assert asked(guard, "POST", "/gradio_api/run/take", call(own)) == 403


def test_gradio_itself_refuses_it_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard's word on paths the value of any control would name a file that gradio copies to its cache."""
    from gradio.context import LocalContext
    from gradio.exceptions import InvalidPathError
    from gradio.processing_utils import _check_allowed

    app: Any = app_of(desk)
    blocks = next(route.app for route in app.routes if hasattr(getattr(route, "app", None), "get_blocks")).get_blocks()
    token = LocalContext.blocks.set(blocks)
    try:
        with pytest.raises(InvalidPathError, match="not uploaded by a user"):
            _check_allowed("/etc/passwd", check_in_upload_folder=True)
    finally:
        LocalContext.blocks.reset(token)


def test_others_draw_while_a_picture_is_found(desk: Desk, folder: Path) -> None:
    began, ends = threading.Event(), threading.Event()

    def slow() -> Any:
        began.set()
        assert ends.wait(LIMIT_S)
        raise StyleAlignError("ended")

    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(folder / "a/grey.png")
    picture = str(folder / "a/grey.png")
    busy = Desk(desk.explorer, None, slow, folder)
    with ThreadPoolExecutor() as pool:
        try:
            assert not busy.must_wait(picture)
            found: Future[Any] = pool.submit(busy.find, picture)
            assert began.wait(LIMIT_S)
            assert busy.must_wait(picture) and not busy.must_wait(str(folder / "a/codes.npz"))
            assert len(pool.submit(busy.tiles, None, *CONTROLS).result(LIMIT_S)) == 2
        finally:
            ends.set()
        with pytest.raises(StyleAlignError, match="ended"):
            found.result(LIMIT_S)


def test_others_draw_while_a_morph_is_saved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ends = threading.Event(), threading.Event()

    def slow(path: Path, frames: Any) -> None:
        next(frames)
        began.set()
        assert ends.wait(LIMIT_S)

    monkeypatch.setattr(desks, "save_morph", slow)
    before = desk.tiles(None, *CONTROLS)
    with ThreadPoolExecutor() as pool:
        try:
            morph = pool.submit(desk.morph_file, None, *CONTROLS)
            assert began.wait(LIMIT_S)
            drawn = pool.submit(desk.tiles, None, *CONTROLS).result(LIMIT_S)
        finally:
            ends.set()
        assert morph.result(LIMIT_S).endswith("morph.mp4")
    assert all(np.array_equal(old.pixels, new.pixels) for old, new in zip(before, drawn, strict=True))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        *(
            (0, seed, "^Seed: must be a whole number")
            for seed in (-1, 99_999_999_999, 1.5, None, "1", float("nan"), True)
        ),
        (1, 2**32, "^Seed that the code goes to: must be a whole number from 0 to 4294967295$"),
        (2, 1.1, "^Code .*from 0 to 1$"),
        (3, -0.1, "^Weights .*from 0 to 1.5$"),
        (5, "1", "^Truncation .*from 0 to 1.2$"),
        (6, ["nowhere"], "^Directions: no 'nowhere'"),
    ],
)
def test_a_wrong_value_is_said_by_the_name_of_its_field(desk: Desk, place: int, value: Any, words: str) -> None:
    values = [*CONTROLS, 0.0]
    values[place] = value
    with pytest.raises(StyleAlignError, match=words):
        desk.tiles(None, *values)
