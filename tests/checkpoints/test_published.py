"""Published families: their entries in the zoo, and small files of the same forms from a stand-in of Google Drive."""

from pathlib import Path

import pytest
import yaml

from stylealign.checkpoints.checkpoint import load
from stylealign.checkpoints.download import Policy
from stylealign.checkpoints.fetch import Cache, fetch
from stylealign.checkpoints.zoo import load_zoo
from stylealign.config import Config, validate
from tests.checkpoints.conftest import Model
from tests.checkpoints.server import Server, drive_folder, drive_form, serve
from tests.checkpoints.test_addresses import Drive
from tests.checkpoints.test_importers import rosinality_file, tensorflow_file

ROOT = Path(__file__).parents[2]
ZOO = ROOT / "data" / "zoo.yaml"
PUBLISHED = validate(Config, yaml.safe_load((ROOT / "config" / "published.yaml").read_text()), "published.yaml")


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Drive:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Drive(monkeypatch)


def test_every_published_model_is_in_the_zoo_at_its_size() -> None:
    known = load_zoo(ZOO).models
    for model in PUBLISHED.models.values():
        assert known[str(model.fetch)].resolution_px == PUBLISHED.domains[model.domain].resolution_px
    children = [model for model in PUBLISHED.models.values() if model.parent]
    assert len(children) == 11
    assert all(model.fetch for model in PUBLISHED.models.values()), "nothing is trained"
    addresses = [url for model in PUBLISHED.models.values() for url in known[str(model.fetch)].urls]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("name", ["ffhq-256-rosinality", "disney-256-structure"])
def test_a_published_child_is_resumed_checked_and_read(drive: Drive, tmp_path: Path, small: Model, name: str) -> None:
    content = rosinality_file(tmp_path / "child.pt", small).read_bytes()
    cache = Cache(tmp_path / "cache", policy=Policy(attempts=3, sleep=drive.waits.append))
    half = len(content) // 2
    script = drive_form("/confirmed"), serve(content, stop_after=half), drive_form("/confirmed"), serve(content)
    with Server(*script) as server:
        drive.at(server)
        told = fetch(name, tmp_path / "model.safetensors", zoo=ZOO, cache=cache)
        address = load_zoo(ZOO).models[name].urls[0]
        assert address.split("/")[-2] in server.requests[0][0]
    assert told["source_format"] == "rosinality"
    assert load(tmp_path / "model.safetensors").architecture.resolution == 32
    again = fetch(name, tmp_path / "again.safetensors", zoo=ZOO, cache=Cache(tmp_path / "cache", offline=True))
    assert again["sha256"] == told["sha256"]


def test_a_file_of_the_papers_folder_is_found_by_its_name(drive: Drive, tmp_path: Path, small: Model) -> None:
    content = tensorflow_file(tmp_path / "dog.pkl", small).read_bytes()
    listing = drive_folder(
        **{"ffhq512_cat.pkl": "2" * 33, "ffhq512_dog.pkl": "3" * 33, "ffhq512_dog_cat.pkl": "4" * 33}
    )
    with Server(listing, serve(content)) as server:
        drive.at(server)
        told = fetch("stylealign-dog", tmp_path / "dog.safetensors", zoo=ZOO, cache=Cache(tmp_path / "cache"))
        assert f"id={'3' * 33}" in server.requests[1][0]
    assert told["source_format"] == "stylegan2-tensorflow"
