"""What a user gets for a file that is missing, of another kind or empty: one line, exit 2, nothing written."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylealign.applications.labels.networks import LabelSpec, network_of, save_label_network
from stylealign.checkpoints import native
from stylealign.cli.main import main
from tests.report.test_edits import SMALL, generator

OVERVIEW = "figures overview a=model.safetensors b=model.safetensors --out x.png --data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    native.save(folder / "model.safetensors", generator=generator(0))
    save_label_network(
        folder / "net.safetensors", network_of(LabelSpec("segmentation", ("one", "two"), SMALL.resolution, 2, 0)), {}
    )
    (folder / "text.safetensors").write_text("hello\n")
    (folder / "text.png").write_text("hello\n")
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.new("RGB", (80, 70)).save(folder / "picture.png")
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("fetch model.safetensors --parent none.safetensors --out x.safetensors", "none.safetensors: no such file"),
        ("fetch none.safetensors --out x.safetensors", "none.safetensors: no such file; give a model, a name in "),
        ("fetch a/b --out x.safetensors", "a/b: no such file; give a model, a name in "),
        ("fetch empty --out x.safetensors", "empty: is a folder; give the model in it"),
        ("fetch human-64-a --zoo text.png --out x.safetensors", "text.png: its content: must be keys with values"),
        ("fetch model.safetensors --out empty", "empty: a folder; name a file in it"),
        ("fetch model.safetensors --out x.pkl", "x.pkl: a native checkpoint ends in .safetensors; name it so"),
        (
            "encoder --model model.safetensors --data data.zip --out x.pt",
            "x.pt: an encoder ends in .safetensors; name it so",
        ),
        (
            "encoder --model model.safetensors --data data.zip --out x.safetensors --weights none.pth",
            "--weights: efficientnet-lite0 comes with a package and takes no none.pth; leave it out",
        ),
        (
            "supervise --task pose --data data.zip --annotations data.npz --out x.pt",
            "x.pt: a label network ends in .safetensors; name it so",
        ),
        ("info net.safetensors", "net.safetensors: holds stylealign-label-network-1, no model"),
        ("info text.safetensors", "text.safetensors: too short for a model"),
        ("predict model.safetensors picture.png --out-dir x", "model.safetensors: not a label network"),
        ("predict picture.png picture.png --out-dir x", "picture.png: no label network, or a damaged one"),
        ("predict empty picture.png --out-dir x", "empty: a folder; give a file of `stylealign supervise`"),
        (
            "predict net.safetensors one.png --out-dir x",
            "one.png: holds no picture that can be read: 1x1 px show nothing",
        ),
        (f"{OVERVIEW} none.png", "none.png: no such file; give a picture, or a folder or zip of pictures"),
        (f"{OVERVIEW} text.png", "text.png: holds no picture that can be read: not an image"),
        (f"{OVERVIEW} one.png", "one.png: holds no picture that can be read: 1x1 px show nothing"),
        (f"{OVERVIEW} empty", "empty: holds no picture that can be read"),
        ("figures morphing a=none.png --out x.png", "none.png: no such file"),
        ("edit --model model.safetensors --channel b8.conv0/0 --pictures none.png --grid x.png", "none.png: no such"),
    ],
)
def test_one_line_and_nothing_written(
    folder: Path, words: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    assert main(words.split()) == 2
    errors = capsys.readouterr().err
    assert told in errors
    assert len(errors.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "words",
    [
        "grow model.safetensors --out model.safetensors",
        "grow model.safetensors --out empty/../model.safetensors",
        "convert model.safetensors model.safetensors",
        "fetch model.safetensors --out model.safetensors",
        "pack model.safetensors --out model.safetensors",
        "encoder --model model.safetensors --data data.zip --out model.safetensors",
        "blend model.safetensors net.safetensors --out net.safetensors",
        "transfer --task segmentation --parent model.safetensors --child model.safetensors --labeller net.safetensors "
        "--out net.safetensors",
        "edit --model model.safetensors --channel b8.conv0/0 --pictures picture.png --grid picture.png",
        "edit --model model.safetensors --channel b8.conv0/0 --pictures picture.png --video x.gif --zip x.zip "
        "--grid picture.png",
        "figures overview a=model.safetensors b=model.safetensors --data picture.png --out picture.png",
        "figures morphing a=one.png b=picture.png --out picture.png",
    ],
)
def test_a_file_that_is_read_is_not_written_over(
    folder: Path, words: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(words.split()) == 2
    errors = capsys.readouterr().err
    assert " is read too, and what it holds would be lost; name another file" in errors
    assert len(errors.splitlines()) == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("data", "out", "told"),
    [
        ("photos", "photos", "photos lies in the folder of the pictures; name another"),
        ("photos", "photos/codes", "photos/codes lies in the folder of the pictures; name another"),
        ("photos/sheet.png", "photos", "photos/sheet.png would be written over; name another"),
        ("photos/reconstructions.zip", "photos", "photos/reconstructions.zip would be written over; name another"),
    ],
)
def test_codes_take_the_place_of_no_pictures(
    tmp_path: Path, data: str, out: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    native.save(tmp_path / "model.safetensors", generator=generator(0))
    assert main(["invert", "--model", "model.safetensors", "--data", data, "--out-dir", out]) == 2
    assert capsys.readouterr().err == f"stylealign invert: --out-dir: {told}\n"
    assert list((tmp_path / "photos").iterdir()) == []


def test_a_word_that_is_called_like_a_file_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    native.save(tmp_path / "model.safetensors", generator=generator(0))
    (tmp_path / "latest.safetensors").write_text("of before")
    assert main(["fetch", "model.safetensors", "--out", "latest.safetensors"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == "latest.safetensors"


@pytest.mark.parametrize("number", ["-1", "0", "1.5", "x", "99999999999999999999"])
@pytest.mark.parametrize(
    "words",
    [
        "figures samples a=model.safetensors --out x.png --columns",
        "figures overview --out x.png --images",
        "generate model.safetensors --grid x.png --columns",
        "edit --model model.safetensors --channel b8.conv0/0 --video x.gif --frames",
    ],
)
def test_a_count_is_a_whole_number_within_reason(words: str, number: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), number])
    assert ended.value.code == 2
    assert f"'{number}' is " in capsys.readouterr().err
