"""Tiny inputs of every kind of measurement."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.applications.labels.learning import spec_of
from stylealign.applications.labels.networks import LabelNetwork, save_label_network
from stylealign.checkpoints import native
from stylealign.checkpoints.snapshots import snapshot_name, write_snapshots
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.images import image_name, write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.files import sha256_of_file, write_json
from stylealign.latents.codes import Codes
from stylealign.measurements import alignment_components, alignment_front, registry
from stylealign.measurements.inputs import Inputs
from stylealign.measurements.ladder import FEWEST_RUNGS, GATHERED, SETTINGS
from stylealign.measurements.rows import Row, write_rows
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SIZE = 16
SMALL = Architecture(resolution=SIZE, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
TASKS = ("segmentation", "keypoints", "pose", "attributes")
CODES = (3, 0, 5, 7, 1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images, annotations, two models, snapshots, codes, a morph and untrained label networks."""
    folder = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 12)):
        images = rng.integers(0, 256, (count, 3, SIZE, SIZE), dtype=np.uint8)
        write_image_zip(folder / f"{split}.zip", images)
        points = rng.uniform(0, SIZE, (count, len(KEYPOINTS), 2)).astype(np.float32)
        points[:, 0], points[:, 1] = (4, 8), (12, 8)
        annotations = Annotations(
            segmentation=rng.integers(0, len(SEGMENTATION_CLASSES), (count, SIZE, SIZE), dtype=np.uint8),
            keypoints=points,
            visible=np.ones((count, len(KEYPOINTS)), dtype=bool),
            pose=rng.normal(size=(count, 4)).astype(np.float32),
            attributes={"glasses": rng.integers(0, 2, count)},
            names=LabelNames(SEGMENTATION_CLASSES, KEYPOINTS, POSE, {"glasses": ["none", "clear"]}),
        )
        annotations.save(folder / f"{split}.npz")
    for seed, name in enumerate(("parent", "child")):
        torch.manual_seed(seed)
        native.save(folder / f"{name}.safetensors", generator=Generator(SMALL), info={"kimg": 12.5 + seed})
        shutil.copy(folder / f"{name}.safetensors", folder / snapshot_name(1 + seed))
    write_snapshots(folder / "snapshots.zip", [folder / snapshot_name(1), folder / snapshot_name(2)])
    names = [image_name(index) for index in CODES]
    codes = Codes(np.zeros((5, 6), dtype=np.float32), "z", sha256_of_file(folder / "parent.safetensors"), names)
    codes.save(folder / "codes.npz")
    values = rng.normal(size=(12, SMALL.num_ws, SMALL.w_dim)).astype(np.float32)
    Codes(values, "w+", codes.model_sha256, [image_name(index) for index in range(12)]).save(folder / "w-plus.npz")
    sources = images[list(CODES)]
    write_image_zip(folder / "reconstructions.zip", sources // 2, extra={"names": names, "outputs": 1})
    twice = np.stack([sources, sources // 2], axis=1).reshape(-1, 3, SIZE, SIZE)
    write_image_zip(folder / "translated.zip", twice, extra={"names": names, "outputs": 2})
    columns = {"path_length": [1.0, 2.0], "step_ratio": [1.5, 2.5], "endpoint_error": [0.0, 0.1]}
    write_json(folder / "morph.json", {"features": "efficientnet-lite0", "methods": {"codes-only": columns}})
    made_of = {"methods": ["codes-only"], "sources": names}
    write_image_zip(folder / "middle.zip", sources, labels=[0] * 5, extra=made_of)
    write_json(folder / "metrics.json", {})
    write_json(folder / "timing.json", {"images_per_s": 2.5})
    for task in TASKS:
        torch.manual_seed(2)
        network = LabelNetwork(spec_of(task, SIZE, annotations, "test.npz")).eval()
        save_label_network(folder / f"{task}.safetensors", network, {"task": task})
    write_sources_of_the_ladder(folder / "sources.json")
    write_sources_of_the_front(folder / "ways.json")
    write_sources_of_components(folder / "parts.json")
    pairs = Annotations.load(folder / "test.npz")
    dataclasses.replace(pairs, segmentation=np.roll(pairs.segmentation, 1, axis=2)).save(folder / "target.npz")
    return folder


def write_sources_of_the_ladder(path: Path) -> None:
    """Write a row of each number that the ladder gathers, of as many children as a rank correlation needs."""
    found = []
    for place in range(FEWEST_RUNGS):
        names = {"parent": "human", "child": f"animal-{place}", "setting": "", "features": "", "value": 0.1 * place}
        own = {**names, "method": "child"}
        pairs = {**names, "method": "drawn pairs, same pose", "setting": "annotations"}
        for table, metrics in GATHERED.items():
            own["setting"] = SETTINGS.get(table, ("",))[0]
            found += [Row(table=table, metric=metric, **own) for metric in metrics]
        found.append(Row(table="alignment_pointwise", metric="segmentation_agreement", **pairs))
        found.append(Row(table="distances", metric="domain_fid", **names, method=""))
    write_rows(path, found, {})


def write_sources_of_the_front(path: Path) -> None:
    """Write a row of each number that the front gathers, of two ways at one number of kimg, and the references."""
    names = {"parent": "human", "setting": "8 kimg", "features": "", "method": "child", "table": "alignment_curve"}
    gathered = {metric.name for metric in alignment_front.TABLE.metrics}
    metrics = [metric.name for metric in registry.table("alignment_curve").metrics if metric.name in gathered]
    ways = {"child": 0.5, "child-features-1": 0.25}
    rows = [Row(child=child, metric=name, value=value, **names) for child, value in ways.items() for name in metrics]
    later = names | {"setting": "24 kimg", "child": "child", "value": 0.2}
    rows += [Row(metric=name, **later) for name in metrics]
    parent = names | {"table": "generators", "method": "parent", "setting": ""}
    unchanged = [Row(child="child", metric=name, value=0.1, **parent) for name in ("share", "fid")]
    pairs = names | {"table": "alignment_pointwise", "method": alignment_front.REDRAWN, "setting": ""}
    redrawn = Row(child="child", metric=alignment_front.AGREEMENT, value=0.9, **pairs)
    write_rows(path, [*rows, *unchanged, redrawn], {})


def write_sources_of_components(path: Path) -> None:
    """Write a row of each number that the table of components gathers."""
    names = {"parent": "human", "child": "animal", "method": "child", "setting": "", "features": "", "value": 0.5}
    gathered = alignment_components.GATHERED
    write_rows(
        path, [Row(table=table, metric=metric, **names) for table, own in gathered.items() for metric in own], {}
    )


MODELS = {"parent": "parent.safetensors", "child": "child.safetensors"}
SETS = {"data": "train.zip", "test-data": "test.zip", "annotations": "test.npz"}
RULERS = {task: f"{task}.safetensors" for task in TASKS[:3]}
FILES: dict[str, dict[str, str]] = {
    "generators": {
        "model": "child.safetensors",
        "data": "train.zip",
        "test-data": "test.zip",
        "parent-data": "reconstructions.zip",
        "parent-test-data": "translated.zip",
    },
    "coverage": {
        **SETS,
        "model": "child.safetensors",
        "pose": "pose.safetensors",
        "attributes": "attributes.safetensors",
    },
    "inversion": {
        "codes": "codes.npz",
        "reconstructions": "reconstructions.zip",
        "metrics": "metrics.json",
        "data": "test.zip",
        "timing": "timing.json",
    },
    "translation": {
        "source-data": "test.zip",
        "target-data": "test.zip",
        "target-train": "train.zip",
        **RULERS,
    },
    "morphing": {
        "metrics": "morph.json",
        "middle": "middle.zip",
        "source-data": "test.zip",
        "target-data": "train.zip",
    },
    "zero_shot": {
        "data": "test.zip",
        "annotations": "test.npz",
        "val-data": "test.zip",
        "val-annotations": "test.npz",
        "parent": "parent.safetensors",
    },
    "zero_shot_classification": {
        "data": "test.zip",
        "annotations": "test.npz",
        "pose": "pose.safetensors",
        "parent": "parent.safetensors",
        "parent-data": "test.zip",
        "parent-annotations": "test.npz",
        "parent-codes": "w-plus.npz",
        "val-data": "test.zip",
        "val-annotations": "test.npz",
    },
    "alignment_weights": MODELS,
    "alignment_reset": {**MODELS, "data": "train.zip"},
    "alignment_pointwise": {**MODELS, **RULERS},
    "alignment_score": {**MODELS, "root": "parent.safetensors"},
    "alignment_channels": {**MODELS, "segmentation": "segmentation.safetensors"},
    "alignment_semantic": {
        **MODELS,
        "root": "parent.safetensors",
        "pose": "pose.safetensors",
        "parent-attributes": "attributes.safetensors",
        "child-attributes": "attributes.safetensors",
    },
    "alignment_components": {},
    "alignment_recovery": {
        "parent": "parent.safetensors",
        "between": "child.safetensors",
        "pose": "pose.safetensors",
        "parent-attributes": "attributes.safetensors",
        "child-attributes": "attributes.safetensors",
    },
    "alignment_curve": {
        "parent": "parent.safetensors",
        "snapshots": "snapshots.zip",
        "data": "train.zip",
        "parent-data": "reconstructions.zip",
        **RULERS,
    },
    "distances": {"data": "train.zip", "test-data": "test.zip"},
    "alignment_front": {},
    "ladder": {},
    "references": {
        "source-images": "test.zip",
        "target-images": "test.zip",
        "source-annotations": "test.npz",
        "target-annotations": "target.npz",
        **RULERS,
    },
}
"""Kind -> files of `folder` by role: everything that it can be given."""


def inputs_of(kind: str, folder: Path) -> Sequence[Inputs]:
    """Return inputs that make everything that a kind of measurement measures, one for each of its tasks."""
    files = {file.role: folder / FILES[kind][file.role] for file in registry.kind(kind).files}
    if kind == "translation":
        return [Inputs(files, {"z": folder / "translated.zip"}, {"untouched": True}, "human", "animal")]
    if kind == "alignment_recovery":
        last = {"child": folder / "parent.safetensors", "unaligned parent": folder / "child.safetensors"}
        return [Inputs(files, last, {}, "human", "human-again")]
    if kind == "alignment_components":
        return [Inputs(files, {"mapping/all": folder / "parts.json"}, {}, "human", "human")]
    if kind in ("distances", "ladder"):
        file = "reconstructions.zip" if kind == "distances" else "sources.json"
        return [Inputs(files, {"animal": folder / file}, {}, "human", "human")]
    if kind == "alignment_front":
        return [Inputs(files, {"all": folder / "ways.json"}, {}, "human", "child")]
    if kind == "zero_shot":
        return [
            Inputs(
                files,
                dict.fromkeys(("source-only", "oracle"), folder / f"{task}.safetensors")
                | {"zero-shot backwards": folder / "codes.npz", "transferred labels": folder / "child.safetensors"},
                {"task": task},
                "human",
                "animal",
            )
            for task in TASKS[:3]
        ]
    if kind == "zero_shot_classification":
        networks = dict.fromkeys(("source-only", "zero-shot", "oracle"), folder / "attributes.safetensors")
        codes = {"latent boundary": folder / "w-plus.npz", "latent boundary unaligned": folder / "w-plus.npz"}
        return [Inputs(files, networks | codes, {}, "human", "animal")]
    method = "" if kind == "morphing" else "child"  # a method there keeps the rows of one
    return [Inputs(files, {}, {"shuffled": True}, "human", "animal", method)]
