"""`supervise`, `transfer` and `evaluate` on tiny models and drawn images, through the command line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from stylealign.applications.labels.methods import BOUNDS, method_names
from stylealign.applications.labels.networks import LabelNetwork, LabelSpec, load_label_network, save_label_network
from stylealign.checkpoints import native
from stylealign.checkpoints.snapshots import snapshot_name, write_snapshots
from stylealign.cli.main import main
from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.images import ImageZip, image_name, write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.files import sha256_of_file, write_json
from stylealign.latents.codes import Codes
from stylealign.measurements.alignment_reset import resets
from stylealign.measurements.rows import Row, read_rows
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.report.figures import CLASS_COLOURS
from stylealign.report.sheets import CLASSES_NOTE, enlarge, grid

SIZE = 16
SMALL = Architecture(resolution=SIZE, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
TRAINING = ["--settings", json.dumps({"epochs": 1, "images": 24, "batch_size": 8})]
FAST = ["--settings", json.dumps({"samples": 24, "bootstrap": 20})]


def _write_set(folder: Path, split: str, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    write_image_zip(folder / f"{split}.zip", rng.integers(0, 256, (count, 3, SIZE, SIZE), dtype=np.uint8))
    points = rng.uniform(0, SIZE, (count, len(KEYPOINTS), 2)).astype(np.float32)
    points[:, 0], points[:, 1] = (4, 8), (12, 8)
    Annotations(
        segmentation=rng.integers(0, 6, (count, SIZE, SIZE), dtype=np.uint8),
        keypoints=points,
        visible=np.ones((count, len(KEYPOINTS)), dtype=bool),
        pose=rng.normal(size=(count, 4)).astype(np.float32),
        attributes={"glasses": rng.integers(0, 3, count)},
        names=LabelNames(SEGMENTATION_CLASSES, KEYPOINTS, POSE, {"glasses": ["none", "clear", "dark"]}),
    ).save(folder / f"{split}.annotations.npz")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two sets (`train`, `test`), a parent, a child, codes and label networks."""
    folder = tmp_path_factory.mktemp("verbs")
    _write_set(folder, "train", 24, seed=0)
    _write_set(folder, "test", 12, seed=1)
    for seed, name in enumerate(("parent", "child")):
        torch.manual_seed(seed)
        native.save(folder / f"{name}.safetensors", generator=Generator(SMALL), info={"kimg": 12.5 + seed})
    names = [image_name(index) for index in (3, 0, 5, 7, 1)]
    values = np.zeros((5, 6), dtype=np.float32)
    Codes(values, "z", sha256_of_file(folder / "parent.safetensors"), names).save(folder / "codes.npz")
    sources = ImageZip(folder / "test.zip").read([3, 0, 5, 7, 1])
    extra = {"names": names, "outputs": 1}
    write_image_zip(folder / "same.zip", sources, extra=extra)
    write_image_zip(folder / "darker.zip", sources // 2, extra=extra)
    for task in ("segmentation", "keypoints", "pose", "attributes"):
        supervise = ["supervise", "--task", task, "--data", folder / "train.zip", *TRAINING]
        annotations = ["--annotations", folder / "train.annotations.npz"]
        assert _run(*supervise, *annotations, "--out", folder / f"{task}.safetensors") == 0
    return folder


def _run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def _rows(out: Path) -> dict[tuple[str, str], Row]:
    return {(row.metric, row.setting): row for row in read_rows(out)[0]}


def _evaluate(kind: str, out: Path, *arguments: Any) -> dict[tuple[str, str], Row]:
    labels = ["--parent-name", "human", "--child-name", "animal"]
    assert _run("evaluate", kind, *labels, *arguments, *FAST, "--out", out) == 0
    return _rows(out)


def test_supervise_records_where_the_network_is_from(files: Path) -> None:
    network, provenance = load_label_network(files / "keypoints.safetensors", "keypoints", SIZE)
    assert network.spec.names == KEYPOINTS
    assert provenance["inputs_sha256"]["data"] == sha256_of_file(files / "train.zip")
    assert (provenance["labels"], provenance["settings"]["epochs"]) == ("annotations", 1)


def test_a_network_of_masks_that_lie_in_files_is_the_same(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", 1)
    monkeypatch.setattr(large_arrays, "PART_BYTES", 5 * SIZE**2)
    out = tmp_path / "x.safetensors"
    known = ["--data", files / "train.zip", "--annotations", files / "train.annotations.npz"]
    assert _run("supervise", "--task", "segmentation", *known, *TRAINING, "--out", out) == 0
    assert out.read_bytes() == (files / "segmentation.safetensors").read_bytes()


@pytest.mark.parametrize("task", ["segmentation", "keypoints", "pose"])
def test_one_network_learns_several_domains(task: str, files: Path, tmp_path: Path) -> None:
    """The second set has half the images: as many of the first are taken, whatever order its names have."""
    content = Annotations.load(files / "test.annotations.npz")
    names = replace(content.names, attributes={"fur": ["red"]}, keypoints=content.names.keypoints[::-1], swapped=None)
    other = replace(
        content,
        keypoints=content.keypoints[:, ::-1],
        visible=content.visible[:, ::-1],
        names=names,
        attributes={"fur": np.zeros(12, dtype=np.int64)},
    )
    other.save(tmp_path / "other.npz")
    data = ["--data", files / "train.zip", files / "test.zip"]
    results = []
    for name in (tmp_path / "other.npz", files / "test.annotations.npz"):
        annotations = ["--annotations", files / "train.annotations.npz", name]
        assert (
            _run("supervise", "--task", task, *data, *annotations, *TRAINING, "--out", tmp_path / "joint.safetensors")
            == 0
        )
        network, provenance = load_label_network(tmp_path / "joint.safetensors", task, SIZE)
        results.append(network.state_dict())
    assert set(provenance["inputs_sha256"]) == {"data", "annotations", "data_2", "annotations_2"}
    for name, value in results[0].items():
        assert torch.equal(value, results[1][name]), "key points in another order are the same key points"


def test_the_joint_network_sees_equally_many_images_of_each_domain(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [
        *("--data", files / "train.zip", files / "test.zip"),
        *("--annotations", files / "train.annotations.npz", files / "test.annotations.npz"),
    ]
    assert _run("supervise", "--task", "pose", *pairs, *TRAINING, "--out", tmp_path / "joint.safetensors") == 0
    assert json.loads(capsys.readouterr().out)["images"] == 24
    assert _run("supervise", "--task", "pose", *pairs[:-1], *TRAINING, "--out", tmp_path / "joint.safetensors") == 2
    assert "--annotations: 1 for 2 of --data; give one for each" in capsys.readouterr().err
    assert _run("supervise", "--task", "attributes", *pairs, *TRAINING, "--out", tmp_path / "joint.safetensors") == 2
    assert "give one --data" in capsys.readouterr().err


def test_transfer_with_shuffled_labels_says_so(files: Path, tmp_path: Path) -> None:
    models = ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors"]
    for name, flags in (("plain", []), ("shuffled", ["--methods", "shuffled"])):
        labeller = ["--labeller", files / "pose.safetensors"]
        out = ["--out", tmp_path / name]
        assert _run("transfer", "--task", "pose", *models, *labeller, *TRAINING, *flags, *out) == 0
    assert load_label_network(tmp_path / "shuffled")[1]["method"] == "shuffled"
    assert (tmp_path / "plain").read_bytes() != (tmp_path / "shuffled").read_bytes()


def test_transfer_trains_every_method_and_seed_at_once(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--task", "pose", "--parent", files / "parent.safetensors", "--child", files / "child.safetensors"]
    common += ["--labeller", files / "pose.safetensors", *TRAINING]
    several = ["--methods", *method_names(), "--seeds", 2, "--oracle", files / "pose.safetensors"]
    assert _run("transfer", *common, *several, "--out-dir", tmp_path / "all") == 0
    found = {path.name for path in (tmp_path / "all").iterdir()}
    assert found == {f"{name}-{seed}.safetensors" for name in method_names() for seed in (0, 1)}
    for name in found:
        assert load_label_network(tmp_path / "all" / name)[1]["method"] == name.rpartition("-")[0]
    alone = ["--methods", "filtered", "--seed", 1, "--out", tmp_path / "alone"]
    assert _run("transfer", *common, *alone) == 0
    assert load_label_network(tmp_path / "alone")[1]["settings"]["seed"] == 1
    tensors = [load_file(path) for path in (tmp_path / "alone", tmp_path / "all" / "filtered-1.safetensors")]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    mistakes = {
        "--out: takes one network": ["--methods", "student", "filtered", "--out", tmp_path / "x"],
        "--methods oracle-on-generated: needs --oracle": ["--methods", "oracle-on-generated", "--out", tmp_path / "x"],
        "--seeds: must be at least 1": ["--seeds", 0, "--out-dir", tmp_path / "x"],
    }
    for message, flags in mistakes.items():
        capsys.readouterr()
        assert _run("transfer", *common, *flags) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_what_learns_from_the_oracle_names_what_the_oracle_names(files: Path, tmp_path: Path) -> None:
    names = {"labeller": ("hat=none", "hat=cap", "tint=dark", "tint=light"), "oracle": ("bow=no", "bow=yes", "hat=cap")}
    for role, own in names.items():
        spec = LabelSpec("attributes", own, SIZE, maps=0, numbers=len(own))
        save_label_network(tmp_path / role, LabelNetwork(spec).eval(), {})
    given = [flag for role in names for flag in (f"--{role}", tmp_path / role)]
    given += ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors", *TRAINING]
    out = ["--methods", *BOUNDS, "--out-dir", tmp_path / "bounds"]
    assert _run("transfer", "--task", "attributes", *given, *out) == 0
    for name, role in (("shuffled", "labeller"), ("oracle-on-generated", "oracle")):
        network, _ = load_label_network(tmp_path / "bounds" / f"{name}-0.safetensors")
        assert network.spec.names == names[role]


@pytest.mark.parametrize("task", ["segmentation", "keypoints", "pose"])
def test_transfer_is_repeatable_and_says_what_it_learnt_from(task: str, files: Path, tmp_path: Path) -> None:
    models = ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors"]
    for name in ("one", "two"):
        labeller = ["--labeller", files / f"{task}.safetensors"]
        assert _run("transfer", "--task", task, *models, *labeller, *TRAINING, "--out", tmp_path / name) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    _, provenance = load_label_network(tmp_path / "one", task, SIZE)
    assert set(provenance["inputs_sha256"]) == {"parent", "child", "labeller"}
    assert "labeller" in provenance["labels"]


@pytest.mark.filterwarnings("error::stylealign.metrics.fid_kid.FewImagesWarning")
def test_evaluate_generators(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", files / "child.safetensors", "--data", files / "train.zip", "--method", "child"]
    rows = _evaluate("generators", tmp_path / "rows.json", *model)
    assert [metric for metric, _ in rows] == ["fid", "kid", "precision", "recall", "kimg"]
    assert rows["kimg", ""].value == 13.5
    assert rows["fid", ""].features == "efficientnet-lite0"
    assert (rows["fid", ""].parent, rows["fid", ""].child, rows["fid", ""].method) == ("human", "animal", "child")
    captured = capsys.readouterr()
    assert "warning: FID of 24 images" in captured.err
    assert json.loads(captured.out)["child fid"] == rows["fid", ""].value
    provenance = read_rows(tmp_path / "rows.json")[1]
    assert provenance["inputs_sha256"]["model"] == sha256_of_file(files / "child.safetensors")
    assert "EfficientNet-Lite0" in provenance["features"]


def test_generators_are_told_the_share_that_looks_like_the_domain(files: Path, tmp_path: Path) -> None:
    """A "child" that draws noise is neither; what it is taken for is a share, and real images are told apart."""
    write_image_zip(tmp_path / "dark.zip", ImageZip(files / "train.zip").read() // 4)
    write_image_zip(tmp_path / "dark_test.zip", ImageZip(files / "test.zip").read() // 4)
    model = ["--model", files / "child.safetensors", "--data", files / "train.zip", "--test-data", files / "test.zip"]
    domain = ["--parent-data", tmp_path / "dark.zip", "--parent-test-data", tmp_path / "dark_test.zip"]
    rows = _evaluate("generators", tmp_path / "rows.json", *model, *domain)
    assert rows["share_accuracy", ""].value > 0.9
    assert 0 <= rows["share", ""].value <= 1
    assert (rows["share", ""].n, rows["share", ""].features) == (24, "efficientnet-lite0")
    turned = [
        *("--model", files / "child.safetensors", "--data", tmp_path / "dark.zip"),
        *("--test-data", tmp_path / "dark_test.zip"),
        *("--parent-data", files / "train.zip", "--parent-test-data", files / "test.zip"),
    ]
    assert _evaluate("generators", tmp_path / "turned", *turned)["share", ""].value == 1 - rows["share", ""].value


def test_the_share_needs_all_four_sets(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", files / "child.safetensors", "--data", files / "train.zip", "--child-name", "animal"]
    arguments = [*model, "--parent-data", files / "train.zip", "--out", tmp_path / "rows"]
    assert _run("evaluate", "generators", *arguments) == 2
    assert "--parent-data, --test-data and --parent-test-data go together" in capsys.readouterr().err


def test_generators_are_scored_alike_every_time(files: Path, tmp_path: Path) -> None:
    model = ["--model", files / "child.safetensors", "--data", files / "train.zip"]
    one, two = (_evaluate("generators", tmp_path / name, *model) for name in ("one", "two"))
    assert one == two
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_evaluate_inversion(files: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {})
    write_json(tmp_path / "timing.json", {"images_per_s": 2.5})
    common = ["--codes", files / "codes.npz", "--data", files / "test.zip", "--metrics", tmp_path / "metrics.json"]
    perfect = _evaluate("inversion", tmp_path / "perfect", *common, "--reconstructions", files / "same.zip")
    assert perfect["mse", ""].value == 0
    assert perfect["perceptual", ""].value == 0
    assert perfect["ssim", ""].value == pytest.approx(1)
    assert perfect["mse", ""].method == "z", "the space stands in the method column"
    timing = ["--timing", tmp_path / "timing.json"]
    darker = _evaluate("inversion", tmp_path / "darker", *common, *timing, "--reconstructions", files / "darker.zip")
    assert darker["images_per_s", ""].value == 2.5
    a, b = (ImageZip(files / name).read() / 255 for name in ("same.zip", "darker.zip"))
    assert darker["mse", ""].value == pytest.approx(((a - b) ** 2).mean(), rel=1e-5)
    assert darker["perceptual", ""].value > 0.01


def _translation(files: Path, out: Path, *rows: object) -> dict[tuple[str, str, str], Row]:
    data = ["--source-data", files / "test.zip", "--target-data", files / "test.zip"]
    _evaluate("translation", out, *rows, *data, *_networks(files))
    return {(row.method, row.metric, row.setting): row for row in read_rows(out)[0]}


def test_evaluate_translation(files: Path, tmp_path: Path) -> None:
    train = ["--target-train", files / "train.zip"]
    images = [f"z={files / 'same.zip'}", f"unaligned/z={files / 'darker.zip'}"]
    rows = _translation(files, tmp_path / "rows", *images, "--untouched", *train)
    structure = {"keypoint_error", "rotation_error", "segmentation_agreement"}
    for method, setting in (("untouched", ""), ("z", ""), ("unaligned", "z")):
        mine = {(metric, where) for name, metric, where in rows if name == method and "minus" not in where}
        assert mine == {
            *(
                (metric, f"{protocol}, {setting}".removesuffix(", "))
                for metric in ("fid", "kid")
                for protocol in ("to test images", "to training images")
            ),
            *((metric, setting) for metric in structure),
        }
    assert rows["z", "rotation_error", ""].value == 0
    assert rows["z", "segmentation_agreement", ""].value == 1
    assert rows["z", "rotation_error", ""].n == 5
    same = rows["z", "kid_difference", "to test images, minus untouched"]
    assert (same.value, same.ci_low, same.ci_high) == (0, 0, 0), "the sources as they are"
    assert rows["z", "rotation_error_difference", "minus unaligned z"].value < 0
    assert rows["unaligned", "rotation_error_difference", "minus untouched, z"].value > 0
    assert rows["unaligned", "rotation_error", "z"].value > 0
    for protocol in ("to test images", "to training images"):
        assert rows["untouched", "kid", protocol].value == rows["z", "kid", protocol].value, "the sources themselves"
    provenance = read_rows(tmp_path / "rows")[1]
    assert provenance["outputs"] == {"untouched": 1, "z": 1, "unaligned/z": 1}
    assert (provenance["sources"], provenance["sources_of"]) == (5, 12)
    assert provenance["inputs_sha256"]["unaligned/z"] == sha256_of_file(files / "darker.zip")


def test_evaluate_translation_with_many_outputs_and_random_samples(files: Path, tmp_path: Path) -> None:
    same = ImageZip(files / "same.zip")
    twice = np.stack([same.read(), same.read() // 2], axis=1).reshape(-1, 3, SIZE, SIZE)
    write_image_zip(tmp_path / "twice.zip", twice, extra={"names": same.info["names"], "outputs": 2})
    write_image_zip(tmp_path / "random.zip", twice[::-1])
    rows = _translation(
        files,
        tmp_path / "rows",
        f"latent-guided={tmp_path / 'twice.zip'}",
        f"random={tmp_path / 'random.zip'}",
        f"z={files / 'same.zip'}",
        "--target-train",
        files / "train.zip",
    )
    assert rows["latent-guided", "kid", "to test images"].value == rows["z", "kid", "to test images"].value, (
        "one output a source"
    )
    assert rows["latent-guided", "kid", "to test images"].n == 5
    assert rows["latent-guided", "kid", "to training images"].n == 10
    diversity = rows["latent-guided", "diversity", ""]
    assert diversity.value > 0
    assert (diversity.n, diversity.features) == (5, "efficientnet-lite0")
    assert ("z", "diversity", "") not in rows
    assert rows["random", "segmentation_agreement", ""].n == 5


def test_evaluate_translation_refuses_what_does_not_belong_together(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = ImageZip(files / "same.zip")
    write_image_zip(tmp_path / "other.zip", same.read(), extra={"names": same.info["names"][::-1], "outputs": 1})
    write_image_zip(tmp_path / "three.zip", np.zeros((3, 3, SIZE, SIZE), np.uint8))
    data = ["--source-data", files / "test.zip", "--target-data", files / "test.zip", "--child-name", "animal"]
    for rows, message in (
        ([f"z={files / 'same.zip'}", f"w={tmp_path / 'other.zip'}"], "other.zip: translations of other sources than"),
        ([f"random={tmp_path / 'three.zip'}"], "three.zip: names no sources"),
        ([f"z={files / 'same.zip'}", f"random={tmp_path / 'three.zip'}"], "three.zip: 3 images for 5 sources"),
        (
            [f"z={files / 'same.zip'}", "--pose", files / "keypoints.safetensors"],
            "labels keypoints where pose is needed",
        ),
    ):
        arguments = [*rows, *data, "--out", tmp_path / "rows"]
        assert main(["evaluate", "translation", *map(str, arguments)]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "rows").exists()


def test_evaluate_morphing(tmp_path: Path) -> None:
    columns = {"path_length": [1.0, 2.0], "step_ratio": [1.5, 2.5], "endpoint_error": [0.0, 0.1]}
    doubled = {name: [2 * value for value in values] for name, values in columns.items()}
    write_json(
        tmp_path / "m.json",
        {"features": "efficientnet-lite0", "methods": {"codes-only": columns, "cross-fade": doubled}},
    )
    _evaluate("morphing", tmp_path / "rows", "--metrics", tmp_path / "m.json")
    found = {(row.method, row.metric): row.value for row in read_rows(tmp_path / "rows")[0]}
    assert found["codes-only", "path_length"] == 1.5
    assert found["cross-fade", "step_ratio"] == 4.0
    only = _evaluate("morphing", tmp_path / "rows", "--metrics", tmp_path / "m.json", "--method", "cross-fade")
    assert len(only) == 3
    assert only["path_length", ""].features == "efficientnet-lite0"


def test_evaluate_the_middle_of_a_morph(files: Path, tmp_path: Path) -> None:
    columns = {"path_length": [1.0, 2.0], "step_ratio": [1.5, 2.5], "endpoint_error": [0.0, 0.1]}
    write_json(tmp_path / "m.json", {"features": "efficientnet-lite0", "methods": {"real": columns, "flat": columns}})
    real = ImageZip(files / "test.zip").read()
    flat = np.broadcast_to(np.arange(len(real), dtype=np.uint8)[:, None, None, None] * 9, real.shape)
    labels = [0] * len(real) + [1] * len(flat)
    of = {"methods": ["real", "flat"], "sources": [f"code {number}" for number in range(len(real))]}
    write_image_zip(tmp_path / "middle.zip", np.concatenate([real, flat]), labels, of)
    write_image_zip(tmp_path / "dark.zip", real // 4)
    data = ["--source-data", files / "test.zip", "--target-data", tmp_path / "dark.zip"]
    arguments = ["--metrics", tmp_path / "m.json", "--middle", tmp_path / "middle.zip", *data]
    _evaluate("morphing", tmp_path / "rows", *arguments)
    kid = {(row.method, row.setting): row.value for row in read_rows(tmp_path / "rows")[0] if row.metric == "kid"}
    settings = ["middle-to-source", "middle-to-target"]
    assert kid["real", settings[0]] < 0 < kid["real", settings[1]], "real frames lie in one domain"
    assert all(kid["flat", setting] > 0 for setting in settings), "flat ones in neither"


def test_evaluate_zero_shot(files: Path, tmp_path: Path) -> None:
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    expected = {
        "segmentation": ("zero_shot_segmentation", "miou"),
        "keypoints": ("zero_shot_keypoints", "nme"),
        "pose": ("zero_shot_regression", "mae"),
    }
    for task, (table, metric) in expected.items():
        network = files / f"{task}.safetensors"
        networks = [f"{method}={network}" for method in ("oracle", "zero-shot unaligned/another")]
        _evaluate("zero-shot", tmp_path / task, *networks, "--task", task, *data)
        rows, provenance = read_rows(tmp_path / task)
        assert {row.table for row in rows} == {table}
        oracle, control = ([row for row in rows if row.method == m] for m in ("oracle", "zero-shot unaligned"))
        assert metric in {row.metric for row in oracle}
        assert [row.value for row in oracle] == [row.value for row in control], "the same network twice"
        assert all(row.setting.endswith("another") for row in control)
        assert not any(row.metric.endswith("_difference") for row in rows), "nothing to compare with"
        assert set(provenance["networks"]) == {"oracle", "zero-shot unaligned/another"}


def test_a_shared_class_that_nothing_has_is_named(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [
        "--settings",
        json.dumps({"classes": {"eyes": "face", "cloths": "body", "tail": None}, "bootstrap": 10}),
    ]
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    arguments = ["evaluate", "zero-shot", f"oracle={files}/segmentation.safetensors", "--task", "segmentation", *data]
    arguments += [*settings, "--child-name", "animal", "--out", tmp_path / "rows"]
    assert _run(*arguments) == 2
    assert capsys.readouterr().err == (
        "stylealign evaluate: settings.classes: no class 'cloths' in the annotations or networks; did you mean "
        "'clothes'? (where another domain has it, give --other-classes)\n"
    )
    assert not (tmp_path / "rows").exists()
    assert _run(*arguments, "--other-classes") == 0
    told = "classes: no class 'cloths' in the annotations or networks; did you mean 'clothes'? (nothing is wrong where"
    assert told in capsys.readouterr().err
    assert ("shared_iou", "face") in {(row.metric, row.setting) for row in read_rows(tmp_path / "rows")[0]}
    pose = ["evaluate", "zero-shot", f"oracle={files}/pose.safetensors", "--task", "pose", *data, *settings]
    assert _run(*pose, "--child-name", "animal", "--out", tmp_path / "pose") == 0, "a task without classes"


@pytest.mark.parametrize(
    ("task", "differences"),
    [
        ("segmentation", [("miou_difference", "minus source-only")]),
        ("keypoints", [(f"{name}_difference", "minus source-only") for name in ("nme", "pck@0.1", "nme_centred")]),
        ("pose", [(f"{metric}_difference", f"{name}, minus source-only") for metric in ("mae", "r2") for name in POSE]),
    ],
)
def test_zero_shot_methods_are_compared_with_source_only(
    task: str, differences: list[tuple[str, str]], files: Path, tmp_path: Path
) -> None:
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    annotations = ["--annotations", files / "train.annotations.npz"]
    other = ["supervise", "--task", task, "--data", files / "train.zip", *annotations, *TRAINING, "--seed", 1]
    assert _run(*other, "--out", tmp_path / "net.safetensors") == 0
    networks = [f"source-only={files / task}.safetensors", f"oracle={tmp_path / 'net.safetensors'}"]
    _evaluate("zero-shot", tmp_path / "rows", *networks, "--task", task, *data)
    rows = read_rows(tmp_path / "rows")[0]
    values = {(row.method, row.metric, row.setting): row.value for row in rows}
    found = [row for row in rows if row.metric.endswith("_difference")]
    assert [(row.metric, row.setting) for row in found] == differences
    for row in found:
        metric, name = row.metric.removesuffix("_difference"), row.setting.removesuffix("minus source-only").strip(", ")
        expected = values["oracle", metric, name] - values["source-only", metric, name]
        assert row.value == pytest.approx(expected, abs=1e-9)
        assert row.ci_low <= row.value <= row.ci_high
        assert row.method == "oracle"


def test_the_best_method_is_chosen_on_validation_images(files: Path, tmp_path: Path) -> None:
    """`oracle` learnt those images, the other way is random: whatever the test images say, the first is chosen."""
    annotations = ["--data", files / "train.zip", "--annotations", files / "train.annotations.npz"]
    other = ["supervise", "--task", "pose", *annotations, "--settings", '{"epochs": 1, "images": 8, "batch_size": 8}']
    for seed in (1, 2):
        assert _run(*other, "--seed", seed, "--out", tmp_path / f"poor{seed}.safetensors") == 0
    assert _run(*other[:-1], '{"epochs": 60, "batch_size": 8}', "--out", tmp_path / "good.safetensors") == 0
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    validation = ["--val-data", files / "train.zip", "--val-annotations", files / "train.annotations.npz"]
    networks = {
        "source-only": files / "pose.safetensors",
        "zero-shot@0": tmp_path / "poor1.safetensors",
        "zero-shot@1": tmp_path / "poor2.safetensors",
        "zero-shot filtered": tmp_path / "good.safetensors",
        "zero-shot filtered unaligned/two": tmp_path / "poor1.safetensors",
    }
    named = [f"{name}={path}" for name, path in networks.items()]
    _evaluate("zero-shot", tmp_path / "rows", *named, "--task", "pose", *data, *validation)
    rows, provenance = read_rows(tmp_path / "rows")
    values = {(row.method, row.metric, row.setting): row for row in rows}
    assert provenance["best"] == dict.fromkeys(POSE, "zero-shot filtered")
    assert set(provenance["validation"]) == {"zero-shot", "zero-shot filtered"}
    assert set(provenance["networks"]) == set(networks)
    for name in POSE:
        assert values["zero-shot best", "mae", name].value == values["zero-shot filtered", "mae", name].value
        control = values["zero-shot best unaligned", "mae", f"{name}, two"]
        assert control.value == values["zero-shot filtered unaligned", "mae", f"{name}, two"].value
    _evaluate("zero-shot", tmp_path / "none", *named, "--task", "pose", *data)
    assert not [row for row in read_rows(tmp_path / "none")[0] if "best" in row.method]
    single = {}
    for seed in (1, 2):
        one = f"zero-shot={tmp_path / f'poor{seed}.safetensors'}"
        single[seed] = _evaluate("zero-shot", tmp_path / f"{seed}", one, "--task", "pose", *data)
    for name in POSE:
        mean = (single[1]["mae", name].value + single[2]["mae", name].value) / 2
        assert values["zero-shot", "mae", name].value == pytest.approx(mean), "the seeds' mean is one row"


def test_evaluate_alignment_weights(files: Path, tmp_path: Path) -> None:
    models = ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors"]
    rows = _evaluate("alignment-weights", tmp_path / "rows", *models)
    assert 1 < rows["relative_change", "convolutions"].value < 2, "independent weights: the square root of two"
    assert abs(rows["cosine", "convolutions"].value) < 0.3


def test_evaluate_alignment_reset(files: Path, tmp_path: Path) -> None:
    models = ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors"]
    data, settings = ["--data", files / "train.zip"], ["--reset-samples", 8]
    rows = _evaluate("alignment-reset", tmp_path / "rows", *models, *data, *settings)
    own = _evaluate("generators", tmp_path / "own", "--model", files / "child.safetensors", *data, "--samples", 8)
    assert rows["fid", "nothing"].value == pytest.approx(own["fid", ""].value)
    assert {setting for metric, setting in rows if metric == "kid"} == {*resets(SIZE)}
    same = ["--parent", files / "child.safetensors", "--child", files / "child.safetensors"]
    unchanged = _evaluate("alignment-reset", tmp_path / "same", *same, *data, *settings)
    assert {row.value for (metric, _), row in unchanged.items() if metric == "fid"} == {rows["fid", "nothing"].value}


def test_mistakes_end_in_one_line_and_no_file(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    labels = ["--child-name", "animal", "--out", out]
    train, test, same = ("--data", files / "train.zip"), ("--data", files / "test.zip"), files / "same.zip"
    of_train, of_test = (("--annotations", files / f"{split}.annotations.npz") for split in ("train", "test"))
    write_json(tmp_path / "metrics.json", {})
    (tmp_path / "cut.zip").write_bytes((files / "train.zip").read_bytes()[:900])
    of_codes = ["--codes", files / "codes.npz", "--metrics", tmp_path / "metrics.json"]
    inversion = ["evaluate", "inversion", *labels, *of_codes, "--reconstructions"]
    zero_shot = ["evaluate", "zero-shot", *labels, *test]
    both = ["--source-data", files / "test.zip", "--target-data", files / "test.zip"]
    supervise = ["supervise", "--task", "pose", "--out", f"{out}.safetensors", *of_train]
    child, pose = files / "child.safetensors", files / "pose.safetensors"
    mistakes = [
        (
            "no.zip: no such file (data)",
            ["evaluate", "generators", *labels, "--model", child, "--data", files / "no.zip"],
        ),
        (
            "no.safetensors: no such file (oracle)",
            [*zero_shot, f"oracle={files / 'no.safetensors'}", "--task", "pose", *of_test],
        ),
        (
            "segmentation where keypoints",
            [*zero_shot, f"oracle={files / 'segmentation.safetensors'}", "--task", "keypoints", *of_test],
        ),
        ("oracle: given 2 times", [*zero_shot, f"oracle={pose}", f"oracle={pose}", "--task", "pose", *of_test]),
        (
            "--val-data and --val-annotations go together",
            [*zero_shot, f"oracle={pose}", "--task", "pose", *of_test, "--val-data", files / "train.zip"],
        ),
        ("annotations of other images", [*zero_shot, f"oracle={pose}", "--task", "pose", *of_train]),
        ("belongs to other images", [*inversion, same, "--data", same]),
        ("12 images where the sources are 5", [*inversion, files / "test.zip", *test]),
        (
            "labels pose where keypoints is needed",
            ["evaluate", "translation", f"z={same}", *labels, *both, "--keypoints", pose],
        ),
        ("not a readable zip", [*supervise, "--data", tmp_path / "cut.zip"]),
        ("unknown key 'epoch'", [*supervise, *train, "--settings", '{"epoch": 1}']),
        ("not the metrics of a morph", ["evaluate", "morphing", *labels, "--metrics", tmp_path / "metrics.json"]),
    ]
    for message, arguments in mistakes:
        assert _run(*arguments) == 2, message
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert message in error
        assert not out.exists() and not out.with_suffix(".safetensors").exists(), message


COVERAGE = ("rotation_spread", "scale_spread", "x_shift_spread", "y_shift_spread", "attribute_distance", "covered")


def _coverage(files: Path, *more: Any) -> list[Any]:
    sets = ["--data", files / "train.zip", "--test-data", files / "test.zip"]
    networks = ["--pose", files / "pose.safetensors", "--attributes", files / "attributes.safetensors"]
    return [*sets, "--annotations", files / "test.annotations.npz", *networks, *more]


def test_evaluate_coverage_of_a_model_and_of_the_test_images(files: Path, tmp_path: Path) -> None:
    model = _evaluate("coverage", tmp_path / "model", *_coverage(files, "--model", files / "child.safetensors"))
    test = _evaluate("coverage", tmp_path / "test", *_coverage(files))
    assert tuple(metric for metric, setting in model if not setting) == COVERAGE
    assert {row.table for row in model.values()} == {"coverage", "coverage_attributes"}
    assert [row.n for row in (model["scale_spread", ""], test["scale_spread", ""])] == [24, 12]
    assert model["chance_distance", "glasses"].value > 0
    assert model["attribute_skill", "glasses"] == test["attribute_skill", "glasses"]
    assert "attributes" in read_rows(tmp_path / "test")[1]["inputs_sha256"]


def test_coverage_refuses_the_attributes_of_another_domain(files: Path, tmp_path: Path, capsys: Any) -> None:
    annotations = Annotations.load(files / "test.annotations.npz")
    names = replace(annotations.names, attributes={"glasses": ["none", "clear", "round"]})
    replace(annotations, names=names).save(tmp_path / "other.npz")
    command = [*_coverage(files), "--annotations", tmp_path / "other.npz", "--child-name", "a"]
    assert _run("evaluate", "coverage", *command, "--out", tmp_path / "rows") == 2
    message = f"{files / 'attributes.safetensors'}: names other attributes than {tmp_path / 'other.npz'}"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "rows").exists()


def _networks(files: Path) -> list[Any]:
    return [
        text for task in ("segmentation", "keypoints", "pose") for text in (f"--{task}", files / f"{task}.safetensors")
    ]


def test_evaluate_curve_and_draw_it(files: Path, tmp_path: Path) -> None:
    for name, kimg in (("parent", 2.0), ("child", 8.0)):
        shutil.copy(files / f"{name}.safetensors", tmp_path / snapshot_name(kimg))
    write_snapshots(tmp_path / "snapshots.zip", list(tmp_path.glob("*.safetensors")))
    given = [
        *("--parent", files / "parent.safetensors", "--data", files / "train.zip"),
        *(*_networks(files), "--parent-data", files / "test.zip"),
    ]
    command = [*given, "--snapshots", tmp_path / "snapshots.zip", "--curve-images", 12]
    rows = _evaluate("alignment-curve", tmp_path / "child.json", *command, "--method", "child")
    assert {setting for _, setting in rows} == {"2 kimg", "8 kimg"}
    assert rows["kimg", "8 kimg"].value == 8
    assert rows["rotation_correlation", "2 kimg"].value == pytest.approx(1), "the first snapshot is the parent"
    assert rows["rotation_correlation", "8 kimg"].value < 0.9
    assert rows["fid", "8 kimg"].features == "efficientnet-lite0"
    assert {"kid", "share", "x_shift_spread", "segmentation_agreement"} <= {metric for metric, _ in rows}
    _evaluate("curve", tmp_path / "control.json", *command, "--method", "unaligned")
    figure = ["figures", "curve", f"a={tmp_path / 'child.json'}", f"b={tmp_path / 'control.json'}"]
    assert _run(*figure, "--out", tmp_path / "curve.png") == 0
    with Image.open(tmp_path / "curve.png") as image:
        assert image.width > 1000
    _evaluate(
        "generators", tmp_path / "rows.json", "--model", files / "child.safetensors", "--data", files / "train.zip"
    )
    assert _run("figures", "curve", f"a={tmp_path / 'rows.json'}", "--out", tmp_path / "none.png") == 2


def test_evaluate_alignment_pointwise(files: Path, tmp_path: Path) -> None:
    models = ["--parent", files / "parent.safetensors", "--child", files / "child.safetensors", "--method", "child"]
    networks = _networks(files)
    _evaluate("alignment-pointwise", tmp_path / "rows", *models, *networks, "--shuffled", "--pairs", 20)
    rows = read_rows(tmp_path / "rows")[0]
    assert {row.method for row in rows} == {"child", "shuffled"}
    own = {row.metric: row for row in rows if row.method == "child"}
    assert {"w_cosine", "rotation_correlation", "keypoint_error", "segmentation_agreement"} <= set(own)
    assert own["rotation_correlation"].n == 20
    plain = _evaluate("alignment-pointwise", tmp_path / "plain", *models, "--pairs", 20)
    assert {metric for metric, _ in plain} == {"w_cosine", "w_offset_cosine"}


def test_each_number_of_a_pose_has_its_own_best_method(files: Path, tmp_path: Path) -> None:
    """Two networks are one with a number each moved far off: for each number the best is the one that tells it."""
    annotations = ["--data", files / "train.zip", "--annotations", files / "train.annotations.npz"]
    settings = ["--settings", '{"epochs": 30, "batch_size": 8}']
    assert _run("supervise", "--task", "pose", *annotations, *settings, "--out", tmp_path / "good.safetensors") == 0
    for column, name in enumerate(POSE[:2]):
        network, _ = load_label_network(tmp_path / "good.safetensors")
        assert isinstance(network, LabelNetwork)
        with torch.no_grad():
            network.numbers.bias[column] += 100
        save_label_network(tmp_path / f"no-{name}", network, {})
    ways = {"zero-shot": f"no-{POSE[0]}", "zero-shot filtered": f"no-{POSE[1]}"}
    named = [f"source-only={files / 'pose.safetensors'}", *(f"{way}={tmp_path / net}" for way, net in ways.items())]
    named.append(f"zero-shot unaligned/two={tmp_path / 'good.safetensors'}")
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    validation = ["--val-data", files / "train.zip", "--val-annotations", files / "train.annotations.npz"]
    _evaluate("zero-shot", tmp_path / "rows", *named, "--task", "pose", *data, *validation)
    rows, provenance = read_rows(tmp_path / "rows")
    assert provenance["best"] == {POSE[0]: "zero-shot filtered"} | dict.fromkeys(POSE[1:], "zero-shot")
    values = {(row.method, row.metric, row.setting): row.value for row in rows}
    for name, way in provenance["best"].items():
        for metric, setting in (("mae", name), ("r2", name), ("mae_difference", f"{name}, minus source-only")):
            assert values["zero-shot best", metric, setting] == values[way, metric, setting]
    unaligned = {row.setting for row in rows if row.method == "zero-shot best unaligned" and row.metric == "mae"}
    assert unaligned == {f"{name}, two" for name in POSE[1:]}, "of the way that was chosen, the control has none here"
    assert len({(row.method, row.metric, row.setting) for row in rows}) == len(rows)
    best = [row.method for row in rows if row.method.startswith("zero-shot best")]
    assert best == sorted(best), "the numbers of a method stand together"
    known = Annotations.load(files / "train.annotations.npz")
    assert known.pose is not None
    once = known.pose.copy()
    once[1:, 0] = np.nan
    nameless = replace(known.only({"pose"}), pose=known.pose[:, 1:], names=LabelNames(values=POSE[1:]))
    for few in (replace(known, pose=once), nameless):
        few.save(tmp_path / "few.npz")
        validation = ["--val-data", files / "train.zip", "--val-annotations", tmp_path / "few.npz"]
        _evaluate("zero-shot", tmp_path / "rows", *named, "--task", "pose", *data, *validation)
        told = "a number that fewer than two images have labels of has the way that is best for the others"
        assert read_rows(tmp_path / "rows")[1]["best"] == dict.fromkeys(POSE, "zero-shot"), told


def test_no_method_is_chosen_where_too_few_validation_images_are_labelled(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations = Annotations.load(files / "train.annotations.npz")
    named = [f"{name}={files / 'pose.safetensors'}" for name in ("source-only", "zero-shot", "zero-shot filtered")]
    data = ["--data", files / "test.zip", "--annotations", files / "test.annotations.npz"]
    data += ["--val-data", files / "train.zip", "--val-annotations", tmp_path / "val.npz"]
    assert annotations.pose is not None

    def chosen(known: int, numbers: int = len(POSE)) -> tuple[set[str], str]:
        pose = annotations.pose.copy()
        pose[known:], pose[:, numbers:] = np.nan, np.nan
        replace(annotations, pose=pose).save(tmp_path / "val.npz")
        _evaluate("zero-shot", tmp_path / "rows", *named, "--task", "pose", *data)
        rows, provenance = read_rows(tmp_path / "rows")
        best = {row.method for row in rows} & {"zero-shot best"}
        assert bool(best) == ("best" in provenance)
        return best, capsys.readouterr().err

    best, told = chosen(1)
    assert not best
    assert "1 of 24 validation images have labels of pose, too few to choose a method by: no row is" in told
    assert chosen(2, numbers=1) == ({"zero-shot best"}, ""), "a number that is not known of any does not count"
    named = [name.replace("pose.safetensors", "attributes.safetensors") for name in named]
    unknown = {"glasses": np.where(np.arange(24) < 1, annotations.attributes["glasses"], -1)}
    replace(annotations, attributes=unknown).save(tmp_path / "val.npz")
    _evaluate("zero-shot-classification", tmp_path / "rows", *named, *data)
    assert "has 2 validation images on either side: no row is called zero-shot best" in capsys.readouterr().err
    assert "zero-shot best" not in {row.method for row in read_rows(tmp_path / "rows")[0]}


def _zero_shot_figure(files: Path, out: Path, *arguments: object) -> int:
    words = ["figures", "zero-shot", f"oracle={files}/segmentation.safetensors", "--data", files / "test.zip"]
    return main([str(word) for word in (*words, *arguments, "--columns", 4, "--out", out)])


def _colours_of(figure: Path) -> dict[str, list[int]]:
    with Image.open(figure) as image:
        return json.loads(image.info[CLASSES_NOTE])  # type: ignore[no-any-return]


def test_a_class_has_one_colour_in_the_figures_of_all_domains(files: Path, tmp_path: Path) -> None:
    """One domain has walls and a roof, the other walls and an attic; the network names neither."""
    maps = np.zeros((12, SIZE, SIZE), np.uint8)
    for name, classes in (("day", ("sky", "roof", "wall")), ("night", ("dark", "attic", "wall"))):
        Annotations(segmentation=maps, names=LabelNames(classes)).save(tmp_path / f"{name}.npz")
    every = ["--classes-of", tmp_path / "day.npz", tmp_path / "night.npz"]
    for name in ("day", "night"):
        known = ["--annotations", tmp_path / f"{name}.npz"]
        assert _zero_shot_figure(files, tmp_path / f"{name}.png", *known, *every) == 0
        assert _zero_shot_figure(files, tmp_path / f"{name}-alone.png", *known) == 0
    day, night = (_colours_of(tmp_path / f"{name}.png") for name in ("day", "night"))
    assert day == night
    assert {"roof", "attic", "wall", "skin", "clothes"} <= set(day)
    assert "dark" not in day, "the background of each is its first class, and has no colour"
    assert len({tuple(colour) for colour in day.values()}) == len(day)
    alone = [_colours_of(tmp_path / f"{name}-alone.png") for name in ("day", "night")]
    assert alone[0]["roof"] == alone[1]["attic"], "what the flag is for"
    assert alone[0]["skin"] == day["skin"] == list(CLASS_COLOURS["skin"])


def test_a_figure_shows_annotated_images_first(files: Path, tmp_path: Path) -> None:
    """Image 3 has a mask, image 5 key points, image 9 both; the first ones have nothing that is drawn."""
    content = Annotations.load(files / "test.annotations.npz")
    maps, points = np.full((12, SIZE, SIZE), 255, np.uint8), np.full((12, len(KEYPOINTS), 2), np.nan, np.float32)
    maps[[3, 9]], points[[5, 9]] = 1, 4
    known = replace(content, segmentation=maps, keypoints=points, visible=np.isfinite(points).all(axis=2))
    known.save(tmp_path / "few.npz")
    images = ImageZip(files / "test.zip").read()
    of_masks = [f"oracle={files}/segmentation.safetensors"]
    shown = {
        ("masks", 3): (of_masks, [0, 3, 9]),
        ("both", 3): ([*of_masks, f"oracle={files}/keypoints.safetensors"], [3, 5, 9]),
        ("both", 1): ([*of_masks, f"oracle={files}/keypoints.safetensors"], [9]),
        ("masks", 20): (of_masks, list(range(12))),
    }
    for (name, columns), (networks, places) in shown.items():
        figure = tmp_path / f"{name}-{columns}.png"
        words = ["figures", "zero-shot", *networks, "--data", files / "test.zip", "--columns", columns]
        assert _run(*words, "--annotations", tmp_path / "few.npz", "--out", figure) == 0
        sheet = np.asarray(Image.open(figure).convert("RGB"))
        wanted = grid(enlarge(images[places], 128 // SIZE), len(places), gap=2).transpose(1, 2, 0)
        np.testing.assert_array_equal(sheet[:128, -wanted.shape[1] :], wanted, err_msg=f"{name}, {columns} columns")


def test_annotations_and_labels_that_a_figure_cannot_show(files: Path, tmp_path: Path, capsys: Any) -> None:
    capsys.readouterr()
    assert _zero_shot_figure(files, tmp_path / "x.png", "--annotations", files / "train.annotations.npz") == 2
    assert "train.annotations.npz: annotations of other images than" in capsys.readouterr().err
    words = ["figures", "zero-shot", f"image={files}/segmentation.safetensors", "--data", files / "test.zip"]
    assert main([*map(str, words), "--out", str(tmp_path / "x.png")]) == 2
    assert "has a row 'image' of its own" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_a_figure_of_translations_has_one_source_a_column(files: Path, tmp_path: Path, capsys: Any) -> None:
    names = ImageZip(files / "same.zip").info["names"]
    values = np.arange(10, 110, 10, dtype=np.uint8)[:, None, None, None]
    twice = np.broadcast_to(values, (10, 3, SIZE, SIZE))
    write_image_zip(tmp_path / "twice.zip", twice, extra={"names": names, "outputs": 2})
    write_image_zip(tmp_path / "others.zip", twice[:5], extra={"names": names[::-1]})
    words = ["figures", "translation", "--data", f"{files}/test.zip", "--out"]
    assert main([*words, str(tmp_path / "x.png"), f"same={files}/same.zip", f"twice={tmp_path}/twice.zip"]) == 0
    sheet = np.asarray(Image.open(tmp_path / "x.png").convert("RGB"))
    shown = [sheet[-64, -64 - 130 * place, 0] for place in reversed(range(5))]
    assert shown == [10, 30, 50, 70, 90], "the first output of each source"
    capsys.readouterr()
    assert main([*words, str(tmp_path / "y.png"), f"same={files}/same.zip", f"others={tmp_path}/others.zip"]) == 2
    assert "others.zip: images of other sources than" in capsys.readouterr().err
