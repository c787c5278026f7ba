"""Attributes by networks of several seeds, and by codes in the child and in its control."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from stylealign.applications.labels.learning import spec_of
from stylealign.applications.labels.networks import LabelNetwork, save_label_network
from stylealign.config import MetricSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.measurements import zero_shot_classification
from stylealign.measurements.inputs import Inputs
from stylealign.measurements.rows import Row, RowKey
from stylealign.measurements.zero_shot_values import area_of, areas_of, value_rows
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
    of_ten = "shift_x, 10 labels"
    assert numbers["latent distances", of_ten] != numbers["latent distances unaligned", f"{of_ten}, two"]
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


def test_fewer_labels_than_twice_the_coefficients_are_damped_alone(folder: Path) -> None:
    rows, _ = measured(folder, {"latent boundary": folder / "w-plus.npz"})
    for method, counts in (("latent distances", (10, 12)), ("latent distances damped", (2, 5, 10, 12))):
        settings = {row.setting for row in rows if (row.method, row.metric) == (method, "r2")}
        assert {setting for setting in settings if setting.startswith("shift_x")} == {
            f"shift_x, {count} labels" for count in counts
        }


SKIES, HATS = ("grey", "blue", "red", "black"), ("no", "yes")
VALUES = [*(f"sky={sky}" for sky in SKIES), "hat=yes"]


def skies_and_hats(count: int = 60) -> Annotations:
    """Return annotations of an attribute of four values and of one of yes and no; of some images one is not known."""
    random = np.random.default_rng(3)
    skies, hats = random.integers(-1, len(SKIES), count), random.integers(-1, len(HATS), count)
    names = LabelNames(values={}, attributes={"sky": list(SKIES), "hat": list(HATS)})
    return Annotations(attributes={"sky": skies, "hat": hats}, names=names)


def scores_like(annotations: Annotations, noise: dict[str, float], seed: int = 0) -> dict[str, np.ndarray]:
    """Return scores of every value, the truth and so much noise."""
    random, found = np.random.default_rng(seed), {}
    for value in VALUES:
        name, _, own = value.partition("=")
        has = annotations.attributes[name] == annotations.names.attributes[name].index(own)
        found[value] = has + noise[name] * random.normal(size=len(has))
    return found


def mean_of_attributes(scores: dict[str, np.ndarray], annotations: Annotations, counts: np.ndarray) -> float:
    """Return scikit-learn's areas, the mean over the skies and then over sky and hat, with images counted so often."""
    areas: dict[str, list[float]] = {"sky": [], "hat": []}
    for value in VALUES:
        name, _, own = value.partition("=")
        numbers = annotations.attributes[name]
        known, has = numbers >= 0, numbers == annotations.names.attributes[name].index(own)
        areas[name].append(roc_auc_score(has[known], scores[value][known], sample_weight=counts[known]))
    return float(np.mean([np.mean(own) for own in areas.values()]))


def test_each_attribute_weighs_the_same_however_many_values_it_has() -> None:
    annotations, ones = skies_and_hats(), np.ones(60)
    seeds = [scores_like(annotations, {"sky": 0.2, "hat": 3.0}, seed) for seed in (0, 1)]
    base = scores_like(annotations, {"sky": 1.0, "hat": 1.0}, 2)
    key = RowKey("zero_shot_classification", "human", "animal", "zero-shot", "")
    rows = value_rows(seeds, annotations, VALUES, 0.5, key, SETTINGS, areas_of(base, annotations, VALUES))
    found = {row.metric: row for row in rows if row.metric.startswith("mean_auc")}
    expected = np.mean([mean_of_attributes(own, annotations, ones) for own in seeds])
    assert found["mean_auc"].value == pytest.approx(expected)
    over_values = np.mean([row.value for row in rows if row.metric == "auc"])
    assert found["mean_auc"].value < over_values - 0.05, "the four good skies are one of two attributes"
    assert found["mean_auc"].n == int(
        ((annotations.attributes["sky"] >= 0) | (annotations.attributes["hat"] >= 0)).sum()
    )
    paired = expected - mean_of_attributes(base, annotations, ones)
    assert found["mean_auc_difference"].value == pytest.approx(paired)
    low, high = found["mean_auc_difference"].ci_low, found["mean_auc_difference"].ci_high
    assert low is not None and high is not None and low < paired < high


@pytest.mark.parametrize(("hats", "has_interval"), [(9, False), (10, True), (50, True), (51, False)])
def test_the_area_of_a_value_that_few_images_have_or_lack_has_no_interval(hats: int, has_interval: bool) -> None:
    annotations = skies_and_hats()
    annotations.attributes["hat"][:] = np.arange(60) < hats
    ours, base = (scores_like(annotations, {"sky": 1.0, "hat": 1.0}, seed) for seed in (0, 1))
    key = RowKey("zero_shot_classification", "human", "animal", "zero-shot", "")
    rows = value_rows([ours], annotations, VALUES, 0.5, key, SETTINGS, areas_of(base, annotations, VALUES))
    bounds = {(row.metric, row.setting): row.ci_low is not None and row.ci_high is not None for row in rows}
    minus = "minus source-only"
    assert bounds["auc", "hat=yes"] == bounds["auc_difference", f"hat=yes, {minus}"] == has_interval
    assert bounds["accuracy", "hat=yes"] and bounds["mean_auc", ""] and bounds["mean_auc_difference", minus]
    assert all(row.value is not None for row in rows)


def test_images_are_resampled_before_the_means_are_taken() -> None:
    annotations = skies_and_hats()
    scores = scores_like(annotations, {"sky": 0.5, "hat": 1.0})
    counts = (annotations.attributes["sky"] >= 0) | (annotations.attributes["hat"] >= 0)
    drawn = np.random.default_rng(4).integers(1, 4, (5, 60)).astype(float)
    whole, resampled = area_of(scores, annotations, VALUES).resampled([drawn[:2, counts], drawn[2:, counts]])
    assert whole == pytest.approx(mean_of_attributes(scores, annotations, np.ones(60)))
    np.testing.assert_allclose(resampled, [mean_of_attributes(scores, annotations, own) for own in drawn])


def test_the_best_way_is_the_best_by_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One way is good at four skies, the other at the hat: over values the first would be chosen."""
    annotations = skies_and_hats()
    annotations.save(tmp_path / "test.npz")
    write_image_zip(tmp_path / "test.zip", np.zeros((60, 3, SIZE, SIZE), np.uint8))
    network = LabelNetwork(spec_of("attributes", SIZE, annotations, "test.npz")).eval()
    save_label_network(tmp_path / "network.safetensors", network, {})
    noises = {"zero-shot": {"sky": 0.3, "hat": 9.0}, "zero-shot filtered": {"sky": 1.0, "hat": 0.1}}
    ways = [scores_like(annotations, noise) for noise in noises.values()]
    seen: list[object] = []

    def chances(network: object, images: np.ndarray) -> dict[str, np.ndarray]:
        if not any(own is network for own in seen):
            seen.append(network)
        return next(way for way, own in zip(ways, seen, strict=False) if own is network)

    monkeypatch.setattr(zero_shot_classification, "chances", chances)
    files = dict.fromkeys(("data", "val-data"), tmp_path / "test.zip")
    files |= dict.fromkeys(("annotations", "val-annotations"), tmp_path / "test.npz")
    files |= dict.fromkeys(("pose", *OF_LATENTS))
    given = Inputs(files, dict.fromkeys(noises, tmp_path / "network.safetensors"), {}, "human", "animal")
    rows, facts = zero_shot_classification.measure(given, SETTINGS, Silent)  # type: ignore[arg-type]
    of_values = {
        way: np.mean([row.value for row in rows if row.metric == "auc" and row.method == way]) for way in noises
    }
    assert of_values["zero-shot"] > of_values["zero-shot filtered"]
    assert facts["best"] == "zero-shot filtered"
    values = {row.method: row.value for row in rows if row.metric == "mean_auc"}
    assert facts["validation"] == {way: pytest.approx(values[way]) for way in noises}
    assert values["zero-shot best"] == values["zero-shot filtered"] > values["zero-shot"]
