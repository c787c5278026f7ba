"""Every kind of measurement: what it declares is what it makes and what it needs."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from stylealign.cli.main import main
from stylealign.config import MetricSettings
from stylealign.measurements import registry
from stylealign.measurements.declare import Kind
from stylealign.measurements.generators import SHARE_FILES
from stylealign.measurements.measuring import measured
from stylealign.metrics import fid_kid
from stylealign.planning.costs import RULES, rules
from stylealign.report.page.words import SECTIONS
from tests.measurements.conftest import FILES, inputs_of

WORKFLOW = Path(__file__).parents[2] / "workflow" / "rules"
SETTINGS = MetricSettings(
    samples=24,
    reset_samples=24,
    pairs=20,
    curve_images=12,
    score_latents=16,
    direction_samples=40,
    effect_latents=4,
    classes={"clothes": None},
    channel_images=3,
    channel_cells=4,
    bootstrap=20,
    weights_dir="nowhere",
)


class Recorder:
    """Settings that note which of their keys were read."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, key: str) -> Any:
        value = getattr(SETTINGS, key)
        self.read.add(key)
        return value


class Silent:
    """A counter that tells nothing."""

    def __init__(self, total: int, unit: str) -> None:
        self.total = total

    def update(self, done: int) -> None:
        assert 0 <= done <= self.total

    def advance(self, units: int = 1) -> None:
        self.update(units)


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
@pytest.mark.parametrize("kind", registry.KINDS, ids=lambda kind: kind.name)
def test_what_is_declared_is_what_is_made_and_read(kind: Kind, folder: Path) -> None:
    recorder = Recorder()
    rows = []
    for inputs in inputs_of(kind.name, folder):
        named = dataclasses.replace(inputs, setting="second")
        found, facts = measured(kind, named, recorder, Silent)  # type: ignore[arg-type]
        rows += found
        filled = dict.fromkeys(table.protocol for table in kind.filled if table.name in {row.table for row in found})
        assert facts["protocol"] == "; ".join(filled)
    made = {(row.table, row.metric) for row in rows}
    declared, added = (
        {(table.name, metric.name) for table in tables for metric in table.metrics}
        for tables in (kind.tables, kind.adds_to)
    )
    assert declared <= made <= declared | added
    if kind.files:  # the others gather rows that have their names
        assert {row.setting.split(", ")[-1] for row in rows} == {"second"}, "controls of one child are told apart"
    assert {table for table, _ in made} == {table.name for table in kind.filled}
    assert recorder.read == set(kind.settings)
    assert {file.role for file in kind.files} == set(FILES[kind.name])


def test_tables_are_consistent() -> None:
    sections = {section.key for section in SECTIONS}
    names = [table.name for table in registry.tables()]
    assert len(names) == len(set(names))
    for table in registry.tables():
        metrics = [metric.name for metric in table.metrics]
        assert len(metrics) == len(set(metrics))
        assert {*table.compared, *table.charts, table.headline} <= {*metrics, ""}, table.name
        assert table.section in sections, table.name
    directions = {(metric.name, metric.higher_is_better) for table in registry.tables() for metric in table.metrics}
    assert len(directions) == len(dict(directions)), "a name means better in one direction alone"


def test_networks_are_named_by_settings() -> None:
    for kind in registry.KINDS:
        assert set(kind.settings) <= set(MetricSettings.model_fields)
        assert set(kind.networks) <= set(kind.settings)
        assert ("weights_dir" in kind.settings) == bool(kind.networks), kind.name


def test_the_weights_of_every_network_are_known(tmp_path: Path) -> None:
    settings = MetricSettings(features="inception-v3", perceptual="lpips-vgg", weights_dir=str(tmp_path))
    translation = registry.kind("translation")
    assert translation.weights(settings) == {}
    for name in ("inception-v3", "lpips-vgg"):
        (tmp_path / f"{name}.pth").touch()
    assert translation.weights(settings) == {
        "features-weights": tmp_path / "inception-v3.pth",
        "perceptual-weights": tmp_path / "lpips-vgg.pth",
    }


def test_every_rule_has_a_cost_and_every_kind_a_rule() -> None:
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOW.glob("*.smk")]
    names = {
        name
        for text in texts
        for name in re.findall(r"^(?:rule|use rule \w+ as) (\w+)(?::| with:)", text, re.MULTILINE)
    }
    assert set(rules()) == names
    for kind in registry.KINDS:
        assert kind.name in kind.costs
        assert not set(kind.costs) & set(RULES)
        rule = next(text for text in texts if f"rule {kind.name}:" in text)
        assert f'version=kind("{kind.name}").version' in rule


def test_the_protocols_say_the_numbers_in_use() -> None:
    from stylealign.measurements.generators import SHARE_IMAGES
    from stylealign.measurements.shared import DISTRIBUTION_PROTOCOL, SHARE_PROTOCOL
    from stylealign.metrics.share import MOST_IMAGES

    assert SHARE_IMAGES == MOST_IMAGES
    assert f"at most {MOST_IMAGES:,} of each" in SHARE_PROTOCOL

    assert f"at most {fid_kid.KID_MOST_IMAGES:,} of each set" in DISTRIBUTION_PROTOCOL
    assert f"with {fid_kid.NEIGHBOURS} neighbours" in DISTRIBUTION_PROTOCOL


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
@pytest.mark.parametrize("name", ["generators", "translation"])
def test_rows_from_features_are_those_from_images(name: str, folder: Path, tmp_path: Path) -> None:
    given = inputs_of(name, folder)[0]
    roles = [role for role in ("data", "target-data", "target-train", *SHARE_FILES) if given.files.get(role)]
    assert len(roles) >= 2
    features = dict(given.files)
    for role in roles:
        images = folder / f"{given.path(role).stem}.zip"
        out_dir = tmp_path / role
        assert main(["features", "--data", str(images), "--out-dir", str(out_dir)]) == 0
        features[role] = out_dir / f"{images.stem}.npz"
    kind = registry.kind(name)
    ours, theirs = (
        measured(kind, dataclasses.replace(given, files=files), SETTINGS, Silent)[0]
        for files in (features, given.files)
    )
    assert ours == theirs
