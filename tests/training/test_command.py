"""`stylealign train` from end to end, on tiny images."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stylealign import load
from stylealign.checkpoints.snapshots import read_snapshots
from stylealign.cli.main import main
from stylealign.config import TrainSettings
from stylealign.datasets.images import write_image_zip
from stylealign.files import sha256_of_file
from stylealign.latents.encoding import save_encoder
from stylealign.metrics.alignment_score import PARTS
from stylealign.networks.components import component_of
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.training.evaluation import Evaluation

ARCHITECTURE = '{"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}'
SHORT = ["--kimg", "0.032", "--batch-size", "8", "--snapshot-kimg", "0.016", "--threads", "1"]


class Pixels(nn.Module):
    """Features that are quick: 4 x 4 means."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (16, 3, 16, 16), dtype=np.uint8)
    write_image_zip(tmp_path / "train.zip", images)
    return tmp_path / "train.zip"


def train(data: Path, name: str, *flags: str) -> Path:
    """Train into the folder `name`; return it."""
    folder = data.parent / name
    arguments = [
        "train",
        "--data",
        str(data),
        "--run-dir",
        str(folder / "run"),
        "--out-dir",
        str(folder),
        *flags,
        *SHORT,
    ]
    assert main(arguments) == 0
    return folder


def test_a_parent_and_a_child_of_which_a_part_is_trained(data: Path) -> None:
    parent = load(train(data, "parent", "--architecture", ARCHITECTURE, "--no-noise") / "model.safetensors")
    flags = ["--init-from", str(data.parent / "parent" / "model.safetensors"), "--freeze-d", "2", "--augment", "bgc"]
    folder = train(data, "child", *flags, "--train-only", "affine", "torgb")
    child = load(folder / "model.safetensors")
    assert child.info["settings"]["train_only"] == ["affine", "torgb"]
    assert child.info["parent"] == parent.sha256
    assert child.generator_raw is not None
    before = dict(parent.generator.named_parameters())  # what is not trained keeps the averaged parent's weights
    moved = {
        (component_of(n) or [""])[0] for n, p in child.generator_raw.named_parameters() if not torch.equal(p, before[n])
    }
    assert moved == {"affine", "torgb"}
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert {"gradient_norm_g", "gradient_norm_d", "memory_gib", "ada_p", "images_per_s"} <= lines[-1].keys()
    assert list((folder / "run").glob("events.out.tfevents*"))


def test_the_selected_snapshot_becomes_the_model(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Path | None] = []
    monkeypatch.setattr(
        "stylealign.training.evaluation.feature_extractor", lambda name, weights: taken.append(weights) or Pixels()
    )
    weights = data.parent / "inception.pth"
    weights.write_bytes(b"weights")
    monkeypatch.setattr("stylealign.metrics.fid_kid.FEWEST_IMAGES", 0)
    flags = ["--evaluate-kimg", "0.008", "--evaluate-images", "40", "--select", "best-kid"]
    flags += ["--evaluate-features", "inception-v3", "--weights", str(weights)]
    folder = train(data, "model", "--architecture", ARCHITECTURE, *flags)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    measured = {line["kimg"]: line["kid[inception-v3]"] for line in lines if "kid[inception-v3]" in line}
    assert list(measured) == [0.008, 0.016, 0.024, 0.032]
    model = load(folder / "model.safetensors")
    assert taken == [weights]
    assert model.info["provenance"]["inputs_sha256"]["weights"] == sha256_of_file(weights)
    assert model.info["kimg"] == min(measured, key=measured.__getitem__)
    assert model.generator_raw is not None
    assert model.discriminator is not None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset", "paper"], "preset: Input should be 'paper256'"),
        (["--train-only", "everything"], "train_only.0: Input should be 'mapping'"),
        (["--select", "aligned-fid", "--evaluate-kimg", "0.01"], "select aligned-fid: needs a parent"),
        (
            ["--select", "best-fid", "--evaluate-kimg", "1"],
            "select best-fid: evaluate_kimg 1 is one measurement in 0.0",
        ),
        (["--freeze-d", "2"], "--freeze-d: keeps weights of a parent; name it with --init-from, or leave it out"),
        (
            ["--train-only", "torgb"],
            "--train-only: keeps weights of a parent; name it with --init-from, or leave it out",
        ),
        (["--select", "best-fid"], "select best-fid needs evaluate_kimg"),
        (["--accumulate", "3"], "batch_size 8 must be a multiple of accumulate, 3"),
        (["--architecture", "[]"], "--architecture: must be a JSON object"),
        (["--architecture", '{"channel_base": 15}'], "channel_base 15 leaves no channels at 16 px; give 16 or more"),
    ],
)
def test_mistakes_are_told(data: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(data.parent / "x")
    assert main(["train", "--data", str(data), "--run-dir", out, "--out-dir", out, *SHORT, *flags]) == 2
    assert message in capsys.readouterr().err


def test_too_few_images_to_measure_by_are_told_at_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image_zip(data, np.zeros((3, 3, 16, 16), dtype=np.uint8))
    out = str(data.parent / "x")
    flags = ["--architecture", ARCHITECTURE, "--kimg", "0.002", "--batch-size", "2", "--evaluate-kimg", "1"]
    assert main(["train", "--data", str(data), "--run-dir", out, "--out-dir", out, *flags]) == 2
    assert "has 3 images, FID and KID need at least 4; add images, or leave out" in capsys.readouterr().err


def test_a_preset_gives_what_is_left_out(data: Path) -> None:
    folder = train(data, "model", "--preset", "avatars64", "--r1-gamma", "3", "--architecture", '{"channel_base": 64}')
    model = load(folder / "model.safetensors")
    settings = model.info["settings"]
    assert (settings["learning_rate"], settings["r1_gamma"], settings["batch_size"]) == (0.0025, 3.0, 8)
    assert (model.architecture.z_dim, model.architecture.channel_base, model.architecture.channel_max) == (128, 64, 64)


def test_a_child_keeps_its_snapshots_for_the_curve(data: Path) -> None:
    parent = train(data, "parent", "--architecture", ARCHITECTURE)
    assert not (parent / "snapshots.zip").exists(), "a parent is aligned with nothing"
    child = ["--init-from", str(parent / "model.safetensors"), "--settings", '{"curve_kimg": [0.008, 0.024, 4]}']
    folder = train(data, "child", *child)
    kept = list(read_snapshots(folder / "snapshots.zip"))
    assert [kimg for kimg, _ in kept] == [0.008, 0.024, 0.032], "those on the way, and the end"
    end = load(folder / "model.safetensors").generator
    assert all(torch.equal(value, kept[-1][1].generator.state_dict()[name]) for name, value in end.state_dict().items())
    assert not torch.equal(kept[0][1].generator.synthesis.b4.const, end.synthesis.b4.const)
    longer = [*child, "--kimg", "0.04"]
    arguments = ["train", "--data", str(data), "--run-dir", str(folder / "run"), "--out-dir", str(folder), *SHORT]
    assert main([*arguments, *longer]) == 0
    names = [kimg for kimg, _ in read_snapshots(folder / "snapshots.zip")]
    assert names == [0.008, 0.024, 0.04], "the end of the shorter run is no point of the curve"


def test_the_stopping_rule_keeps_what_it_may_choose(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([9.0, 5.2, 5.0, 6.0])
    monkeypatch.setattr(Evaluation, "__call__", lambda self, generator: {"fid[x]": next(measured), "kid[x]": 0.0})
    parent = train(data, "parent", "--architecture", ARCHITECTURE)
    child = ["--init-from", str(parent / "model.safetensors"), "--evaluate-kimg", "0.008", "--select", "fewest-fid"]
    folder = train(data, "child", *child)
    assert load(folder / "model.safetensors").info["kimg"] == 0.016
    assert load(folder / "model.safetensors").discriminator is not None


def test_a_child_is_held_by_its_parents_encoder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parent = load(train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors")
    reader = data.parent / "encoder.safetensors"
    save_encoder(reader, Encoder(parent.architecture), parent.sha256, {})
    start = ["--init-from", str(data.parent / "parent" / "model.safetensors")]
    keep = ["--settings", '{"keep": {"code": {"weight": 1}, "features": {"weight": 1, "resolutions_px": [8]}}}']
    folder = train(data, "child", *start, *keep, "--encoder", str(reader))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert {"keep_code", "keep_features"} <= lines[-1].keys()
    info = load(folder / "model.safetensors").info
    assert info["provenance"]["inputs_sha256"]["encoder"] == info["encoder"] == sha256_of_file(reader)
    assert info["settings"]["keep"]["code"]["weight"] == 1
    common = ["train", "--data", str(data), "--run-dir", str(folder / "x"), "--out-dir", str(folder / "x"), *SHORT]
    for flags, message in (
        ([*start, *keep], "--encoder: goes with a weight of keep.code"),
        ([*start, "--encoder", str(reader)], "--encoder: goes with a weight of keep.code"),
        (["--settings", '{"keep": {"rgb": {"weight": 1}}}'], "name the parent with --init-from"),
    ):
        assert main([*common, *flags]) == 2
        assert message in capsys.readouterr().err


def test_a_training_says_what_it_begins_before_there_are_numbers(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stylealign.training.evaluation.feature_extractor", lambda name, weights: Pixels())
    monkeypatch.setattr("stylealign.metrics.fid_kid.FEWEST_IMAGES", 0)
    parent = train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors"
    capsys.readouterr()
    flags = ["--init-from", str(parent), "--alignment-latents", "16"]
    train(data, "child", *flags, "--evaluate-kimg", "0.016", "--evaluate-images", "40")
    told = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert told[:3] == [
        "stylealign train: begins: 0.032 kimg, a line about every 1000 images",
        "stylealign train: measures how aligned the child is with its parent, by 16 latents",
        "stylealign train: measures FID and KID by 40 images",
    ]
    assert [line.split(" kimg")[0] for line in told[3:]] == ["0.0 / 0.032"], "the first measurement alone is told"
    train(data, "child", *flags, "--evaluate-kimg", "0.016", "--evaluate-images", "40")
    assert capsys.readouterr().err.startswith("stylealign train: goes on from 0.03 kimg")


def test_a_child_reports_its_alignment_and_is_chosen_by_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([5.0, 4.0, 3.0, 2.0])
    monkeypatch.setattr(Evaluation, "__call__", lambda self, generator: {"fid[x]": next(measured)})
    parent = train(data, "parent", "--architecture", ARCHITECTURE)
    assert "alignment" not in (parent / "log.jsonl").read_text()
    flags = ["--init-from", str(parent / "model.safetensors"), "--select", "aligned-fid", "--select-floor", "1"]
    folder = train(data, "child", *flags, "--evaluate-kimg", "0.008", "--alignment-latents", "16")
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    scores = {line["kimg"]: line["alignment"] for line in lines if "alignment" in line}
    assert list(scores) == [0.008, 0.016, 0.024, 0.032]
    assert all(0 <= score <= 1 for score in scores.values())
    assert all(f"alignment_{part}" in line for line in lines if "alignment" in line for part in PARTS)
    assert load(folder / "model.safetensors").info["kimg"] == max(scores, key=scores.__getitem__)


def test_a_child_is_held_by_default_and_a_plain_one_of_before_goes_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = str(train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors")
    held = train(data, "held", "--init-from", parent)
    assert load(held / "model.safetensors").info["settings"]["keep"]["features"]["weight"] == 8
    assert any("keep_features" in json.loads(line) for line in (held / "log.jsonl").read_text().splitlines())

    plain = ["--init-from", parent, "--settings", '{"keep": {}}']
    folder = train(data, "plain", *plain)
    assert load(folder / "model.safetensors").info["settings"]["keep"] == {}
    identity = json.loads((folder / "run" / "identity.json").read_text())
    del identity["train.keep"]  # a run from before the key
    (folder / "run" / "identity.json").write_text(json.dumps(identity))
    train(data, "plain", *plain)
    capsys.readouterr()
    out = ["--run-dir", str(folder / "run"), "--out-dir", str(folder)]
    assert main(["train", "--data", str(data), "--init-from", parent, *out, *SHORT]) == 2
    told = capsys.readouterr().err
    assert "was started with train.keep = {}, now {'features'" in told
    assert """use the old value (--settings '{"keep": {}}')""" in told


def test_a_way_to_keep_without_a_weight_and_a_rate_that_fits_no_layer_are_told(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = str(train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors")
    out = ["--run-dir", str(data.parent / "run"), "--out-dir", str(data.parent / "out"), "--no-noise"]
    of_noise = {"network": "G", "components": ["const+noise"], "from_px": 8, "rate": 1}
    for keep, told in (
        ({"features": {"resolutions_px": [8]}}, "keep.features: give it a weight too"),
        ({"rates": [{"network": "G", "from_px": 16, "to_px": 8, "rate": 0}]}, "from_px 16 is above to_px 8"),
        ({"rates": [{"network": "D", "from_px": 32, "rate": 0}]}, "keep.rates: no layer of this D fits"),
        ({"rates": [{"network": "G", "from_px": 32, "rate": 0}]}, "keep.rates: no layer of this G fits"),
        ({"rates": [{"network": "G", "rate": 0}, of_noise]}, "keep.rates: noise strengths alone are left to train"),
    ):
        settings = ["--settings", json.dumps({"keep": keep})]
        assert main(["train", "--data", str(data), "--init-from", parent, *out, *SHORT, *settings]) == 2
        assert told in capsys.readouterr().err


def test_null_is_none_for_a_flag_that_may_be_none(data: Path) -> None:
    parent = str(train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors")
    folder = train(data, "child", "--init-from", parent, "--alignment-latents", "null")
    assert load(folder / "model.safetensors").info["settings"]["alignment_latents"] is None


def test_a_parent_ended_again_with_other_keys_without_use_is_the_same_file(data: Path) -> None:
    """Its children know it by its hash, and go on."""
    shape = ["parent", "--architecture", ARCHITECTURE]
    spelled = '{"curve_kimg": [0.008], "learning_rate": 0.0025, "r1_gamma": 0.1, "ema_kimg": 10}'
    parent = train(data, *shape, "--settings", spelled) / "model.safetensors"
    info, before = load(parent).info["settings"], sha256_of_file(parent)
    assert info["curve_kimg"] == [1, 2, 4, 8, 16, 32, 64, 128, 256], "without use, it has its default"
    train(data, *shape, "--preset", "avatars64", "--select-tolerance", "0.3")
    assert sha256_of_file(parent) == before


def test_a_model_of_before_ended_again_is_the_same_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of when keys without use were told as they were set, and those that measure were in no record of the run."""
    parent = str(train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors")
    shape = {"parent": ["--architecture", ARCHITECTURE], "child": ["--init-from", parent]}
    spelled = (
        '{"evaluate_images": 300, "select_tolerance": 0.3, "learning_rate": 0.0025, "r1_gamma": 0.1, "ema_kimg": 10}'
    )
    before = {}
    with monkeypatch.context() as old:
        old.setattr(TrainSettings, "without_idle", lambda settings, is_child: settings)
        for name, said in shape.items():
            folder = train(data, f"old-{name}", *said, "--preset", "avatars64", "--settings", spelled)
            before[name] = sha256_of_file(folder / "model.safetensors")
            assert load(folder / "model.safetensors").info["settings"]["evaluate_images"] == 300
    for name, said in shape.items():
        folder = train(data, f"old-{name}", *said, "--settings", spelled.replace("300", "400"))
        assert sha256_of_file(folder / "model.safetensors") == before[name], name


def test_a_child_is_pulled_back_when_it_is_done(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = train(data, "parent", "--architecture", ARCHITECTURE) / "model.safetensors"
    of_parent = load(parent).generator.synthesis.b4.const

    counts = set()

    def distance(self: Evaluation, one: Generator) -> dict[str, float]:
        counts.add(self._images)
        return {"fid[efficientnet-lite0]": float((one.synthesis.b4.const - of_parent).norm().detach())}

    monkeypatch.setattr(Evaluation, "__call__", distance)
    start = ["child", "--init-from", str(parent), "--settings"]
    plain = load(train(data, *start, '{"keep": {}}') / "model.safetensors")
    before = plain.generator.synthesis.b4.const
    folder = train(data, *start, '{"keep": {"pull": {"tolerance": 1e-9, "images": 300}}}')
    assert counts == {300}, "not of evaluate_images, which another training would have"
    assert not torch.equal(before, of_parent), "the training itself was done before, and is not done again"
    model = load(folder / "model.safetensors")
    assert model.info["pulled"] == {"mapping": 1.0, "4px": 1.0, "8px": 1.0, "16px": 1.0}
    told = capsys.readouterr().err
    assert "shares of the parent's weights: mapping 1, 4px 1, 8px 1, 16px 1" in told
    assert "the child is its parent again" in told
    assert torch.equal(model.generator.synthesis.b4.const, of_parent)
    assert model.generator_raw is not None and model.discriminator is not None and plain.discriminator is not None
    assert torch.equal(model.generator_raw.synthesis.b4.const, of_parent), "a child of it begins at what was pulled"
    assert torch.equal(model.discriminator.b4.out.weight, plain.discriminator.b4.out.weight)
    measures = model.info["pulled_measured"]
    assert measures["fid[efficientnet-lite0]"] == 0 < measures["fid_limit"]
    assert measures["alignment"] == pytest.approx(1)
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last == {"kimg": 0.032, "pulled": model.info["pulled"], "pulled_measured": measures, "end": True}
    assert json.loads((folder / "config.json").read_text())["pulled_measured"] == measures
    *_, (_, end) = read_snapshots(folder / "snapshots.zip")
    assert torch.equal(end.generator.synthesis.b4.const, of_parent), "the curve ends with what the training gave"
    again = load(train(data, *start, '{"keep": {}}') / "model.safetensors")
    assert again.generator_raw is not None and plain.generator_raw is not None
    assert torch.equal(again.generator_raw.synthesis.b4.const, plain.generator_raw.synthesis.b4.const), "its state"
    assert "pulled" not in (folder / "log.jsonl").read_text()
