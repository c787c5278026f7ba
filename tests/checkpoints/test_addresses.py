"""Addresses that people copy from a browser, and hosts that send a page first."""

import fnmatch
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from stylealign.checkpoints import addresses
from stylealign.checkpoints.addresses import direct
from stylealign.checkpoints.download import Policy, download
from stylealign.checkpoints.fetch import Cache, fetch
from stylealign.checkpoints.zoo import default_zoo
from stylealign.cli.main import main
from stylealign.errors import StyleAlignError
from tests.checkpoints.conftest import Model
from tests.checkpoints.server import Answer, Server, drive_folder, drive_form, drive_quota, page, serve
from tests.checkpoints.test_importers import ada_file

ROOT = Path(__file__).parents[2]
ID = "1" * 33
DRIVE = f"https://drive.usercontent.google.com/download?id={ID}&export=download&confirm=t"
DATA = bytes(range(256)) * 512


@pytest.mark.parametrize(
    ("shown", "sent"),
    [
        (f"https://drive.google.com/file/d/{ID}/view?usp=sharing", DRIVE),
        (f"https://drive.google.com/file/u/1/d/{ID}/edit", DRIVE),
        (f"https://drive.google.com/open?id={ID}", DRIVE),
        (f"https://drive.google.com/uc?id={ID}&export=download", DRIVE),
        (f"https://docs.google.com/uc?export=download&id={ID}", DRIVE),
        (f"https://drive.google.com/file/d/{ID}/view?resourcekey=0-ab", f"{DRIVE}&resourcekey=0-ab"),
        ("https://www.dropbox.com/s/abc/net.pkl?dl=0", "https://www.dropbox.com/s/abc/net.pkl?dl=1"),
        ("https://www.dropbox.com/scl/fi/a/n.pt?rlkey=k&dl=0", "https://www.dropbox.com/scl/fi/a/n.pt?rlkey=k&dl=1"),
        ("https://dropbox.com/s/abc/net.pkl", "https://dropbox.com/s/abc/net.pkl?dl=1"),
        ("https://github.com/o/r/blob/main/a/blob/n.pt", "https://github.com/o/r/raw/main/a/blob/n.pt"),
        ("https://github.com/o/r/releases/download/v1/n.pt", "https://github.com/o/r/releases/download/v1/n.pt"),
        ("https://gitlab.com/g/s/r/-/blob/main/n.pt", "https://gitlab.com/g/s/r/-/raw/main/n.pt"),
        ("https://huggingface.co/o/r/blob/main/n.pkl", "https://huggingface.co/o/r/resolve/main/n.pkl"),
        ("https://hf.co/datasets/o/r/blob/main/n.zip", "https://hf.co/datasets/o/r/resolve/main/n.zip"),
        ("https://huggingface.co/o/r/resolve/main/n.pkl", "https://huggingface.co/o/r/resolve/main/n.pkl"),
        ("https://example.org/blob/n.pkl?dl=0", "https://example.org/blob/n.pkl?dl=0"),
    ],
)
def test_the_page_of_a_file_becomes_the_file(shown: str, sent: str) -> None:
    assert direct(shown) == sent
    assert direct(sent) == sent, "what is direct stays"


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> "Drive":
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Drive(monkeypatch)


class Drive:
    """Google Drive, played by a local server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.waits: list[float] = []
        self.policy = Policy(attempts=3, sleep=self.waits.append)

    def at(self, server: Server) -> None:
        self.monkeypatch.setattr(addresses, "DRIVE_FILE", server.url)
        self.monkeypatch.setattr(addresses, "DRIVE_FOLDER", server.url)

    def download(self, path: Path, *script: Answer) -> list[str]:
        """Download a shared file; return the paths that were asked for."""
        with Server(*script) as server:
            self.at(server)
            download([f"https://drive.google.com/file/d/{ID}/view"], path, None, self.policy)
        return [asked for asked, _ in server.requests]


def test_a_form_before_a_large_file_is_confirmed(drive: Drive, tmp_path: Path) -> None:
    asked = drive.download(tmp_path / "file", drive_form("/confirmed"), serve(DATA))
    assert (tmp_path / "file").read_bytes() == DATA
    assert f"id={ID}" in asked[0]
    assert asked[1] == f"/confirmed?id={ID}&export=download&confirm=t&uuid=a-b-c"
    assert drive.waits == []


def test_a_quota_that_passes_is_waited_for(drive: Drive, tmp_path: Path) -> None:
    drive.download(tmp_path / "file", drive_quota(), drive_form("/confirmed"), drive_quota(), serve(DATA))
    assert (tmp_path / "file").read_bytes() == DATA
    assert len(drive.waits) == 2


def test_a_form_in_the_middle_of_a_download_keeps_what_is_there(drive: Drive, tmp_path: Path) -> None:
    half = len(DATA) // 2
    asked = drive.download(tmp_path / "file", serve(DATA, stop_after=half), drive_form("/confirmed"), serve(DATA))
    assert (tmp_path / "file").read_bytes() == DATA
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ([drive_quota()], "limit of downloads of this file is reached for now: try again in a day"),
        ([drive_form("/confirmed")], "the server sent a web page instead of the file"),
        ([page("<form id='search'></form> Sign in")], "the server sent a web page instead of the file"),
    ],
)
def test_what_is_no_file_is_said_and_leaves_nothing(
    script: list[Answer], told: str, drive: Drive, tmp_path: Path
) -> None:
    with pytest.raises(StyleAlignError, match=told):
        drive.download(tmp_path / "file", *script)
    assert {path.name for path in tmp_path.iterdir()} <= {"file.lock"}


def test_a_folder_with_one_model_is_that_model(drive: Drive, tmp_path: Path, small: Model) -> None:
    content = ada_file(tmp_path / "parent.pkl", small).read_bytes()
    listing = drive_folder(**{"notes.txt": "2" * 33, "folder": "3" * 33, "net &amp; co.pkl": ID})
    url, cache = f"https://drive.google.com/drive/folders/{'4' * 33}?usp=sharing", Cache(tmp_path / "cache")
    with Server(listing, serve(content)) as server:
        drive.at(server)
        fetch(url, tmp_path / "model.safetensors", zoo=tmp_path / "zoo.yaml", cache=cache)
        assert [f"id={number * 33}" in path for (path, _), number in zip(server.requests, "41", strict=True)]
    fetch(url, tmp_path / "again.safetensors", zoo=tmp_path / "zoo.yaml", cache=cache)  # without the server


def test_one_of_several_models_in_a_folder_is_named_after_a_hash(drive: Drive, tmp_path: Path, small: Model) -> None:
    content = ada_file(tmp_path / "parent.pkl", small).read_bytes()
    listing = drive_folder(**{"a.pkl": "2" * 33, "ffhq512_dog.pkl": ID})
    url, cache = f"https://drive.google.com/drive/folders/{'4' * 33}", Cache(tmp_path / "cache")
    with Server(listing, serve(content), listing) as server:
        drive.at(server)
        fetch(f"{url}#ffhq512_dog.pkl", tmp_path / "model.safetensors", zoo=tmp_path / "zoo.yaml", cache=cache)
        assert f"id={ID}" in server.requests[1][0]
        with pytest.raises(
            StyleAlignError, match=r"no .ffhq512_cat\.pkl. among 2 files, give the address of one: a\.pkl"
        ):
            fetch(f"{url}#ffhq512_cat.pkl", tmp_path / "cat.safetensors", zoo=tmp_path / "zoo.yaml", cache=cache)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"a.pt": ID, "b.pt": "2" * 33},
            f"2 files, give the address of one: a.pt \\(https://drive.google.com/file/d/{ID}",
        ),
        ({}, "no file that everyone may see"),
    ],
)
def test_a_folder_of_several_models_lists_them(files: dict[str, str], told: str, drive: Drive, tmp_path: Path) -> None:
    url = f"https://drive.google.com/drive/folders/{'4' * 33}"
    with Server(drive_folder(**files)) as server:
        drive.at(server)
        with pytest.raises(StyleAlignError, match=told):
            fetch(url, tmp_path / "model.safetensors", zoo=tmp_path / "zoo.yaml", cache=Cache(tmp_path / "cache"))


def test_bundled_models_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_zoo() == ROOT / "data" / "zoo.yaml"
    assert main(["fetch", "human-64-a", "--out", "parent.safetensors"]) == 0
    assert json.loads(capsys.readouterr().out)["source_format"] == "native"
    own = tmp_path / "data" / "zoo.yaml"
    own.parent.mkdir()
    own.write_text("models: {}\n")
    assert default_zoo() == own.relative_to(tmp_path), "a list of one's own comes first"


def test_the_wheel_carries_the_list_and_every_bundled_model() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = project["tool"]["setuptools"]["data-files"]
    assert carried["share/stylealign"] == ["data/zoo.yaml"]
    models = yaml.safe_load((ROOT / "data" / "zoo.yaml").read_text())["models"]
    for entry in models.values():
        if "path" in entry:
            folder, pattern = "share/stylealign/" + str(Path(entry["path"]).parent), "data/" + entry["path"]
            assert any(fnmatch.fnmatch(pattern, glob) for glob in carried[folder])


@pytest.mark.parametrize("address", ["http://[::1", "https:///models/a.pkl"])
def test_what_is_no_address_is_one_line(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", address, "--out", str(tmp_path / "m.safetensors"), "--cache-dir", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"stylealign fetch: {address}: ")
