"""One ruler for both domains: what it says of images and of a child that cannot have changed yet."""

import json
from pathlib import Path

import numpy as np
import pytest

from stylealign import load
from stylealign.applications.labels import pose
from stylealign.applications.labels.learning import seeing
from stylealign.applications.labels.networks import load_label_network
from stylealign.cli.main import main
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE
from stylealign.datasets.images import ImageZip
from stylealign.metrics.same_latents import agreement, draw_and_measure
from stylealign.metrics.seeing import Ruler
from stylealign.metrics.translation import Outputs, Structure

PARENT = Path(__file__).parents[2] / "data" / "zoo" / "human-64-a.safetensors"
ROTATION = POSE.index("rotation_deg")
TRAINING = {"kimg": 0.096, "batch_size": 16, "noise": False, "learning_rate": 0.0025, "ema_kimg": 8, "ema_rampup": 0}
LABELS = {"epochs": 8, "images": 400, "batch_size": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two drawn domains, pose networks of both together and of animals, a child of 0.1 kimg."""
    folder = tmp_path_factory.mktemp("ruler")
    for domain in ("human", "animal"):
        settings = json.dumps({"draw": domain, "train_images": 400, "test_images": 100})
        assert main(["data", "draw", "--out-dir", str(folder / domain), "--settings", settings]) == 0
    for name, domains in (("joint", ("human", "animal")), ("animal", ("animal",))):
        data = [str(folder / domain / "train.zip") for domain in domains]
        annotations = [str(folder / domain / "train.annotations.npz") for domain in domains]
        files = ["--data", *data, "--annotations", *annotations, "--out", str(folder / f"{name}.safetensors")]
        assert main(["supervise", "--task", "pose", *files, "--settings", json.dumps(LABELS)]) == 0
    train = ["train", "--data", str(folder / "animal" / "train.zip"), "--init-from", str(PARENT)]
    train += ["--run-dir", str(folder / "run"), "--out-dir", str(folder / "child"), "--settings", json.dumps(TRAINING)]
    assert main(train) == 0
    return folder


def ruler(path: Path) -> Ruler:
    network, _ = load_label_network(path, "pose")
    return Ruler(seeing(network), "rotation_error", pose.comparison(network.spec, network.spec))


def test_untouched_sources_score_0_and_the_ruler_fits_both_domains(folder: Path) -> None:
    joint = ruler(folder / "joint.safetensors")
    for domain in ("human", "animal"):
        images = ImageZip(folder / domain / "test.zip").read()
        truth = Annotations.load(folder / domain / "test.annotations.npz").pose
        spread = np.abs(truth[:, ROTATION] - truth[:, ROTATION].mean()).mean()
        assert joint.compare(joint.seeing(images), truth).mean() < 0.7 * spread, domain
        assert not Structure(images, {"pose": joint}).values(Outputs(images))["rotation_error"].any()


def test_a_child_after_a_tenth_of_a_kimg_agrees_with_its_parent(folder: Path) -> None:
    """It still draws people: a network of animals, applied to them, says other things than one of people."""
    parent, child = load(PARENT).generator, load(folder / "child" / "model.safetensors").generator
    joint, animal = ({"pose": ruler(folder / f"{name}.safetensors")} for name in ("joint", "animal"))
    one, other = (draw_and_measure(model, 150, 0, {"pose": joint["pose"].seeing}) for model in (parent, child))
    found = agreement(one, other, joint, draws=20, seed=0)
    assert all(found[f"{name}_correlation"].value > 0.9 for name in ("rotation", "x_shift", "y_shift"))
    of_animals = draw_and_measure(child, 150, 0, {"pose": animal["pose"].seeing})
    apart = agreement(one, of_animals, joint, draws=20, seed=0)
    assert apart["rotation_correlation"].value < found["rotation_correlation"].value - 0.1
