"""Attributes by networks of several seeds, and by codes in the child and in its control."""

from pathlib import Path

import pytest
import torch

from stylealign.applications.labels.learning import spec_of
from stylealign.applications.labels.networks import LabelNetwork, save_label_network
from stylealign.config import MetricSettings
from stylealign.datasets.annotations import Annotations
from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.measurements import zero_shot_classification
from stylealign.measurements.inputs import Inputs
from stylealign.measurements.rows import Row
from tests.measurements.conftest import FILES, SIZE
from tests.measurements.test_kinds import Silent

SETTINGS = MetricSettings(bootstrap=10, direction_samples=40)


def measured(
    folder: Path, named: dict[str, Path], without: tuple[str, ...] = ()
) -> tuple[list[Row], dict[str, object]]:
    files = {role: folder / name for role, name in FILES["zero_shot_classification"].items()}
    given = Inputs(files | dict.fromkeys(without), named, {}, "human", "animal")
    return zero_shot_classification.measure(given, SETTINGS, Silent)  # type: ignore[arg-type]


@pytest.fixture
def networks(folder: Path, tmp_path: Path) -> list[Path]:
    """Return three attribute networks of other random weights."""
    spec = spec_of("attributes", SIZE, Annotations.load(folder / "test.npz"), "test.npz")
    for seed in range(3):
        torch.manual_seed(seed)
        save_label_network(tmp_path / f"{seed}.safetensors", LabelNetwork(spec).eval(), {})
    return [tmp_path / f"{seed}.safetensors" for seed in range(3)]


OF_LATENTS = ("parent", "parent-data", "parent-annotations", "parent-codes")


def test_seeds_are_one_row_and_the_best_way_is_another(folder: Path, networks: list[Path]) -> None:
    first, second, third = networks
    single = {}
    for name, network in (("first", first), ("second", second), ("third", third)):
        rows, _ = measured(folder, {name: network}, OF_LATENTS)
        single[name] = next(row.value for row in rows if row.metric == "mean_auc")
    named = {
        "source-only": third,
        "zero-shot@0": first,
        "zero-shot@1": second,
        "zero-shot filtered": third,
        "zero-shot filtered unaligned/two": first,
    }
    rows, facts = measured(folder, named, OF_LATENTS)
    values = {(row.method, row.setting): row.value for row in rows if row.metric == "mean_auc"}
    assert values["zero-shot", ""] == pytest.approx((single["first"] + single["second"]) / 2)
    gain = {(row.method, row.setting): row for row in rows if row.metric == "mean_auc_difference"}
    assert gain["zero-shot filtered", "minus source-only"].value == 0
    best = max(("zero-shot", "zero-shot filtered"), key=lambda way: values[way, ""])
    assert facts["best"] == best and values["zero-shot best", ""] == values[best, ""], "test images validate here"
    if best == "zero-shot filtered":
        assert values["zero-shot best unaligned", "two"] == single["first"]


def test_latents_have_a_control(folder: Path, tmp_path: Path) -> None:
    codes = Codes.load(folder / "w-plus.npz")
    Codes(codes.values[::-1].copy(), "w+", codes.model_sha256, codes.names).save(tmp_path / "other.npz")
    named = {
        "source-only": folder / "attributes.safetensors",
        "latent boundary": folder / "w-plus.npz",
        "latent boundary unaligned/two": tmp_path / "other.npz",
    }
    rows, _ = measured(folder, named)
    boundary = {(row.method, row.setting): row.value for row in rows if row.metric == "mean_auc"}
    assert boundary["latent boundary", ""] != boundary["latent boundary unaligned", "two"]
    numbers = {(row.method, row.setting): row.value for row in rows if row.metric == "mae"}
    of_five = "shift_x, 5 labels"
    assert numbers["latent distances", of_five] != numbers["latent distances unaligned", f"{of_five}, two"]
    assert not [row for row in rows if row.metric == "mae" and row.method == "source-only"], "evaluate zero-shot has it"


def test_files_of_latents_go_together(folder: Path) -> None:
    network = {"source-only": folder / "attributes.safetensors"}
    with pytest.raises(StyleAlignError, match="--parent: goes with 'latent boundary=NPZ'"):
        measured(folder, network)
    codes = {"latent boundary": folder / "w-plus.npz"}
    with pytest.raises(StyleAlignError, match="latent boundary: goes with --parent-codes"):
        measured(folder, network | codes, ("parent-codes",))
    with pytest.raises(StyleAlignError, match="latent boundary: needs source-only=NET or --pose NET"):
        measured(folder, codes, ("pose",))


def test_numbers_need_no_attributes(folder: Path) -> None:
    rows, _ = measured(folder, {"latent boundary": folder / "w-plus.npz"})
    assert {row.table for row in rows} == {"zero_shot_regression"}
    assert {row.method for row in rows} == {"latent distances", "latent distances damped"}
