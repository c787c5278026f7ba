"""`stylealign data fetch` and `fetch --weights`: published files, downloaded from a server of the test."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
import yaml
from PIL import Image

from stylealign.checkpoints.zoo import load_zoo
from stylealign.cli.main import main
from stylealign.config import Config
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from tests.checkpoints.server import Server, serve, status

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def picture(shade: int) -> bytes:
    """Return a PNG whose mean tells its number."""
    file = io.BytesIO()
    Image.fromarray(np.full((10, 10, 3), shade, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def animals() -> bytes:
    """Return an archive of the layout of AFHQ: dogs are shades below 100, cats above; tests are odd."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("set/license.txt", np.random.default_rng(0).bytes(40_000))
        for kind, first in (("dog", 0), ("cat", 100)):
            for index in range(6):
                archive.writestr(f"set/train/{kind}/{index}.png", picture(first + 4 * index))
            for index in range(3):
                archive.writestr(f"set/val/{kind}/{index}.png", picture(first + 4 * index + 1))
    return file.getvalue()


def write_zoo(folder: Path, url: str, **changes: Any) -> Path:
    entry = {
        "description": "dogs",
        "urls": [url],
        "format": "zip",
        "licence": "MIT",
        "train": "set/train/dog",
        "test": "set/val/dog",
    }
    weights = {"description": "a network", "urls": [url], "licence": "MIT"}
    entry = {key: value for key, value in (entry | changes).items() if value is not None}
    zoo = {"models": {}, "datasets": {"dogs": entry}, "weights": {"net": weights}}
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    return folder / "zoo.yaml"


def fetch(folder: Path, zoo: Path, *flags: str, train: int = 5, test: int = 3) -> int:
    command = ["data", "fetch", "dogs", "--zoo", str(zoo), "--cache-dir", str(folder / "cache"), "--out-dir"]
    sizes = ["--resolution-px", "8", "--train-images", str(train), "--test-images", str(test)]
    return main([*command, str(folder / "out"), *sizes, *flags])


def shades(path: Path) -> set[int]:
    return {round(float(image.mean())) for image in ImageZip(path).read()}


def test_an_archive_is_imported_with_its_own_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(serve(animals())) as server:
        zoo = write_zoo(tmp_path, server.url)
        assert fetch(tmp_path, zoo) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 9, "the cats are not read"
    assert shades(tmp_path / "out/test.zip") == {1, 5, 9}
    train = shades(tmp_path / "out/train.zip")
    assert len(train) == 5
    assert train < {0, 4, 8, 12, 16, 20}
    assert json.loads((tmp_path / "out/config.json").read_text())["fetch"] == "dogs"
    assert fetch(tmp_path, zoo, "--offline") == 0, "a second time it comes from the cache"


def test_labels_of_a_published_set_meet_its_pictures_by_their_names_in_the_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"set/train/dog/{index}.png" for index in range(6)] + [f"set/val/dog/{index}.png" for index in range(3)]
    rows = [f"{name},{'yes' if place % 2 else 'no'}" for place, name in enumerate(names)]
    others = ["set/val/cat/0.png,yes", "0.png,yes"]
    (tmp_path / "labels.csv").write_text("\n".join(["image,old", *rows, *others]))
    with Server(serve(animals())) as server:
        assert fetch(tmp_path, write_zoo(tmp_path, server.url), "--attributes", str(tmp_path / "labels.csv")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["labelled"] == {"train": {"attributes": 5}, "test": {"attributes": 3}}
    assert told["labels_rejected"] == {"labels.csv: several pictures of that name": 1}, "not the cat's by its path"
    found = Annotations.load(tmp_path / "out/test.annotations.npz")
    shade = [round(float(image.mean())) for image in ImageZip(tmp_path / "out/test.zip").read()]
    value = np.array(found.attribute_values["old"])[found.attributes["old"]]
    assert dict(zip(shade, value, strict=True)) == {1: "no", 5: "yes", 9: "no"}
    before = (tmp_path / "out/train.zip").stat().st_mtime_ns
    (tmp_path / "labels.csv").write_text("\n".join(["image,old", f"{names[-1]},yes"]))
    labels = ("--attributes", str(tmp_path / "labels.csv"), "--labels-only", "--offline")
    assert fetch(tmp_path, tmp_path / "zoo.yaml", *labels) == 0
    assert json.loads(capsys.readouterr().out)["labelled"] == {"train": {"attributes": 0}, "test": {"attributes": 1}}
    assert (tmp_path / "out/train.zip").stat().st_mtime_ns == before


def test_a_broken_download_goes_on(tmp_path: Path) -> None:
    data = animals()
    with Server(serve(data, stop_after=30_000), serve(data)) as server:
        assert fetch(tmp_path, write_zoo(tmp_path, server.url)) == 0
        assert "Range" in server.requests[1][1]


@pytest.mark.parametrize(
    ("changes", "flags", "message"),
    [
        ({}, {"test": 4}, "3 usable images in set/val/dog/ (0 files skipped), fewer than test_images = 4; lower it"),
        ({"test": None}, {"train": 5, "test": 2}, "6 usable images (0 files skipped), fewer than train_images + test"),
        (
            {"urls": None, "page": "https://example.org/dogs"},
            {},
            "dogs: has no direct address; download it from "
            "https://example.org/dogs and set `path` to the file instead of `fetch`",
        ),
    ],
)
def test_what_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], flags: dict[str, int], message: str
) -> None:
    with Server(serve(animals())) as server:
        assert fetch(tmp_path, write_zoo(tmp_path, server.url, **changes), **flags) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stylealign data: ")]
    assert len(told) == 1
    assert message in told[0]
    assert not (tmp_path / "out/train.zip").exists()


def test_an_unknown_name_gets_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo = write_zoo(tmp_path, "http://127.0.0.1:9/x.zip")
    assert main(["data", "fetch", "dog", "--zoo", str(zoo), "--out-dir", str(tmp_path / "out")]) == 2
    assert "dog: no such name among the datasets of" in (told := capsys.readouterr().err)
    assert "did you mean 'dogs'?" in told


def test_an_lmdb_archive_is_read_value_by_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        lmdb.open(str(tmp_path / "church_lmdb"), map_size=1 << 20) as environment,
        environment.begin(write=True) as put,
    ):
        for index in range(7):
            put.put(f"{index:040x}".encode(), picture(10 * index))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(tmp_path / "church_lmdb/data.mdb", "church_lmdb/data.mdb")
    with Server(serve(file.getvalue())) as server:
        zoo = write_zoo(tmp_path, server.url, format="lmdb", train=None, test=None)
        assert fetch(tmp_path, zoo, train=5, test=2) == 0
    both = [shades(tmp_path / f"out/{split}.zip") for split in ("train", "test")]
    assert both[0] | both[1] == {0, 10, 20, 30, 40, 50, 60}
    assert not both[0] & both[1]
    with Server(serve(animals())) as server:
        zoo = write_zoo(tmp_path, f"{server.url}.zip", format="lmdb", train=None, test=None)
        assert fetch(tmp_path, zoo) == 2
    assert "holds no data.mdb, so no LMDB environment" in capsys.readouterr().err


def test_weights_are_stored_as_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["fetch", "net", "--weights", "--cache-dir", str(tmp_path / "cache"), "--out", str(tmp_path / "net.pth")]
    with Server(status(503), serve(b"numbers")) as server:
        assert main([*command, "--zoo", str(write_zoo(tmp_path, server.url))]) == 0
    assert (tmp_path / "net.pth").read_bytes() == b"numbers"
    assert len(json.loads(capsys.readouterr().out)["sha256"]) == 64


def test_weights_of_another_checksum_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.pth"
    command = ["fetch", "net", "--weights", "--cache-dir", str(tmp_path / "cache"), "--out", str(out)]
    with Server(serve(b"numbers")) as server:
        command += ["--zoo", str(write_zoo(tmp_path, server.url))]
        assert main([*command, "--sha256", "0" * 64]) == 2
        assert f"not {'0' * 64} as --sha256 says" in capsys.readouterr().err
        assert not out.exists()
        assert main([*command, "--sha256", hashlib.sha256(b"numbers").hexdigest().upper()]) == 0
        assert main([*command, "--parent", "model.safetensors"]) == 2
    assert "--parent: is of models, not of --weights" in capsys.readouterr().err


def test_everything_the_papers_configuration_fetches_is_known() -> None:
    zoo = load_zoo(ROOT / "data" / "zoo.yaml")
    config = Config.model_validate(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text()))
    assert {domain.fetch for domain in config.domains.values()} <= zoo.datasets.keys()
    for model in config.models.values():
        if model.fetch is not None:
            assert zoo.models[model.fetch].resolution_px == config.domains[model.domain].resolution_px
    assert {config.metrics.features, config.metrics.perceptual, config.inversion.perceptual} <= zoo.weights.keys()
    children = {name for name, model in config.models.items() if model.parent and not model.control_of}
    assert {model.control_of for model in config.models.values()} - {None} == children, "every child has its control"
